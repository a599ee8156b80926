"""What became of each target of a fleet, read from the evidence of its newest run."""

import statistics
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from runbook import formatting
from runbook.errors import UsageError
from runbook.evidence import seal
from runbook.evidence.cell_digests import json_digest
from runbook.evidence.manifest import JOURNAL, read_manifest
from runbook.plan import fleets
from runbook.plan.fleets import Fleet, FleetTarget
from runbook.plan.plan import Plan
from runbook.report.gates import STATES

RUNNING, UNREADABLE = "running", "unreadable"
FAR = 5.0  # an outlier lies so many times the usual deviation from the median
FEW = 5  # of fewer, none is an outlier


@dataclass(frozen=True)
class Row:
    """A target of the fleet and its newest run.

    Attributes:
        status: of that run: `complete`, `failed`, `rolled_back`, `running`, `not_run`, or `unreadable`.
        stopped_at: the first shut gate, with what shut it.
        seconds: the run took.
        figures: what the plan's `figures` name, such as rows before and after.
        accepted: findings about the target that somebody accepted.
        outlier: what of it lies far from the other targets.
    """

    target: str
    wave: int
    status: str = "not_run"
    run: str = ""
    started_at: str | None = None
    seconds: float | None = None
    stopped_at: str = ""
    figures: dict[str, float] = field(default_factory=dict)
    accepted: int = 0
    digest: str = ""
    head: str = ""
    report: str = ""
    outlier: str = ""


def require_fleet(plan: Plan, name: str) -> Fleet:
    """Return a fleet of the plan.

    Raises:
        UsageError: it has none of this name.
    """
    if name not in plan.fleets:
        raise UsageError(f"There is no fleet {name!r} in runbook.toml; it has {', '.join(plan.fleets) or 'none'}.")
    return plan.fleets[name]


def rows_of(plan: Plan, fleet: Fleet) -> list[Row]:
    """Return a row for each target of the inventory, wave by wave."""
    folder = plan.outputs / fleet.name
    found = [_row(folder, target, plan.figures) for target in fleets.inventory(plan.root, fleet)]
    return list(_with_outliers(found))


def summary(fleet: Fleet, rows: list[Row]) -> dict[str, Any]:
    """Return the fleet as JSON has it, with the digest over all heads."""
    heads = [[row.target, row.run, row.status, row.head] for row in rows]
    counts = Counter(row.status for row in rows)
    return {
        "fleet": fleet.name,
        "counts": dict(sorted(counts.items())),
        "targets": [asdict(row) for row in rows],
        "digest": json_digest(heads),
    }


def _row(folder: Path, target: FleetTarget, figures: Mapping[str, tuple[str, str]]) -> Row:
    runs = sorted((path for path in (folder / target.name).glob("*") if (path / JOURNAL).is_file()), reverse=True)
    for run in runs:
        found = _row_of_run(run, target, figures)
        if found is not None:
            return found
    return Row(target.name, target.wave)


def _row_of_run(run: Path, target: FleetTarget, figures: Mapping[str, tuple[str, str]]) -> Row | None:
    """Return the row of a run; None: it was about giving up the rollback, which changes nothing of the others."""
    try:
        manifest = read_manifest(run)
        if "final" in manifest:
            return None
        return Row(
            target=target.name,
            wave=target.wave,
            status=manifest["status"] if manifest["status"] in STATES else UNREADABLE,
            run=run.name,
            started_at=manifest["started_at"],
            seconds=formatting.seconds_between(manifest["started_at"], manifest["finished_at"]),
            stopped_at=_shut_gate(manifest["tasks"]),
            figures=_figures(manifest["tasks"], figures),
            accepted=sum(bool(check.get("accepted")) for task in manifest["tasks"] for check in task["checks"]),
            digest=str(manifest["digest"]),
            head=seal.head(run) if seal.is_sealed(run) else "",
            report=f"{target.name}/{run.name}/report.html",
        )
    except FileNotFoundError:
        return Row(target.name, target.wave, RUNNING, run.name)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Row(target.name, target.wave, UNREADABLE, run.name)


def _shut_gate(tasks: Iterable[dict[str, Any]]) -> str:
    """Return the first task that failed, with its first check that did."""
    for task in tasks:
        if task["status"] == "failed":
            wrong = next((check["name"] for check in task["checks"] if not check["passed"]), "")
            return f"Task {task['number']} · {task['name']}" + (f": {wrong}" if wrong else "")
    return ""


def _figures(tasks: Iterable[dict[str, Any]], wanted: Mapping[str, tuple[str, str]]) -> dict[str, float]:
    notes = {name: note for task in tasks for name, note in task["notes"].items()}
    found = {name: _figure(notes.get(note), key) for name, (note, key) in wanted.items()}
    return {name: value for name, value in found.items() if value is not None}


def _figure(note: Any, key: str) -> float | None:
    """Return an entry of a note, or the sum of a column where the note is a table; None where it has none."""
    if not isinstance(note, dict):
        return None
    if "names" in note and "rows" in note:
        if key not in note["names"]:
            return None
        place = note["names"].index(key)
        return sum(row[place] or 0 for row in note["rows"])
    value = note.get(key)
    return value if isinstance(value, int | float) else None


def _with_outliers(rows: list[Row]) -> Iterator[Row]:
    """Mark what lies far from the others: by the median and the median deviation, which one outlier does not move."""
    complete = [row.seconds for row in rows if row.status == "complete" and row.seconds is not None]
    middle = statistics.median(complete) if complete else 0.0
    usual = statistics.median(abs(seconds - middle) for seconds in complete) if complete else 0.0
    digests = Counter(row.digest for row in rows if row.digest)
    common = digests.most_common(1)[0][0] if digests else ""
    far = FAR * max(usual, middle / 20)
    for row in rows:
        words = []
        if row.seconds is not None and len(complete) >= FEW and abs(row.seconds - middle) > far:
            words.append(f"took {formatting.duration(row.seconds)}, the others about {formatting.duration(middle)}")
        if row.digest and row.digest != common:
            words.append("ran other content")
        yield replace(row, outlier="; ".join(words))
