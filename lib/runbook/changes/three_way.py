"""Three ways: the objects before a task, what it is on record to have changed, and the objects now.

What is the task's is given back or it is not; whatever else differs is others' work since, and stays.
"""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from runbook.changes.drops import drop_statement
from runbook.changes.objects import Address, Objects, is_runbooks
from runbook.changes.record import ObjectChange

Kept = Mapping[str, tuple[str, str]]  # name → what it is part of, definition


@dataclass(frozen=True)
class LeftAlone:
    """Something others made, changed or dropped since.

    Attributes:
        name: kind and identity.
        what: `made`, `changed` or `dropped`.
    """

    name: str
    what: str

    def __str__(self) -> str:
        return f"left as it is: {self.name} ({self.what} since by others)"


@dataclass(frozen=True)
class NotGivenBack:
    """Something of the task's that is not as it was before it.

    Attributes:
        name: kind and identity.
        diff: from what it was to what it is, line by line.
    """

    name: str
    diff: tuple[str, ...]


def left_alone(before: Kept, now: Objects, due: Mapping[str, str | None], ours: Collection[str]) -> list[LeftAlone]:
    """Return what others have changed between two moments, what goes with something else folded into it.

    Args:
        before: the objects as they were.
        now: as they are.
        due: definitions that tasks which still stand have given to objects, None where they dropped them.
        ours: names of what is no others' work, whatever became of it.
    """
    found: dict[str, tuple[str, str]] = {}
    for name in sorted({*before, *now.keys()}):
        was, one = before.get(name), now.get(name)
        wanted = due.get(name, was[1] if was else None)
        definition = one.definition if one else None
        if name in ours or is_runbooks(name) or definition in (wanted, was[1] if was else None):
            continue
        what = "made" if wanted is None else "dropped" if one is None else "changed"
        found[name] = (what, one.part_of if one else was[0] if was else "")
    return [
        LeftAlone(name, what)
        for name, (what, part_of) in found.items()
        if part_of not in due and found.get(part_of, ("", ""))[0] != what
    ]


def not_given_back(leftover: Sequence[ObjectChange], now: Objects, standing: set[Address]) -> list[NotGivenBack]:
    """Return what a reversed task is still on record for and is not as it was before it.

    Args:
        leftover: what the record still holds of the task.
        now: the objects as they are.
        standing: the addresses of all that stands.
    """
    found = []
    for one in leftover:
        current = now.get(one.name)
        definition = current.definition if current else None
        if one.is_made and drop_statement(one.kind, one.identity):
            is_back = one.address not in standing
        else:  # what is neither as before nor as the task left it, others have changed since
            is_back = definition == one.before or definition != one.after or _has_grown(one.before, definition)
        if is_back:
            continue
        found.append(not_as_before(one.name, one.before, definition))
    names = {one.name for one in found}
    parts = {one.name: one.part_of for one in leftover}
    return [one for one in found if parts[one.name] not in names]


def not_as_before(name: str, before: str | None, now: str | None) -> NotGivenBack:
    """Return what is not given back, with the difference."""
    lines = difflib.unified_diff(_lines(before), _lines(now), "before", "now", lineterm="", n=1)
    return NotGivenBack(name, tuple(lines))


def _has_grown(before: str | None, now: str | None) -> bool:
    """Whether something is an enum with more values than before: PostgreSQL takes none away."""
    return before is not None and now is not None and before.startswith("ENUM ") and now.startswith(f"{before}, ")


def _lines(definition: str | None) -> list[str]:
    return [] if definition is None else (definition or "it stands").splitlines()
