"""Announcements: the status messages of the communication protocol, to terminal, `events.jsonl` and webhook."""

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from runbook.batch.webhook import Webhook
from runbook.plan.plan import Plan, Task

QUARTERS = (25, 50, 75)
PAUSE = 1.0  # seconds between two lines of the journal on the progress of one cell


class Announcer:
    """Says what happens, to whoever watches and to the run's journal."""

    def __init__(self, plan: Plan, journal: Path, console: Console, webhook: Webhook | None = None) -> None:
        self.plan, self.journal, self.console, self.webhook = plan, journal, console, webhook
        self._progress: Progress | None = None
        self._lock = threading.Lock()

    def event(self, kind: str, message: str, **facts: Any) -> None:
        """Append an event to the journal: one JSON object per line, with `at`, `event`, `message` and the facts."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": kind, "message": message, **facts}
        with self._lock, self.journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line, ensure_ascii=False) + "\n")
        if self.webhook:
            self.webhook.send(kind, message, facts)

    def close(self) -> None:
        """Let the webhook send what it still has, for a few seconds at most, and say what it could not."""
        complaint = self.webhook.close() if self.webhook else ""
        if complaint:
            self.say("undelivered", complaint, "yellow")

    def say(self, kind: str, message: str, style: str = "", **facts: Any) -> None:
        """Journal an event and print its message."""
        self.event(kind, message, **facts)
        self.console.print(message, style=style, markup=False, highlight=False, soft_wrap=True)

    def complain(self, message: str) -> None:
        """Journal and print what went wrong beside the run."""
        self.say("issue", message, "red")

    def escalate(self, task: Task, reason: str, message: str) -> None:
        """Journal an escalation and print it so that it cannot be missed.

        Args:
            task: the task concerned.
            reason: `overtime`, `trigger`, `error` or `input`.
            message: what happened, and what to do.
        """
        self.say("escalation", f"ESCALATION · {message}", "bold red", task=task.number, reason=reason)

    def issue(self, task: Task, description: str, action: str) -> None:
        """Announce that a task met an issue."""
        self.say("issue", f"Task {task.number}: ⚠️ ISSUE - {description} - {action}", "red", task=task.number)

    def complete(self, task: Task) -> None:
        """Announce that a task is complete."""
        self.say(
            "complete", f"Task {task.number}: ✅ COMPLETE - {', '.join(task.deliverables)}", "green", task=task.number
        )

    @contextmanager
    def task(self, task: Task) -> Iterator["TaskWatch"]:
        """Announce the start of a task and watch it: progress, elapsed against estimate, escalation when late."""
        self.say("start", f"Starting Task {task.number}: {task.name} - ETA: {task.minutes} min", task=task.number)
        columns = (
            SpinnerColumn(),
            TextColumn("Task {task.fields[number]}"),
            BarColumn(bar_width=28),
            TextColumn("{task.percentage:>3.0f}%"),
            TextColumn("{task.fields[clock]}"),
            TextColumn("{task.description}", markup=False),
        )
        with Progress(*columns, console=self.console, transient=True) as progress:
            bar = progress.add_task(task.name, total=None, number=task.number, clock="")
            watch = TaskWatch(self, task, progress, bar)
            late = threading.Timer(task.minutes * 60 * self.plan.escalate_at, watch.late)
            late.daemon = True
            late.start()
            try:
                yield watch
            finally:
                late.cancel()


class TaskWatch:
    """Follows one task cell by cell."""

    def __init__(self, announcer: Announcer, task: Task, progress: Progress, bar: TaskID) -> None:
        self.announcer, self.task, self.progress, self.bar = announcer, task, progress, bar
        self.begun = monotonic()
        self.said = 0
        self.now: tuple[int, int, str] = (0, 1, task.name)
        self.updated = self.begun - PAUSE

    def cell(self, done: int, total: int, step: str) -> None:
        """Follow the start of a code cell: `done` of `total` are behind it, `step` is the heading it stands under."""
        self.now = (done, total, step)
        self._show(step)
        self.announcer.event("cell", step, task=self.task.number, cell=done + 1, of=total)
        share = 100 * done / total
        for quarter in QUARTERS:
            if self.said < quarter <= share:
                self.said = quarter
                self.announcer.say(
                    "progress", f"Task {self.task.number}: {quarter}% complete - {step}", task=self.task.number
                )

    def update(self, text: str) -> None:
        """Follow what the cell that runs says of its own progress; the journal hears of it once a second."""
        done, total, step = self.now
        self._show(f"{step} · {text}")
        if monotonic() - self.updated >= PAUSE:
            self.updated = monotonic()
            self.announcer.event("update", f"{step} · {text}", task=self.task.number, cell=done + 1, of=total)

    def _show(self, words: str) -> None:
        done, total, _ = self.now
        clock = f"{monotonic() - self.begun:,.0f} s of {self.task.minutes} min"
        self.progress.update(self.bar, completed=done, total=total, description=words, clock=clock)

    def late(self) -> None:
        """Escalate: the task takes longer than the plan allows."""
        limit = self.announcer.plan.escalate_at * 100
        self.announcer.escalate(
            self.task,
            "overtime",
            f"Task {self.task.number} exceeds {limit:.0f} % of its estimate of {self.task.minutes} min: "
            "look at its notebook and at pg_stat_activity, and decide whether to go on.",
        )
