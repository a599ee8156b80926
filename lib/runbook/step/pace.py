"""The pace of a backfill: how many workers take how many blocks at a time, and how long they rest in between."""

import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from runbook.errors import UsageError

FIRST_BATCH = 8  # blocks: few, while nobody knows yet how long they take
USUAL = {"workers": 2, "batch_ms": 50, "batch_blocks": 128, "gentle_ms": 2, "rest": 2.0}
AT_LEAST = {"workers": 1, "batch_ms": 1, "batch_blocks": 1, "gentle_ms": 0, "rest": 0}


@dataclass
class Pace:
    """How a pass is carried out.

    Attributes:
        workers: how many at once.
        batch_ms: milliseconds a batch should take.
        batch_blocks: heap blocks a batch takes at most.
        gentle_ms: milliseconds it should take while others are at work; then one worker goes alone. 0: as if nobody
            else were there.
        rest: while others are at work, the worker rests so many times as long as it worked.
        others: whether others are at work; true until somebody has looked.
    """

    workers: int
    batch_ms: int
    batch_blocks: int
    gentle_ms: int
    rest: float
    others: bool = True

    @classmethod
    def of(cls, parameters: Mapping[str, Any]) -> "Pace":
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

    @property
    def first_size(self) -> int:
        """How many blocks the first batch takes."""
        return min(FIRST_BATCH, self.batch_blocks)

    def next_size(self, size: int, seconds: float) -> int:
        """Return how many blocks to take after a batch of `size` blocks took `seconds`; at most twice as many."""
        milliseconds = self.gentle_ms if self.gently else self.batch_ms
        fitting = int(size * milliseconds / 1000 / max(seconds, 1e-6))
        return max(1, min(fitting, 2 * size, self.batch_blocks))

    def pause(self, seconds: float) -> float:
        """Return the seconds to rest after a batch that took `seconds`."""
        return max(0.0, seconds) * self.rest if self.gently else 0.0


@dataclass
class Blocks:
    """Hands out the heap blocks of a pass, each once; to any thread."""

    total: int
    given: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int) -> tuple[int, int] | None:
        """Return the first of the next blocks and the one behind the last; None when there are no more."""
        with self.lock:
            first, self.given = self.given, min(self.given + size, self.total)
            return (first, self.given) if first < self.given else None
