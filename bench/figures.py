"""Figures: samples taken in turns, and what follows from them."""

import operator
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Self

import psutil

OPERATORS = {">=": operator.ge, "<=": operator.le, "=": operator.eq}
Sample = Mapping[str, float]
Samples = dict[str, list[Sample]]
Say = Callable[[str], None]


@dataclass
class Patience:
    """Waits for a quiet machine, and takes a sample again that others have disturbed, while there is time for it."""

    seconds: float = 0.0
    limit: float = 15.0  # % of all cores

    def take(self, subject: Callable[[], Sample]) -> Sample:
        """Return a sample of the subject; a disturbed one when patience is over."""
        until = time.monotonic() + self.seconds
        while True:
            while time.monotonic() < until and psutil.cpu_percent(1.0) > self.limit:
                pass
            sample = subject()
            if sample.get("others", 0.0) <= self.limit or time.monotonic() >= until:
                self.seconds = max(0.0, until - time.monotonic())
                return sample


@dataclass(frozen=True)
class Options:
    """What was asked for.

    Attributes:
        organizations: rows to migrate; None means what the part takes by itself.
        repetitions: likewise.
    """

    quick: bool = False
    organizations: int | None = None
    repetitions: int | None = None
    patience: Patience = field(default_factory=Patience)

    def size(self, full: int, quick: int) -> int:
        """Return the number of organizations."""
        return self.organizations or (quick if self.quick else full)

    def times(self, full: int, quick: int) -> int:
        """Return the number of repetitions."""
        return self.repetitions or (quick if self.quick else full)


@dataclass(frozen=True)
class Finding:
    """One figure that matters, with its spread over the repetitions.

    Attributes:
        values: one per repetition.
        unit: `×` for a ratio.
        goal: such as `>= 2.5`, held against the median; empty where there is none.
    """

    name: str
    values: Sequence[float]
    unit: str = "×"
    goal: str = ""

    @classmethod
    def ratio(cls, name: str, samples: Samples, over: str, under: str, metric: str, goal: str = "") -> Self:
        """Divide the samples of two subjects, repetition by repetition."""
        pairs = zip(samples[over], samples[under], strict=True)
        return cls(name, [upper[metric] / lower[metric] for upper, lower in pairs], goal=goal)

    @property
    def median(self) -> float:
        """The median of the repetitions."""
        return statistics.median(self.values)

    @property
    def reached(self) -> bool | None:
        """Whether the median is as the goal wants it; None without a goal."""
        if not self.goal:
            return None
        sign, number = self.goal.split()
        return bool(OPERATORS[sign](self.median, float(number)))

    def summary(self) -> dict[str, Any]:
        """Return what the JSON keeps."""
        spread = {"median": self.median, "low": min(self.values), "high": max(self.values), "reached": self.reached}
        return {**asdict(self), **spread}


@dataclass(frozen=True)
class Part:
    """What one part of the bench found.

    Attributes:
        samples: by subject, one mapping of metric to value per repetition.
        units: by metric, in the order of the table's columns; the first one is drawn.
        facts: whatever else a reader needs to understand the figures.
    """

    name: str
    title: str
    samples: Samples
    units: Mapping[str, str]
    findings: list[Finding]
    facts: Mapping[str, Any] = field(default_factory=dict)

    def values(self, subject: str, metric: str) -> list[float]:
        """Return the samples of one subject."""
        return [sample[metric] for sample in self.samples[subject] if metric in sample]


def interleave(subjects: Mapping[str, Callable[[], Sample]], repetitions: int, patience: Patience, say: Say) -> Samples:
    """Sample every subject once per repetition, each time starting with another one."""
    names = list(subjects)
    found: Samples = {name: [] for name in names}
    for number in range(repetitions):
        turn = number % len(names)
        for name in names[turn:] + names[:turn]:
            say(f"{name} · {number + 1} of {repetitions}")
            found[name].append(patience.take(subjects[name]))
    return found
