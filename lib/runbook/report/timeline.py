"""The timeline: when each task ran, and how long it took against its estimate.

A demonstration takes seconds where the plan allows minutes, so the bars share the plan's scale only where both can be
seen on it; the share of the estimate is said and drawn apart in any case.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from runbook import formatting
from runbook.evidence.model import TaskEntry

STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 43200)
DAY = 86400
TICKS = 6
VISIBLE = 0.05  # of the axis: what an actual total must take beside its estimates to share their scale
LONGEST_SHARE = 2.0


@dataclass(frozen=True)
class Bar:
    """A stretch of the axis, in percent of its length."""

    start: float
    width: float


@dataclass(frozen=True)
class TimelineRow:
    """One task on the timeline.

    Attributes:
        actual: when it ran, None if it did not.
        allowed: what the estimate would have taken from its start on, where the axis can show it.
        share: what it took of its estimate, 1 being all of it; None if it did not run or has no estimate.
        tone: `good` within the estimate, `warn` beyond it, `bad` where that escalates.
        alt: the row in words.
    """

    number: int
    name: str
    status: str
    actual: Bar | None
    allowed: Bar | None
    took: str
    estimate: str
    share: float | None
    share_text: str
    tone: str
    alt: str


@dataclass(frozen=True)
class Timeline:
    """All tasks on one axis.

    Attributes:
        ticks: places in percent, and what stands there.
        shares_scale: whether the estimates are drawn on the axis.
        limit: the share of an estimate that escalates.
    """

    rows: tuple[TimelineRow, ...]
    ticks: tuple[tuple[float, str], ...]
    shares_scale: bool
    took: str
    estimate: str
    share_text: str
    limit: float


def timeline_of(tasks: Sequence[TaskEntry], finished_at: str | None, limit: float) -> Timeline:
    """Return the timeline of a manifest's tasks.

    Args:
        tasks: as they stand in the manifest.
        finished_at: when the run ended; a task that never ended is drawn up to there.
        limit: the share of its estimate from which on a task escalates.
    """
    begun = [task for task in tasks if task.started_at]
    ended = [replace(task, finished_at=task.finished_at or finished_at or task.started_at) for task in begun]
    first = min((task.started_at for task in begun if task.started_at), key=datetime.fromisoformat, default=None)
    took = sum(_took(task) or 0 for task in ended)
    estimate = sum(_allowed(task) for task in begun)
    end = max((formatting.seconds_between(first, task.finished_at) or 0 for task in ended), default=0)
    shares_scale = bool(estimate) and took / estimate >= VISIBLE
    if shares_scale:
        end = max(end, *((formatting.seconds_between(first, task.started_at) or 0) + _allowed(task) for task in begun))
    step = _step(end)
    length = max(-(-end // step), 1) * step
    by_number = {task.number: task for task in ended}
    return Timeline(
        rows=tuple(_row(by_number.get(task.number, task), first, length, shares_scale, limit) for task in tasks),
        ticks=tuple((100 * place * step / length, _tick(place * step)) for place in range(round(length / step) + 1)),
        shares_scale=shares_scale,
        took=formatting.duration(took),
        estimate=formatting.duration(estimate or None),
        share_text=formatting.share(took / estimate) if estimate else "–",
        limit=limit,
    )


def _row(task: TaskEntry, first: str | None, length: float, shares_scale: bool, limit: float) -> TimelineRow:
    took, allowed = _took(task), _allowed(task)
    estimate = formatting.duration(allowed or None)
    start = 100 * (formatting.seconds_between(first, task.started_at) or 0) / length
    share = took / allowed if took is not None and allowed else None
    share_text = "–" if share is None else formatting.share(share)
    tone = "none" if share is None else "good" if share <= 1 else "warn" if share <= limit else "bad"
    alt = f"Task {task.number} " + ("did not run" if took is None else f"took {formatting.duration(took)}")
    return TimelineRow(
        number=task.number,
        name=task.name,
        status=task.status,
        actual=None if took is None else Bar(start, max(100 * took / length, 0.4)),
        allowed=Bar(start, 100 * allowed / length) if shares_scale and share is not None else None,
        took=formatting.duration(took),
        estimate=estimate,
        share=None if share is None else min(share, LONGEST_SHARE),
        share_text=share_text,
        tone=tone,
        alt=alt if share is None else f"{alt}, {share_text} of its estimate of {estimate}",
    )


def _took(task: TaskEntry) -> float | None:
    return formatting.seconds_between(task.started_at, task.finished_at)


def _allowed(task: TaskEntry) -> float:
    """Return the estimate in seconds; 0 for the rollback, which has none."""
    is_rollback = task.status == "rolled_back" or str(task.notebook).startswith("rollback_")
    return 0.0 if is_rollback else task.estimate_minutes * 60.0


def _step(length: float) -> float:
    fitting = (step for step in STEPS if length / step <= TICKS)
    return next(fitting, DAY * max(1, -(-length // (DAY * TICKS))))


def _tick(seconds: float) -> str:
    if seconds == 0:
        return "0"
    if seconds < 60:
        return f"{seconds:g} s"
    return f"{seconds / 60:g} min" if seconds % 3600 else f"{seconds / 3600:g} h"
