"""The cells that change the target: which of them a run that stopped has done, and which not.

Nothing but a cell tagged `apply` changes the target, so the executed notebooks tell it cell by cell.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.evidence import notebooks
from runbook.evidence.model import TaskEntry
from runbook.plan import cells
from runbook.report.gates import Mark

DONE, FAILED, WAITING = Mark("good", "✓", "done"), Mark("bad", "✗", "failed"), Mark("none", "–", "not reached")
BROKEN_OFF = Mark("warn", "!", "broken off")
REMAINS = {
    "backfill": "what its finished batches changed stays, and is not done again",
    "concurrently": "an index it left unfinished is found and built anew",
}
ROLLED_BACK = "one transaction: nothing of it stays"
UNKNOWN = "look at its cell: what it did before it stopped may stay"
STOPPED = "papermill-error-cell-tag"  # stands above the cell that stopped
FIRST_WORDS = re.compile(r"^(?!--)\S.*$", re.MULTILINE)
LONGEST = 90


@dataclass(frozen=True)
class AppliedCell:
    """A cell that changes the target.

    Attributes:
        place: where it stands.
        words: how it begins.
        note: what stays of it, where it did not end.
    """

    place: str
    words: str
    mark: Mark
    note: str


@dataclass(frozen=True)
class AppliedCells:
    """The cells of one task that change the target, and how far it got."""

    number: int
    name: str
    steps: tuple[AppliedCell, ...]

    @property
    def done(self) -> int:
        """How many are done."""
        return sum(step.mark is DONE for step in self.steps)


def applied_cells_of(folder: Path, tasks: Sequence[TaskEntry]) -> list[AppliedCells]:
    """Return how far each task of a manifest got that has an executed notebook in the folder and changes something."""
    found = []
    for task in tasks:
        path = folder / (task.notebook or "")
        steps = _steps(path) if path.is_file() else ()
        if steps:
            found.append(AppliedCells(task.number, task.name, steps))
    return found


def _steps(path: Path) -> tuple[AppliedCell, ...]:
    raw = notebooks.cells_of(path)
    return tuple(_step(raw, index, cell) for index, cell in enumerate(cells.read_cells(path)) if "apply" in cell.tags)


def _step(raw: list[dict[str, Any]], index: int, cell: cells.Cell) -> AppliedCell:
    mark = _mark(raw, index)
    first = FIRST_WORDS.search(cell.body)
    words = first[0].strip() if first else cell.body
    magic, line = cell.magic or ("", "")
    if magic == "backfill":  # its SQL begins like any query
        words = f"{magic} {line.partition(':')[0]}"
    note = "" if mark in (DONE, WAITING) else REMAINS.get(magic, ROLLED_BACK if magic == "sql" else UNKNOWN)
    shown = words if len(words) <= LONGEST else f"{words[: LONGEST - 1]}…"
    return AppliedCell(notebooks.place(raw, index), shown, mark, note)


def _mark(raw: list[dict[str, Any]], index: int) -> Mark:
    cell = raw[index]
    if any(output["output_type"] == "error" for output in cell["outputs"]):
        return FAILED
    above = raw[index - 1].get("metadata", {}).get("tags", ()) if index > 1 else ()
    status = cell.get("metadata", {}).get("papermill", {}).get("status")
    if STOPPED in above or status == "running":  # papermill says `completed` where a kernel died
        return BROKEN_OFF
    return DONE if cell.get("execution_count") else WAITING
