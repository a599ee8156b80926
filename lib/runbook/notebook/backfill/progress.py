"""The progress of a backfill: what its batches did so far, and how long the rest will take."""

import re
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field

KEPT = 200  # points of the history that are remembered


@dataclass
class Progress:
    """What was done so far.

    Attributes:
        total: rows for which there is room in the pass under way.
        done: of these, those its batches have gone over.
        retries: batches that met a lock and were tried again.
        waited: seconds the throttle held it.
        rested: seconds between batches that were left to others.
        sums: what the batches returned, by name, added up; `rows` among them.
        batches: how many were done.
        slowed: since when it waits or goes gently, in seconds since the beginning, and why; an entry for each change.
        history: after every batch, or every so many where there are more than a few hundred, the seconds since the
            beginning and the sums.
    """

    total: int = 0
    done: int = 0
    retries: int = 0
    waited: float = 0.0
    rested: float = 0.0
    sums: Counter[str] = field(default_factory=Counter)
    batches: int = 0
    slowed: list[tuple[float, str]] = field(default_factory=list)
    history: list[tuple[float, dict[str, int]]] = field(default_factory=list)
    _every: int = 1
    _begun: float = field(default_factory=time.perf_counter)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def seconds(self) -> float:
        """Seconds since the beginning."""
        return time.perf_counter() - self._begun

    def add(self, size: int, returned: Mapping[str, int]) -> None:
        """Remember a batch; for any thread."""
        with self._lock:
            self.done += size
            self.sums.update(returned)
            self.batches += 1
            if self.batches % self._every:
                return
            self.history.append((self.seconds, dict(self.sums)))
            if len(self.history) == 2 * KEPT:  # as long as it gets, however large the table
                del self.history[::2]
                self._every *= 2

    def slow(self, why: str) -> None:
        """Remember why it waits or goes gently from now on; empty: it does neither."""
        kind = re.sub(r"\d[\d,.]*", "…", why.partition(", at most")[0])  # one reason, whatever its figures
        if kind != (self.slowed[-1][1] if self.slowed else "") and len(self.slowed) < KEPT:
            self.slowed.append((self.seconds, kind))

    def spans(self) -> list[dict[str, float | str]]:
        """Return the spans in which it waited or went gently, each with its `begin` and `end` in seconds and `why`."""
        ends = [*(at for at, _ in self.slowed[1:]), self.seconds]
        spans = zip(self.slowed, ends, strict=False)
        return [{"begin": round(at, 3), "end": round(end, 3), "why": why} for (at, why), end in spans if why]

    def points(self) -> list[dict[str, float]]:
        """Return a few hundred points of the history at most, each with its `seconds` and sums."""
        last = [] if self.batches % self._every == 0 else [(self.seconds, dict(self.sums))]
        return [{"seconds": round(seconds, 3), **sums} for seconds, sums in [*self.history, *last]]

    def __str__(self) -> str:
        rows, seconds = self.sums["rows"], self.seconds - self.waited
        if not self.done:
            return f"{rows:,} rows"
        left = seconds * (self.total - self.done) / self.done
        return f"{rows:,} rows · {rows / seconds:,.0f} rows/s · {left:,.0f} s left"
