"""Paper: the table in the terminal, the JSON and the charts of a bench."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import matplotlib as mpl
from matplotlib.figure import Figure
from rich.console import Console
from rich.table import Table

from bench.figures import Finding, Part
from runbook.step.charts import BLUE, GREEN, GREY, INK, RED, SIZE, STYLE

VERDICTS = {True: "[green]✓[/]", False: "[red]✗[/]", None: ""}
SIGNS = {">=": "≥", "<=": "≤"}


def show(part: Part, console: Console) -> None:
    """Print what a part found: its subjects, then the figures that matter."""
    subjects = Table(title=part.title, title_justify="left", title_style="bold")
    subjects.add_column("subject")
    for metric, unit in part.units.items():
        subjects.add_column(f"{metric}\n{unit}" if unit not in metric else metric, justify="right")
    for name in part.samples:
        subjects.add_row(name, *(spread(part.values(name, metric)) for metric in part.units))
    console.print(subjects)
    findings = Table()
    for heading in ("figure", "median", "lowest … highest", "goal", ""):
        findings.add_column(heading, justify="right" if heading in {"median", "lowest … highest"} else "left")
    for one in part.findings:
        findings.add_row(
            one.name, f"{_short(one.median)} {one.unit}", _range(one.values), _goal(one), VERDICTS[one.reached]
        )
    console.print(findings)


def write(folder: Path, parts: Sequence[Part], head: dict[str, Any]) -> Path:
    """Write `bench.json` and a chart per part into `folder`, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    kept = {
        part.name: {
            "title": part.title,
            "units": dict(part.units),
            "samples": part.samples,
            "findings": [one.summary() for one in part.findings],
            "facts": dict(part.facts),
        }
        for part in parts
    }
    text = json.dumps({**head, "parts": kept}, indent=1, ensure_ascii=False)
    (folder / "bench.json").write_text(text + "\n", encoding="utf-8")
    for part in parts:
        draw(part, folder / f"{part.name}.png")
    return folder


def draw(part: Part, path: Path) -> None:
    """Draw a bar per subject for the part's first metric, its spread, and below the ratios against their goals."""
    metric, unit = next(iter(part.units.items()))
    names = [name for name in part.samples if part.values(name, metric)]
    goals = [one for one in part.findings if one.goal]
    with mpl.rc_context(STYLE):
        heights = (max(len(names), 2), max(len(goals), 1))
        figure = Figure(figsize=(SIZE[0], 0.42 * sum(heights) + 1.9), layout="constrained")
        upper, lower = figure.subplots(2, 1, height_ratios=heights)
    upper.set_title(part.title)
    for place, name in enumerate(names):
        values = part.values(name, metric)
        middle = Finding(name, values).median
        upper.barh(place, middle, 0.62, color=BLUE)
        upper.plot([min(values), max(values)], [place, place], color=INK, linewidth=1.4)
        upper.annotate(f" {_short(middle)}", (max(*values, middle), place), va="center", color=GREY)
    upper.set_yticks(range(len(names)), names)
    upper.invert_yaxis()
    upper.grid(axis="y", visible=False)
    upper.set_xlabel(f"{metric}, {unit} (bar: median, line: lowest to highest)")
    upper.margins(x=0.1)
    for place, one in enumerate(goals):
        limit = float(one.goal.split()[1])
        scale = limit or 1.0
        colour = GREEN if one.reached else RED
        lower.plot(
            [min(one.values) / scale, max(one.values) / scale], [place, place], color=colour, linewidth=5, alpha=0.35
        )
        lower.plot(one.median / scale, place, "o", color=colour)
        lower.annotate(
            f"{_short(one.median)} {one.unit}, goal {_goal(one)}",
            (one.median / scale, place),
            (8, 6),
            textcoords="offset points",
            fontsize=8,
            color=GREY,
        )
    lower.axvline(1, color=GREY, linestyle="--", linewidth=1.2)
    lower.set_yticks(range(len(goals)), [one.name for one in goals])
    lower.set_ylim(len(goals) - 0.4, -0.7)
    lower.set_xlabel("share of the goal (dashed: the goal)")
    lower.margins(x=0.3)
    figure.savefig(path, dpi=110)


def spread(values: Sequence[float]) -> str:
    """Return median, lowest and highest in words."""
    if not values:
        return ""
    return f"{_short(Finding('', values).median)} [dim]({_range(values)})[/]" if len(values) > 1 else _short(values[0])


def _range(values: Sequence[float]) -> str:
    return f"{_short(min(values))} … {_short(max(values))}"


def _goal(one: Finding) -> str:
    sign, _, number = one.goal.partition(" ")
    return f"{SIGNS.get(sign, sign)} {number}" if one.goal else ""


def _short(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
