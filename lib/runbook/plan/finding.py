"""Findings: facts about a target that an operator must know, each of one class, with what to do about it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

BLOCKS, UNACCEPTED, ADAPTED, NOTED = "blocks", "needs acceptance", "adapted", "noted"
CLASSES = (BLOCKS, UNACCEPTED, ADAPTED, NOTED)
MOST_ROWS = 20  # of a finding are kept; `count` tells how many there are


@dataclass(frozen=True)
class Finding:
    """One finding.

    Attributes:
        kind: one of `CLASSES`.
        task: number of the task whose notebook asked.
        check: the name of the check or of the cell that found it.
        what: what was found, in words.
        names: the columns of `rows`.
        rows: the rows it is about, the first `MOST_ROWS` of them.
        count: how many rows it is about; 0 where it is about none.
        remedy: the statement that mends it, the command that accepts it, or what the runbook makes of it.
        keyed: where it may be accepted, every row by the digest of its key, with how far it is from right.
    """

    kind: str
    task: int
    check: str
    what: str
    names: tuple[str, ...] = ()
    rows: tuple[tuple[Any, ...], ...] = ()
    count: int = 0
    remedy: str = ""
    keyed: Mapping[str, Decimal | None] = field(default_factory=dict, repr=False)

    @classmethod
    def from_check(cls, kind: str, task: int, check: str, what: str, found: Any = None, remedy: str = "") -> "Finding":
        """Return the finding of a check.

        Args:
            kind: one of `CLASSES`.
            task: number of the task.
            check: name of the check.
            what: in words.
            found: the rows it is about (with `field_names`, where they have names), or None.
            remedy: what helps.
        """
        rows = [tuple(row) for row in found] if isinstance(found, list) else []
        names = tuple(getattr(found, "field_names", ()))
        return cls(kind, task, check, what, names, tuple(rows[:MOST_ROWS]), len(rows), remedy)

    def summary(self) -> dict[str, Any]:
        """Return the finding as evidence and `--json` keep it; every value of a row in words."""
        rows = [[_in_words(one) for one in row] for row in self.rows]
        told = {name: value for name, value in self.__dict__.items() if name != "keyed"}
        return {**told, "names": list(self.names), "rows": rows}


def _in_words(value: Any) -> str | None:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return None if value is None else str(value)


def ordered(findings: Iterable[Finding]) -> list[Finding]:
    """Return findings by class, the gravest first, each class in the order it was found."""
    return sorted(findings, key=lambda one: CLASSES.index(one.kind))


def listed(findings: Sequence[Finding]) -> str:
    """Return findings as a list in one text, a line each."""
    return "\n".join(
        f"  {place}. “{one.check}”: {one.what}" + (f" {one.remedy}" if one.remedy else "")
        for place, one in enumerate(findings, 1)
    )
