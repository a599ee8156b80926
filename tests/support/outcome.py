"""What became of a draw: of each task, of the rollback, of the target."""

from dataclasses import dataclass, field
from textwrap import shorten

from runbook.batch.preflight import Preflight
from runbook.database.ledger import Check
from runbook.plan.finding import BLOCKS, UNACCEPTED, Finding
from tests.support.in_process import Stop
from tests.support.world import World, differences, gained

UNDER_WAY = 2  # the first task that changes the target
CLEAR = ("GateShut", "NotAccepted", "NotAllowed", "UsageError")  # what a task that changes nothing may end in


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        stop: None: it is complete.
        failed: the checks that failed.
        findings: what it found about the target.
        seconds: it took.
    """

    task: int
    stop: Stop | None
    failed: tuple[Check, ...]
    findings: tuple[Finding, ...]
    seconds: float

    def __str__(self) -> str:
        if self.stop is None:
            return f"Task {self.task} complete"
        if self.failed:
            return f"Task {self.task}: " + "; ".join(f"{check.name} ({check.actual})" for check in self.failed)
        return f"Task {self.task}: {self.stop.kind}: {shorten(self.stop.message, 300)}"


@dataclass
class Draw:
    """What became of a shape.

    Attributes:
        tasks: as far as they went.
        back: the tasks reversed, newest first, as far as they went.
        before: the target before the first task.
        after: … after the last one.
        end: … after the rollback.
        grows: tables in which the shape keeps a log of what is done.
        told: what a preflight said, where one was asked.
        untold: what differs between that and what the run stopped at.
        accepted: the checks whose findings were accepted.
        refused: what the server said to the shape itself, which then was not drawn.
    """

    tasks: list[Outcome] = field(default_factory=list)
    back: list[Outcome] = field(default_factory=list)
    before: World | None = None
    after: World | None = None
    end: World | None = None
    grows: tuple[str, ...] = ()
    told: Preflight | None = None
    untold: tuple[str, ...] = ()
    accepted: tuple[str, ...] = ()
    refused: str = ""
    seconds: float = 0.0

    @property
    def gained(self) -> list[str]:
        """What somebody can do after the tasks and could not do before."""
        return gained(self.before, self.after) if self.before and self.after else []

    @property
    def left(self) -> list[str]:
        """What is not as it was, after the rollback."""
        return differences(self.before, self.end, self.grows) if self.before and self.end else []

    @property
    def is_complete(self) -> bool:
        """Whether every task is complete, in the end."""
        return bool(self.tasks) and self.tasks[-1].stop is None

    @property
    def is_blocked(self) -> bool:
        """Whether it stopped before anything was changed, by a check or a clear sentence."""
        stop = self.tasks[-1].stop if self.tasks else None
        return stop is not None and self.tasks[-1].task < UNDER_WAY and stop.kind in CLEAR

    @property
    def is_to_be_accepted(self) -> bool:
        """Whether nothing but what may be accepted keeps it from going on."""
        kinds = {one.kind for task in self.tasks for one in task.findings}
        return self.is_blocked and UNACCEPTED in kinds and BLOCKS not in kinds

    @property
    def is_given_back(self) -> bool:
        """Whether all that was begun was reversed, and nothing is left of it."""
        return not self.left and not self._is_stuck

    @property
    def _is_stuck(self) -> bool:
        return bool(self.back) and self.back[-1].stop is not None

    @property
    def is_right(self) -> bool:
        """Whether it completed or was blocked in time, as told; nobody gained a right, and nothing is left of it."""
        ended = self.is_complete or self.is_blocked
        return ended and self.is_given_back and not self.gained and not self.untold

    @property
    def verdict(self) -> str:
        """What became of it, in one line; what is not as it must be in capitals."""
        if self.refused:
            return f"the shape is refused: {self.refused}"
        if self.is_complete:
            said = f"complete, accepted: {', '.join(self.accepted)}" if self.accepted else "complete"
        else:
            said = f"{'blocked by' if self.is_blocked else 'STOPPED at'} {self.tasks[-1]}"
        rights, left = self.gained, self.left
        said += f" · NOT TOLD BEFORE: {self.untold[0]} ({len(self.untold)})" if self.untold else ""
        said += f" · RIGHTS GAINED: {rights[0]} ({len(rights)})" if rights else ""
        said += f" · NO WAY BACK: {self.back[-1]}" if self._is_stuck else ""
        said += f" · NOT GIVEN BACK: {left[0]} ({len(left)})" if left else ""
        return said + ("" if self._is_stuck or left else " · given back")
