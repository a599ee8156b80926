"""Rows of the ledger: verdicts, and the state of tasks."""

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Check:
    """One verdict.

    Attributes:
        criterion: the success criterion it decides, in the plan's words, or None.
        trigger: the rollback trigger it fires when it fails, in the plan's words, or None.
        deliverable: the deliverable it verifies, in the plan's words, or None.
        box: the condition of preparation it fulfils, in the plan's words, or None.
        gate: the kind of the quality gate it belongs to, or None.
        accepted: who let its rows stand, how many and why; None: it passed or failed by itself.
    """

    name: str
    expected: str
    actual: str
    passed: bool
    criterion: str | None = None
    trigger: str | None = None
    deliverable: str | None = None
    box: str | None = None
    gate: str | None = None
    accepted: str | None = None


@dataclass(frozen=True)
class TaskState:
    """The last state of a task, whichever run it was in."""

    number: int
    run_id: str
    status: str
    started_at: datetime
    finished_at: datetime | None
    content: str = ""
