"""The rows of a gate: everything a task must show, each with its verdict and the checks behind it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook.database.records import Check
from runbook.plan.plan import Plan, Task

DELIVERED = "deliverable: "  # how the note of a deliverable begins
ADVICE = "advice"  # the note that says what to do after a task has failed
COMPLETION = "completion"  # the note that holds the boxes of a complete task


@dataclass(frozen=True)
class GateRow:
    """One thing a gate decides.

    Attributes:
        sort: `deliverable`, `criterion`, `trigger`, `gate`, `box` or `completion`.
        words: the plan's words.
        fine: whether it is as it must be; None is undecided.
        checks: those that decided it.
        said: its figure, or why it is not fine.
        key: the kind of a quality gate, what a condition of completion means.
    """

    sort: str
    words: str
    fine: bool | None
    checks: tuple[Check, ...] = field(default=(), repr=False)
    said: str = ""
    key: str = ""


def verdict_of(checks: Iterable[Check]) -> bool | None:
    """Return whether all checks passed; None where there is none."""
    passed = [check.passed for check in checks]
    return all(passed) if passed else None


def gate_rows(
    plan: Plan, task: Task, checks: Sequence[Check], notes: Mapping[str, Any] | None = None
) -> dict[str, list[GateRow]]:
    """Return what a task's checks have decided, by sort, in the plan's order.

    Args:
        plan: the plan of the task.
        task: whose gate it is.
        checks: its verdicts.
        notes: what it wrote down: the figures of its deliverables, and its boxes once it is complete.
    """
    notes = notes or {}
    is_asked = any(box.means == "deliverables" for box in plan.checklist.completion)
    deliverables = task.deliverables if is_asked else ()
    said = {name: (notes.get(f"{DELIVERED}{name}") or {}).get("said", "") for name in deliverables}
    boxes = plan.checklist.preparation if task == plan.tasks[0] else ()
    return {
        "gate": quality_rows(plan, checks),
        "deliverable": [_row("deliverable", words, checks, said[words]) for words in deliverables],
        "criterion": [_row("criterion", words, checks) for words in task.criteria],
        "trigger": [_row("trigger", words, checks) for words in task.triggers],
        "box": [_row("box", words, checks) for words in boxes],
        "completion": [
            GateRow("completion", one["box"], one["fine"], said=one["said"], key=one["means"])
            for one in notes.get(COMPLETION) or ()
        ],
    }


def quality_rows(plan: Plan, checks: Sequence[Check]) -> list[GateRow]:
    """Return a task's row of the matrix: a cell for each quality gate of the plan."""
    cells = []
    for gate in plan.checklist.quality_gates:
        deciding = tuple(check for check in checks if check.gate == gate.kind)
        cells.append(GateRow("gate", gate.name, verdict_of(deciding), deciding, gate.meaning, gate.kind))
    return cells


def _row(sort: str, words: str, checks: Sequence[Check], said: str = "") -> GateRow:
    deciding = tuple(check for check in checks if getattr(check, sort) == words)
    return GateRow(sort, words, verdict_of(deciding), deciding, said)
