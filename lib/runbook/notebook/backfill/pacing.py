"""The pace of a backfill: how many workers take how many rows at a time, and how long they rest in between."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from runbook.errors import UsageError

FADES = 0.8  # what a batch counts for after each that follows
USUAL = {"workers": 2, "batch_ms": 50, "batch_blocks": 128, "gentle_ms": 0.5, "rest": 3.0}
AT_LEAST = {"workers": 1, "batch_ms": 1, "batch_blocks": 1, "gentle_ms": 0, "rest": 0}


@dataclass
class Pace:
    """How a pass is carried out.

    Attributes:
        workers: how many at once.
        batch_ms: milliseconds a batch should take.
        batch_blocks: heap blocks a batch takes at most.
        gentle_ms: milliseconds it should take while others are at work, or twice those of a batch of one row; then
            one worker goes alone. 0: as if nobody else were there.
        rest: while others are at work, the worker rests so many times as long as it worked.
        others: whether others are at work, or the server needs it otherwise; true until somebody has looked.
    """

    workers: int
    batch_ms: int
    batch_blocks: int
    gentle_ms: float
    rest: float
    others: bool = True

    @classmethod
    def from_parameters(cls, parameters: Mapping[str, Any]) -> "Pace":
        """Return the pace a notebook's parameters ask for.

        Raises:
            UsageError: one of them is too small.
        """
        chosen = {name: parameters.get(name, usual) for name, usual in USUAL.items()}
        for name, least in AT_LEAST.items():
            if chosen[name] < least:
                raise UsageError(f"The parameter {name} must be {least} or more.")
        return cls(**chosen)

    @property
    def gently(self) -> bool:
        """Whether one worker goes alone, in short batches with a rest after each."""
        return self.others and self.gentle_ms > 0

    def next_size(self, size: int, cost: "Cost") -> int:
        """Return how many rows to take after a batch of `size` rows; at most twice as many.

        A batch is given its milliseconds, or twice as long as one of a single row takes: with less, most of the work
        would be done for no rows, and others would be disturbed for longer.
        """
        given = max((self.gentle_ms if self.gently else self.batch_ms) / 1000, 2 * cost.single)
        return max(1, min(1 + int((given - cost.single) / cost.row), 2 * size))

    def pause(self, seconds: float) -> float:
        """Return the seconds to rest after a batch that took `seconds`."""
        return seconds * self.rest if self.gently else 0.0


@dataclass
class Cost:
    """What the batches of a worker have taken; each counts for less than the one after it.

    Attributes:
        single: seconds of a batch of one row, on the average.
        batches, more, seconds: of larger ones: how many, how many rows beside the first of each, and the seconds.
    """

    single: float = 0.0
    batches: float = 0.0
    more: float = 0.0
    seconds: float = 0.0

    def add(self, rows: int, seconds: float) -> None:
        """Count a batch; one no larger than the others that took very long has waited, and counts for four of these."""
        if rows == 1:
            self.single = (self.single + min(seconds, 4 * self.single)) / 2 if self.single else seconds
            return
        is_like_others = (rows - 1) * self.batches <= 1.5 * self.more
        counted = min(seconds, 4 * self.seconds / self.batches) if self.batches and is_like_others else seconds
        self.batches = FADES * self.batches + 1
        self.more = FADES * self.more + rows - 1
        self.seconds = FADES * self.seconds + counted

    @property
    def row(self) -> float:
        """Seconds that a row beside the first takes."""
        return max((self.seconds - self.batches * self.single) / max(self.more, 1), 1e-6)


class Batch(NamedTuple):
    """A range of row identifiers: from `first` on, up to but without `last`; room for about `size` rows."""

    first: str
    last: str
    size: int


@dataclass
class Tids:
    """Hands out the row identifiers (TIDs) of a pass, range after range, each once; to any thread.

    The ranges lie end to end, so none is left out however many rows a block really holds.

    Attributes:
        blocks: heap blocks of the table.
        rows_per_block: about how many rows one holds, so that a batch can be less than a block.
        most_blocks: how many a batch takes at most.
        given: rows handed out so far.
    """

    blocks: int
    rows_per_block: int
    most_blocks: int
    given: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def total(self) -> int:
        """For how many rows there is room."""
        return self.blocks * self.rows_per_block

    def take(self, size: int) -> Batch | None:
        """Return the next batch, of `size` rows or fewer; None when there is no more."""
        with self.lock:
            first = self.given
            self.given = min(first + min(size, self.most_blocks * self.rows_per_block), self.total)
            if first == self.given:
                return None
            return Batch(self._tid(first), self._tid(self.given), self.given - first)

    def _tid(self, number: int) -> str:
        return "({},{})".format(*divmod(number, self.rows_per_block))
