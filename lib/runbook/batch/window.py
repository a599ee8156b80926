"""The window of a run: how long its tasks and steps may take, and whether what is left still fits."""

import re
from collections.abc import Mapping, Sequence
from time import monotonic

from runbook.plan.plan import Plan, Step, Task

NUMBER = re.compile(r"(\d+(?:\.\d+)*) · ")
MOMENT = 0.5  # minutes that kernels and clocks may take between two steps, which no estimate counts
ESTIMATES = "seconds on the copy"  # the note of how long each task took in its dry run: `Task N` → seconds


class Window:
    """What a run may take as a whole: its tasks and the plan's buffer.

    Attributes:
        minutes: how long it is.
        tasks: those of the run, in order.
    """

    def __init__(self, plan: Plan, tasks: Sequence[Task], dry_run: Mapping[str, float] | None = None) -> None:
        """Open it.

        Args:
            plan: lends the buffer.
            tasks: of the run, in order.
            dry_run: `Task N` → seconds it took on a copy; a task that took longer there than the plan estimates is
                expected to take that long here.
        """
        self.tasks, self._dry_run = tuple(tasks), dict(dry_run or {})
        self.minutes = sum(map(self.minutes_of, self.tasks)) + plan.buffer_minutes
        self._opened = monotonic()

    @property
    def elapsed(self) -> float:
        """Minutes since it was opened."""
        return (monotonic() - self._opened) / 60

    def minutes_of(self, task: Task) -> float:
        """Return how long a task is expected to take: the plan's estimate, or more where a copy has shown it."""
        return max(task.minutes, self._dry_run.get(f"Task {task.number}", 0.0) / 60)

    def estimate_of(self, task: Task) -> str:
        """Return a task's estimate in words, with what a copy has shown where that is more."""
        shown = self.minutes_of(task)
        return f"{task.minutes} min" + (f" (as in the dry run: {shown:,.0f} min)" if shown > task.minutes else "")

    def left(self, task: Task, step: Step | None) -> float:
        """Return how many minutes are estimated from the beginning of a step on; None: of the task."""
        own, steps = self.minutes_of(task), leaves(task)
        if step in steps:
            whole = sum(one.minutes for one in steps) or 1
            own *= sum(one.minutes for one in steps[steps.index(step) :]) / whole
        later = self.tasks[self.tasks.index(task) + 1 :] if task in self.tasks else ()
        return own + sum(map(self.minutes_of, later))

    def warns_in(self, task: Task, step: Step | None, elapsed: float) -> float:
        """Return in how many minutes what is left will no longer fit, if nothing ends before.

        Args:
            task: that runs.
            step: that begins; None: the task does.
            elapsed: minutes of the window that have passed.
        """
        slack = self.minutes - elapsed - self.left(task, step)
        if slack < -MOMENT:
            return 0
        begun = step or next(iter(leaves(task)), None)
        return max(slack, 0) + (begun.minutes if begun else 0)


def leaves(task: Task) -> list[Step]:
    """Return the steps that have none below them: their minutes add up to the task's."""
    numbers = [step.number for step in task.steps]
    return [step for step in task.steps if not any(number.startswith(f"{step.number}.") for number in numbers)]


def step_of(task: Task, heading: str) -> Step | None:
    """Return the step a heading names, if it is one that has none below it."""
    found = NUMBER.match(heading)
    return next((step for step in leaves(task) if found and step.number == found[1]), None)
