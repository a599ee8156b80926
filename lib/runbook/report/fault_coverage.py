"""Fault coverage: whether every check was seen to fail, as the record in a run's folder tells it."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.evidence.model import Manifest
from runbook.formatting import amount
from runbook.report.gates import Mark

CAUGHT = "caught"
MARKS = {CAUGHT: Mark("good", "✓", "caught"), "missed": Mark("bad", "✗", "missed")}
OTHER = Mark("warn", "!", "false alarm")


@dataclass(frozen=True)
class ShownFault:
    """A fault as the report shows it: what was broken, the check that must notice, and what came of it."""

    name: str
    task: int
    check: str
    trigger: str
    reason: str
    mark: Mark
    found: str


@dataclass(frozen=True)
class CoverageRow:
    """The faults of one task, and how many of them were caught, missed, or set off another check."""

    task: int
    name: str
    caught: int
    missed: int
    false_alarms: int

    @property
    def total(self) -> int:
        """How many faults were seeded."""
        return self.caught + self.missed + self.false_alarms

    @property
    def alt(self) -> str:
        """The row in words."""
        return f"Task {self.task}: {self.caught} of {amount(self.total, 'fault')} caught"


@dataclass(frozen=True)
class FaultCoverage:
    """The last injection of all faults.

    Attributes:
        is_same: whether it was made with the very content of the run.
        rows: one per task.
        faults: those that were not caught first.
    """

    mark: Mark
    is_same: bool
    digest: str
    rows: tuple[CoverageRow, ...] = ()
    faults: tuple[ShownFault, ...] = ()

    @property
    def most(self) -> int:
        """The largest number of faults of a task."""
        return max((row.total for row in self.rows), default=1)


NONE = FaultCoverage(Mark("warn", "!", "No fault injection is on record: nobody has seen the checks fail."), False, "")


def coverage_of(folder: Path, manifest: Manifest) -> FaultCoverage:
    """Return what the fault injection came to that lay beside the run when it ended."""
    about = manifest.fault_injection
    path = folder / about["file"] if about else folder
    if not about or not path.is_file():
        return NONE
    found = json.loads(path.read_text(encoding="utf-8"))
    names = {task.number: task.name for task in manifest.tasks}
    faults = [
        ShownFault(one["fault"], one["task"], one["check"], one["trigger"], one["reason"], _mark(one), one["found"])
        for one in found["faults"]
    ]
    is_same = found["digest"] == manifest.digest
    return FaultCoverage(
        mark=_verdict(faults, is_same),
        is_same=is_same,
        digest=found["digest"],
        rows=tuple(_row(number, names.get(number, ""), faults) for number in sorted({fault.task for fault in faults})),
        faults=tuple(sorted(faults, key=lambda fault: (fault.mark.tone == "good", fault.task, fault.name))),
    )


def _mark(fault: dict[str, Any]) -> Mark:
    return MARKS.get(fault["result"], OTHER)


def _row(number: int, name: str, faults: list[ShownFault]) -> CoverageRow:
    words = [fault.mark.word for fault in faults if fault.task == number]
    caught, missed = words.count(CAUGHT), words.count("missed")
    return CoverageRow(number, name, caught, missed, len(words) - caught - missed)


def _verdict(faults: list[ShownFault], is_same: bool) -> Mark:
    caught = sum(fault.mark.word == CAUGHT for fault in faults)
    score = f"{caught} of {amount(len(faults), 'seeded fault')} caught by the very check that is for it"
    if not is_same:
        return Mark("warn", "!", f"Faults were injected with other content than this run's: {score}.")
    if caught < len(faults):
        return Mark("bad", "✗", f"Faults were injected with the content of this run: only {score}.")
    return Mark("good", "✓", f"Faults were injected with the content of this run: {score}.")
