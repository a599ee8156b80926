"""The matrix of quality gates: a row for each task, a column for each gate, and the checks behind every cell."""

from collections.abc import Sequence
from dataclasses import dataclass

from runbook.evidence.model import DeliverableEntry, QualityEntry, TaskEntry
from runbook.report.gates import FAILED, PASSED, Mark, ShownCheck, show_check

UNDECIDED, NOT_RUN = Mark("warn", "?", "undecided"), Mark("none", "·", "not run")
DONE = {True: Mark("good", "☑", "yes"), False: Mark("bad", "☒", "no"), None: Mark("warn", "☐", "undecided")}
DELIVERED = {
    True: Mark("good", "✓", "delivered"),
    False: Mark("bad", "✗", "not delivered"),
    None: Mark("warn", "?", "undecided"),
}


@dataclass(frozen=True)
class QualityCell:
    """A quality gate of a task.

    Attributes:
        anchor: where its checks stand on the page.
    """

    name: str
    meaning: str
    mark: Mark
    checks: tuple[ShownCheck, ...]
    anchor: str


@dataclass(frozen=True)
class QualityRow:
    """The quality gates of a task, with what it delivered and the conditions it met."""

    number: int
    name: str
    cells: tuple[QualityCell, ...]
    deliverables: tuple[tuple[Mark, DeliverableEntry], ...]
    boxes: tuple[tuple[Mark, str, str], ...]


def quality_rows_of(tasks: Sequence[TaskEntry]) -> list[QualityRow]:
    """Return the matrix of a manifest's tasks; empty where the plan has no quality gates, or had none then."""
    return [_row(task) for task in tasks] if any(task.quality for task in tasks) else []


def _row(task: TaskEntry) -> QualityRow:
    has_run = task.status not in {"not_run", "rolled_back"}
    preparation = [(DONE[one.done], one.name, "") for one in task.preparation if has_run]
    completion = [(DONE[one.fine], one.box, one.said) for one in task.completion]
    return QualityRow(
        number=task.number,
        name=task.name,
        cells=tuple(_cell(task, gate, has_run) for gate in task.quality),
        deliverables=tuple((DELIVERED[one.delivered], one) for one in task.deliverables if has_run),
        boxes=tuple(preparation + completion),
    )


def _cell(task: TaskEntry, gate: QualityEntry, has_run: bool) -> QualityCell:
    deciding = sorted(
        (check for check in task.checks if check.gate == gate.kind),
        key=lambda check: check.passed,
    )
    mark = {True: PASSED, False: FAILED, None: UNDECIDED}[gate.passed] if has_run else NOT_RUN
    anchor = f"gate-{task.number}-{gate.kind}"
    return QualityCell(gate.name, gate.meaning, mark, tuple(map(show_check, deciding)), anchor)
