"""Measurements: how long a statement took, and whether a second one took longer, each with a confidence interval."""

from dataclasses import dataclass, field
from functools import cached_property
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONFIDENCE = 0.99


@dataclass(frozen=True)
class Spread:
    """How far a median can be relied on: the width of its confidence interval.

    Attributes:
        width: in milliseconds.
        median: in milliseconds.
    """

    width: float
    median: float

    def exceeds(self, limit: float, floor: float = 0.0) -> bool:
        """Tell whether the width is above `limit` percent of the median, and above `floor` milliseconds."""
        return self.width > max(self.median * limit / 100, floor)

    def __str__(self) -> str:
        return f"{self.width / self.median * 100:.1f} %, {self.width:.3f} ms"


@dataclass(frozen=True)
class Measurement:
    """Durations of one statement, as the client sees them.

    Attributes:
        samples: milliseconds, in the order taken; shape (n,).
    """

    name: str
    samples: NDArray[np.float64] = field(repr=False)

    @property
    def median(self) -> float:
        """Median in milliseconds."""
        return float(np.median(self.samples))

    def percentile(self, percent: float) -> float:
        """Return a percentile in milliseconds."""
        return float(np.percentile(self.samples, percent))

    def exceeds(self, limit: float, floor: float = 0.0) -> bool:
        """Tell whether the median is above `limit` and `floor` milliseconds beyond the confidence interval."""
        return self.interval[0] > max(limit, floor)

    @cached_property
    def interval(self) -> tuple[float, float]:
        """Confidence interval of the median in milliseconds: what the sign test does not reject."""
        return _within(np.sort(self.samples), deviation=np.sqrt(len(self.samples)) / 2)

    def spread(self) -> Spread:
        """Return how far the median can be relied on."""
        low, high = self.interval
        return Spread(high - low, self.median)

    def __str__(self) -> str:
        return f"{self.median:.3f} ms"

    def summary(self) -> dict[str, Any]:
        """Return what the ledger keeps: n, and median, p95, p99, low and high in milliseconds."""
        low, high = self.interval
        return {
            "name": self.name,
            "n": len(self.samples),
            "median": round(self.median, 4),
            "p95": round(self.percentile(95), 4),
            "p99": round(self.percentile(99), 4),
            "low": round(low, 4),
            "high": round(high, 4),
        }


@dataclass(frozen=True)
class Comparison:
    """Durations of two statements taken in pairs, and the change from the one to the other.

    A server that wakes or falls asleep multiplies all durations at once, often halfway through: each median is then of
    one half or the other, and their ratio of anything. The two of a pair are taken within a millisecond, so each pair
    has its own ratio, and the change is the Hodges-Lehmann estimate over the logarithms of these.
    """

    name: str
    before: Measurement
    after: Measurement

    @property
    def change(self) -> float:
        """How much longer the second of a pair takes, in percent; positive is slower."""
        return self._estimate[1]

    @property
    def interval(self) -> tuple[float, float]:
        """Confidence interval of `change`, in percent."""
        low, _, high = self._estimate
        return low, high

    @property
    def slower(self) -> float:
        """What `change` comes to on the median of before, in milliseconds."""
        return self.before.median * self.change / 100

    @cached_property
    def _estimate(self) -> tuple[float, float, float]:
        low, change, high = 100 * np.expm1(hodges_lehmann(np.log(self.after.samples / self.before.samples)))
        return float(low), float(change), float(high)

    def exceeds(self, limit: float, floor: float = 0.0) -> bool:
        """Tell whether the slowdown is surely above `limit` percent, and above `floor` milliseconds."""
        return self.interval[0] > limit and self.slower > floor

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.change:+.1f} % ({low:+.1f} … {high:+.1f} %), {self.slower:+.3f} ms"

    def summary(self) -> dict[str, Any]:
        """Return what the ledger keeps: both measurements, and change, low and high in percent."""
        low, high = self.interval
        return {
            "name": self.name,
            "before": self.before.summary(),
            "after": self.after.summary(),
            "change": round(self.change, 2),
            "low": round(low, 2),
            "high": round(high, 2),
        }


def hodges_lehmann(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Estimate the centre of values, however far some of them stray, with its confidence interval.

    The centre is the median of the means of every two values, a value with itself included; the interval is what
    Wilcoxon's signed-rank test does not reject, by the normal approximation (Hollander, Wolfe and Chicken,
    Nonparametric Statistical Methods, 3.2 and 3.3).

    Args:
        values: shape (n,); time and memory grow with its square.

    Returns:
        Low, centre, high; shape (3,).
    """
    size = len(values)
    means = np.sort(np.concatenate([values[step:] + values[: size - step] for step in range(size)])) / 2
    low, high = _within(means, deviation=np.sqrt(size * (size + 1) * (2 * size + 1) / 24))
    return np.array([low, np.median(means), high])


def _within(ordered: NDArray[np.float64], deviation: float) -> tuple[float, float]:
    """Return the ends of a confidence interval around the middle, `deviation` being a standard one in places."""
    outside = max(int(len(ordered) / 2 - NormalDist().inv_cdf((1 + CONFIDENCE) / 2) * deviation), 1)
    return float(ordered[outside - 1]), float(ordered[-outside])
