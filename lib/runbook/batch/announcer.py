"""Announcements: the status messages of the communication protocol, to terminal, `events.jsonl` and webhook."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn

from runbook.batch.json_lines import JsonLines
from runbook.batch.webhook import Webhook
from runbook.batch.window import Window, step_of
from runbook.plan.plan import Plan, Step, Task

QUARTERS = (25, 50, 75)
PAUSE = 1.0  # seconds between two lines of the journal on the progress of one cell


class Announcer:
    """Says what happens, to whoever watches and to the run's journal.

    Attributes:
        window: of the run; None: each task is watched by itself.
        window_is_over: whether it was said that what is left does not fit it.
    """

    window: Window | None = None
    window_is_over = False

    def __init__(self, plan: Plan, journal: Path, console: Console, webhook: Webhook | None = None) -> None:
        self.plan, self.journal, self.console, self.webhook = plan, journal, console, webhook
        self._progress: Progress | None = None
        self._lock = threading.Lock()

    def event(self, kind: str, message: str, **facts: Any) -> None:
        """Append an event to the journal: one JSON object per line, with `at`, `event`, `message` and the facts."""
        line = {"at": datetime.now(UTC).isoformat(timespec="milliseconds"), "event": kind, "message": message, **facts}
        with self._lock, self.journal.open("a", encoding="utf-8") as journal:
            journal.write(json.dumps(line, ensure_ascii=False) + "\n")
            if isinstance(self.console, JsonLines):
                self.console.event(line)
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
        if isinstance(self.console, JsonLines):  # it has the event
            return
        self.console.print(message, style=style, markup=False, highlight=False, soft_wrap=True)

    def complain(self, message: str) -> None:
        """Journal and print a problem that does not stop the run."""
        self.say("issue", message, "red")

    def escalate(self, task: Task, reason: str, message: str) -> None:
        """Journal an escalation and print it so that it cannot be missed.

        Args:
            task: the task concerned.
            reason: one of `checklist.REASONS`.
            message: what happened, and what to do.
        """
        words = self.plan.checklist.escalations[reason]
        self.say("escalation", f"ESCALATION · {words} · {message}", "bold red", task=task.number, reason=reason)

    def issue(self, task: Task, description: str, action: str) -> None:
        """Announce that a task met an issue."""
        message = self.plan.checklist.message("issue", number=task.number, description=description, action=action)
        self.say("issue", message, "red", task=task.number)

    def complete(self, task: Task, delivered: Mapping[str, str]) -> None:
        """Announce that a task is complete.

        Args:
            task: the task.
            delivered: its deliverables, each with its figure; none: its success criteria are said.
        """
        done = [f"{name}: {said}" if said else name for name, said in delivered.items()]
        summary = "; ".join(done or task.criteria)
        message = self.plan.checklist.message("complete", number=task.number, deliverables=summary)
        self.say("complete", message, "green", task=task.number)

    @contextmanager
    def task(self, task: Task, *, is_back: bool = False) -> Iterator["TaskWatch"]:
        """Announce the start of a task, or of its rollback, and watch it: progress, time, escalation when late."""
        window = self.window if self.window and task in self.window.tasks else Window(self.plan, [task])
        estimate = window.estimate_of(task)
        message = self.plan.checklist.message("start", number=task.number, name=task.name, duration=estimate)
        self.say("start", f"Rolling back Task {task.number}: {task.name}" if is_back else message, task=task.number)
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
            watch = TaskWatch(self, task, window, progress, bar)
            try:
                yield watch
            finally:
                watch.close()


class TaskWatch:
    """Follows one task cell by cell, and says when it, one of its steps or the whole window takes too long."""

    def __init__(self, announcer: Announcer, task: Task, window: Window, progress: Progress, bar: TaskID) -> None:
        self.announcer, self.task, self.window, self.progress, self.bar = announcer, task, window, progress, bar
        self.begun = monotonic()
        self.said = 0
        self.now: tuple[int, int, str] = (0, 1, task.name)
        self.updated = self.begun - PAUSE
        self.step: Step | None = None
        self._late = _alarm(window.minutes_of(task) * announcer.plan.escalate_at, self.late)
        self._alarms: list[threading.Timer] = []
        self._set_alarms()

    def close(self) -> None:
        """Watch no longer."""
        for alarm in (self._late, *self._alarms):
            alarm.cancel()

    def cell(self, done: int, total: int, step: str) -> None:
        """Follow the start of a code cell: `done` of `total` are behind it, `step` is the heading it stands under."""
        self.now = (done, total, step)
        self._show(step)
        self.announcer.event("cell", step, task=self.task.number, cell=done + 1, of=total)
        share = 100 * done / total
        for quarter in QUARTERS:
            if self.said < quarter <= share:
                self.said = quarter
                message = self.announcer.plan.checklist.message(
                    "progress", number=self.task.number, percent=quarter, status=step
                )
                self.announcer.say("progress", message, task=self.task.number)
        begun = step_of(self.task, step)
        if begun and begun != self.step:
            self.step = begun
            self._set_alarms()

    def update(self, text: str) -> None:
        """Follow what the cell that runs says of its own progress; the journal hears of it once a second."""
        done, total, step = self.now
        self._show(f"{step} · {text}")
        if monotonic() - self.updated >= PAUSE:
            self.updated = monotonic()
            self.announcer.event("update", f"{step} · {text}", task=self.task.number, cell=done + 1, of=total)

    def late(self) -> None:
        """Escalate: the task takes longer than the plan allows."""
        limit = self.announcer.plan.escalate_at * 100
        self.announcer.escalate(
            self.task,
            "overtime",
            f"Task {self.task.number} exceeds {limit:.0f} % of its estimate of {self.window.estimate_of(self.task)}: "
            "look at its notebook and at pg_stat_activity, and decide whether to go on.",
        )

    def step_over(self, step: Step) -> None:
        """Say that a step has taken all of its minutes."""
        words = (
            f"Task {self.task.number}: step {step.number} · {step.name} has taken its {step.minutes} min and goes on."
        )
        self.announcer.say("step", words, "yellow", task=self.task.number, step=step.number)

    def window_over(self) -> None:
        """Escalate, once in a run: what is left no longer fits the window."""
        if self.announcer.window_is_over:
            return
        self.announcer.window_is_over = True
        left = self.window.left(self.task, self.step)
        self.announcer.escalate(
            self.task,
            "overtime",
            f"What is left, estimated at {left:.0f} min, no longer fits the window of {self.window.minutes:.0f} min, "
            f"of which {self.window.elapsed:.0f} have passed: decide whether to go on or to roll back in time.",
        )

    def _set_alarms(self) -> None:
        """Set the alarms of the step that begins now: when its minutes are over, and when the window will not do."""
        for alarm in self._alarms:
            alarm.cancel()
        ahead = self.window.warns_in(self.task, self.step, self.window.elapsed)
        self._alarms = [_alarm(ahead, self.window_over)]
        if self.step:
            self._alarms.append(_alarm(self.step.minutes, self.step_over, self.step))

    def _show(self, words: str) -> None:
        done, total, _ = self.now
        clock = f"{monotonic() - self.begun:,.0f} s of {self.window.estimate_of(self.task)}"
        self.progress.update(self.bar, completed=done, total=total, description=words, clock=clock)


def _alarm(minutes: float, ring: Callable[..., None], *about: Any) -> threading.Timer:
    """Set an alarm that dies with the process."""
    timer = threading.Timer(max(minutes, 0) * 60, ring, about)
    timer.daemon = True
    timer.start()
    return timer
