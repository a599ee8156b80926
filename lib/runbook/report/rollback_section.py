"""The rollback as the report tells it: what was reversed, what was left to others, and what proves it."""

from collections.abc import Sequence
from dataclasses import dataclass

from runbook.evidence.model import TaskEntry
from runbook.report import gates
from runbook.report.gates import ShownCheck


@dataclass(frozen=True)
class Reversal:
    """A task that was reversed, or was to be.

    Attributes:
        proof: the checks that decided whether it was.
        dropped: the statements that dropped what it had made.
        left: what others had made, changed or dropped since, and what: it stays so.
        lacking: what is not given back, with the difference.
    """

    number: int
    name: str
    proof: tuple[ShownCheck, ...]
    dropped: tuple[str, ...]
    left: tuple[tuple[str, str], ...]
    lacking: tuple[tuple[str, str], ...]


NOTES = ("dropped", "left as it is", "not given back")


def reversals_of(tasks: Sequence[TaskEntry]) -> list[Reversal]:
    """Return the reversals of a manifest's tasks, newest task first."""
    reversed_ = [one for one in tasks if str(one.notebook).startswith("rollback_")]
    return [_reversal(one) for one in sorted(reversed_, key=lambda one: -one.number)]


def _reversal(task: TaskEntry) -> Reversal:
    notes = task.notes
    return Reversal(
        task.number,
        task.name,
        tuple(gates.show_check(one) for one in task.checks),
        tuple(notes.get("dropped") or ()),
        tuple((one["object"], one["by others"]) for one in notes.get("left as it is") or ()),
        tuple((one["object"], one["difference"]) for one in notes.get("not given back") or ()),
    )
