"""The comparison of two runs, or two environments, from their manifests alone."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook import formatting
from runbook.errors import UsageError
from runbook.evidence.model import Manifest, manifest_in
from runbook.report import access, fault_coverage, gates, notes, report, timeline, verdict
from runbook.report.verdict import Verdict

MOST_ROWS = 200
NOTHING = "–"
FIGURE = re.compile(r"\d (ms|%)")
APART = "apart: the two intervals, of 99 % confidence each, do not touch"
Facts = dict[str, str]


@dataclass(frozen=True)
class ComparedRow:
    """One thing in both runs; `change` says what the difference comes to, where that can be said."""

    what: str
    first: str
    second: str
    change: str = ""

    @property
    def differs(self) -> bool:
        """Whether the two runs differ in it, in more than a figure that never comes out the same twice."""
        return self.change == "apart" if self.change else self.first != self.second


@dataclass(frozen=True)
class Part:
    """A part of the comparison.

    Attributes:
        about: what its figures are.
        rows: what is shown.
        equal: how many things are equal and not shown.
        more: how many differ and are left out.
    """

    title: str
    about: str
    rows: tuple[ComparedRow, ...]
    equal: int = 0
    more: int = 0


def build_comparison(folder: Path, other: Path) -> Path:
    """Write the comparison of two runs beside the folder of the first, which is sealed, and return the page.

    Args:
        folder: of the run the other one is held against.
        other: of the other run.

    Raises:
        UsageError: a folder holds no run, or the runs are of different plans.
    """
    first, second = manifest_in(folder), manifest_in(other)
    if first.plan != second.plan:
        raise UsageError(f"{folder} is a run of {first.plan!r} and {other} of {second.plan!r}: nothing to compare.")
    page = folder.resolve().parent / f"compare_{folder.resolve().name}_{other.resolve().name}.html"
    sides = [(run, _verdict(where, run)) for where, run in ((folder, first), (other, second))]
    words = report.template("compare.html.j2").render(sides=sides, parts=parts_of(first, second), title=first.title)
    page.write_text(words, encoding="utf-8")
    return page


def parts_of(first: Manifest, second: Manifest) -> list[Part]:
    """Return the parts of a comparison, the most important first."""
    return [
        _part("The two runs", "What they were, and on what.", _about, first, second, everything=True),
        Part("Durations", "From a task's first cell to its gate.", tuple(_durations(first, second))),
        _part("Gates", "What criteria and triggers came to.", _decisions, first, second),
        _part("Checks", "Whether they passed, and what they found.", _checks, first, second),
        Part("Performance", f"Milliseconds, or percent of change; {APART}.", tuple(_performance(first, second))),
        _part(
            "What the tasks wrote down", "Rows, credits, access, and whatever else a task kept.", _notes, first, second
        ),
        _part("Versions and parameters", "Of what ran, and how.", _versions, first, second),
    ]


def _verdict(folder: Path, run: Manifest) -> Verdict:
    times = timeline.timeline_of(run.tasks, run.finished_at, run.escalate_at)
    return verdict.verdict_on(
        run, [gates.gate_of(task) for task in run.tasks], times, fault_coverage.coverage_of(folder, run)
    )


def _part(
    title: str,
    about: str,
    facts: Callable[[Manifest], Facts],
    first: Manifest,
    second: Manifest,
    *,
    everything: bool = False,
) -> Part:
    was, now = facts(first), facts(second)
    rows = [ComparedRow(what, was.get(what, NOTHING), now.get(what, NOTHING)) for what in dict.fromkeys([*was, *now])]
    shown = rows if everything else [row for row in rows if row.first != row.second]
    more = max(len(shown) - MOST_ROWS, 0)
    return Part(title, about, tuple(shown[:MOST_ROWS]), len(rows) - len(shown), more)


def _about(run: Manifest) -> Facts:
    approval, count = run.approval, gates.count_decisions(run.tasks)
    seconds = formatting.seconds_between(run.started_at, run.finished_at)
    server = {f"server: {name}": formatting.value(value) for name, value in (run.server or {}).items()}
    return {
        "environment": run.environment,
        "run": run.run_id,
        "operator": run.operator,
        "approved by": approval.approver if approval else "nobody on record",
        "started": formatting.moment(run.started_at),
        "duration": formatting.duration(seconds),
        "checks passed": f"{count['passed']} of {count['checks']}",
        "content": run.digest[:16],
        **server,
    }


def _durations(first: Manifest, second: Manifest) -> Iterator[ComparedRow]:
    spans = [
        {task.number: formatting.seconds_between(task.started_at, task.finished_at) for task in run.tasks}
        for run in (first, second)
    ]
    names = {task.number: task.name for run in (second, first) for task in run.tasks}
    for number, name in sorted(names.items()):
        one, other = (span.get(number) for span in spans)
        change = f"× {other / one:.2f}" if one and other else ""
        yield ComparedRow(f"{number} · {name}", formatting.duration(one), formatting.duration(other), change)


def _decisions(run: Manifest) -> Facts:
    found = [gates.gate_of(task) for task in run.tasks]
    states = {f"Task {one.number} · {one.name}": f"{one.mark_of_gate.sign} {one.mark_of_gate.word}" for one in found}
    decided = {
        f"Task {gate.number} · {one.name}": f"{one.mark.sign} {one.mark.word}"
        for gate in found
        for one in gate.decisions
    }
    return states | decided


def _checks(run: Manifest) -> Facts:
    """Return what every check came to; a measured figure, which no two runs share, counts by its verdict alone."""
    return {
        f"Task {task.number} · {check.name}": ("✓" if check.passed else "✗")
        + ("" if FIGURE.search(check.actual) else f" {check.actual}")
        for task in run.tasks
        for check in task.checks
    }


def _performance(first: Manifest, second: Manifest) -> Iterator[ComparedRow]:
    was, now = (dict(_figures(run)) for run in (first, second))
    for name in dict.fromkeys([*was, *now]):
        one, other = was.get(name), now.get(name)
        change = ""
        if one and other:
            apart = one["low"] > other["high"] or other["low"] > one["high"]
            change = "apart" if apart else "not apart"
        yield ComparedRow(name, _figure(one), _figure(other), change)


def _figures(run: Manifest) -> Iterator[tuple[str, dict[str, Any]]]:
    found = notes.sort_notes(run.tasks)
    for number, one in sorted([*found.comparisons, *found.measurements], key=lambda pair: pair[0]):
        yield f"Task {number} · {one['name']}", one


def _figure(one: Mapping[str, Any] | None) -> str:
    if one is None:
        return NOTHING
    if "change" in one:
        low, high = formatting.signed(one["low"]), formatting.signed(one["high"])
        return f"{formatting.signed(one['change'])} % ({low} … {high})"
    return f"{one['median']:.3f} ms ({one['low']:.3f} … {one['high']:.3f})"


def _notes(run: Manifest) -> Facts:
    return {
        f"Task {task.number} · {path}": said
        for task in run.tasks
        for name, value in task.notes.items()
        if name not in {"approval", "backup"} and not (isinstance(value, dict) and "low" in value)
        for path, said in _flat(name, value)
    }


def _flat(path: str, value: Any) -> Iterator[tuple[str, str]]:
    """Yield every plain value inside a note, with the way to it."""
    if access.is_matrix(value):
        for one in value:
            yield f"{one['object']} · {one['operation']} · {one['persona']}", str(one["outcome"])
    elif isinstance(value, dict) and value.keys() == {"names", "rows"}:
        for first, *rest in value["rows"]:
            for name, cell in zip(value["names"][1:], rest, strict=True):
                yield f"{path} · {first} · {name}", formatting.value(cell)
    elif isinstance(value, dict):
        for name, one in value.items():
            yield from _flat(f"{path} · {name}", one)
    elif isinstance(value, str) and "\n" in value:
        yield path, f"{formatting.amount(len(value.splitlines()), 'line')}, of {formatting.size(len(value.encode()))}"
    elif not isinstance(value, list) or len(value) < 10:
        yield path, formatting.value(value)


def _versions(run: Manifest) -> Facts:
    return dict(run.versions) | {f"parameter {name}": formatting.value(value) for name, value in run.parameters.items()}
