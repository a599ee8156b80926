"""Finish scripts: SQL that archives and drops what a task has left of the old system.

A line `-- %%archive NAME` begins the query whose rows go to the evidence, `-- %%drop NAME` the statements that drop the
same thing afterwards. Each name has both, in this order.
"""

import re
from dataclasses import dataclass

from runbook.errors import UsageError
from runbook.plan.model import Task
from runbook.plan.plan import Plan

MARK = re.compile(r"^-- %%(archive|drop) +(.+?) *$", re.MULTILINE)


@dataclass(frozen=True)
class Remainder:
    """Something that serves a rollback alone.

    Attributes:
        task: number of the task.
        name: as an operator calls it.
        archive: the query whose rows are kept in the evidence.
        drop: the statements that drop it.
    """

    task: int
    name: str
    archive: str
    drop: str


def remainders(plan: Plan) -> list[Remainder]:
    """Return what the tasks of a plan leave behind, the newest task's first.

    Raises:
        UsageError: a script is missing, or not in parts; nothing was run.
    """
    return [one for task in reversed(plan.tasks) if task.finish is not None for one in _read(task)]


def _read(task: Task) -> list[Remainder]:
    assert task.finish is not None
    try:
        head, *rest = MARK.split(task.finish.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise UsageError(f"Task {task.number} cannot be made final: {task.finish} is missing.") from None
    parts = [(rest[at], rest[at + 1], rest[at + 2].strip().rstrip(";")) for at in range(0, len(rest), 3)]
    pairs = list(zip(parts[::2], parts[1::2], strict=False))
    is_whole = len(parts) % 2 == 0 and all(
        (one[0], other[0]) == ("archive", "drop") and one[1] == other[1] for one, other in pairs
    )
    if not parts or not is_whole or re.sub(r"--.*", "", head).strip():
        raise UsageError(
            f"{task.finish}: write `-- %%archive NAME` and a query, then `-- %%drop NAME` and what drops the same."
        )
    return [Remainder(task.number, one[1], one[2], other[2]) for one, other in pairs]
