"""The result of running the `verify` cells again."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any

from runbook.formatting import amount


@dataclass(frozen=True)
class Drift:
    """A cell that no longer shows what the evidence shows.

    Attributes:
        cell: its place in the executed notebook, from 0.
        words: where, what, and what it shows instead.
    """

    task: int
    cell: int
    words: str


@dataclass
class ReplayOutcome:
    """The result of running the cells again.

    Attributes:
        checks: how many checks have the same verdict as in the evidence.
        tables: how many tables were the same.
        moved: how many tables show other rows, which is allowed.
        skipped: how many cells were not run, by kind.
    """

    checks: int = 0
    tables: int = 0
    moved: int = 0
    skipped: "Counter[str]" = field(default_factory=Counter)
    drifts: list[Drift] = field(default_factory=list)

    def __add__(self, other: "ReplayOutcome") -> "ReplayOutcome":
        return ReplayOutcome(
            self.checks + other.checks,
            self.tables + other.tables,
            self.moved + other.moved,
            self.skipped + other.skipped,
            self.drifts + other.drifts,
        )

    def words(self) -> str:
        """Return what holds, in words."""
        words = "shows other rows, as it may" if self.moved == 1 else "show other rows, as they may"
        moved = f", {amount(self.moved, 'table')} {words}" if self.moved else ""
        return f"{amount(self.checks, 'check')} and {amount(self.tables, 'table')} hold{moved}"

    def summary(self) -> dict[str, Any]:
        """Return what the manifest keeps."""
        return {**vars(self), "drifts": [vars(drift) for drift in self.drifts]}
