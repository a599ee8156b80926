"""Access: the matrix of who may do what, as a task wrote it down."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from runbook.evidence.model import TaskEntry
from runbook.plan.expectations import AS_FOUND

COLUMNS = {"object", "operation", "persona", "expected", "outcome", "right"}
WORDS = {"done": "yes", "0": "nothing", "denied": "denied"}


@dataclass(frozen=True)
class MatrixCell:
    """What came of one statement of one persona, in a word, and whether that is as declared."""

    word: str
    right: bool
    expected: str


@dataclass(frozen=True)
class Matrix:
    """Who may do what.

    Attributes:
        task: number of the task that tried it.
        personas: the columns.
        groups: (object, its operations), an operation being (name, cells).
        wrong: how many cells are not as declared.
        declares: whether anything was declared; else it is the target as it was found.
    """

    task: int
    personas: tuple[str, ...]
    groups: tuple[tuple[str, tuple[tuple[str, tuple[MatrixCell, ...]], ...]], ...]
    attempts: int
    wrong: int
    declares: bool


def is_matrix(value: Any) -> bool:
    """Tell whether a note is what `task.access` returns."""
    return isinstance(value, list) and bool(value) and isinstance(value[0], dict) and value[0].keys() >= COLUMNS


def matrices_of(tasks: Iterable[TaskEntry]) -> list[Matrix]:
    """Return the matrices among the notes of a manifest's tasks."""
    return [_matrix(task.number, value) for task in tasks for value in task.notes.values() if is_matrix(value)]


def _matrix(task: int, tried: Sequence[dict[str, Any]]) -> Matrix:
    personas = tuple(dict.fromkeys(one["persona"] for one in tried))
    cells = {(one["object"], one["operation"], one["persona"]): _cell(one) for one in tried}
    objects: dict[str, dict[str, None]] = {}
    for one in tried:
        objects.setdefault(one["object"], {})[one["operation"]] = None
    groups = tuple(
        (thing, tuple((name, tuple(cells[thing, name, persona] for persona in personas)) for name in names))
        for thing, names in objects.items()
    )
    wrong = sum(not one["right"] for one in tried)
    return Matrix(task, personas, groups, len(tried), wrong, any(one["expected"] != AS_FOUND for one in tried))


def _cell(tried: dict[str, Any]) -> MatrixCell:
    outcome = str(tried["outcome"])
    word = WORDS.get(outcome) or ("yes" if outcome.isdigit() and len(outcome) < 5 else f"error {outcome}")
    return MatrixCell(word, bool(tried["right"]), str(tried["expected"]))
