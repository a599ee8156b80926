"""The plan: runbook.toml, read and validated into plain objects. The ground everything else stands on."""

import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from runbook.errors import UsageError
from runbook.plan import fleets, plan_file
from runbook.plan.checklist import Checklist
from runbook.plan.fleets import Fleet
from runbook.plan.model import Baseline, Environment, Step, Task

__all__ = ["Baseline", "Environment", "Plan", "Step", "Task"]

FILE = "runbook.toml"


@dataclass(frozen=True)
class Plan:
    """The whole plan: what `plan_file.PlanFile` and its `Head` hold.

    Attributes:
        root: the folder it was read from.
    """

    root: Path
    name: str
    title: str
    buffer_minutes: int
    escalate_at: float
    schemas: tuple[str, ...]
    personal: tuple[str, ...]
    checklist: Checklist
    tasks: tuple[Task, ...]
    environments: dict[str, Environment]
    fleets: dict[str, Fleet] = field(default_factory=dict)
    classification: dict[str, str] = field(default_factory=dict)
    figures: dict[str, tuple[str, str]] = field(default_factory=dict)

    @classmethod
    def find(cls, start: Path | None = None) -> Self:
        """Read the plan from the nearest folder at or above `start` (default: the working directory).

        Raises:
            UsageError: there is none, or it is not a plan.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / FILE).is_file():
                return cls.load(folder / FILE)
        raise UsageError(f"No {FILE} in {here} or above it: run this inside a checkout of the runbook.")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read and validate the plan in `path`.

        Raises:
            UsageError: naming every entry that is wrong, a line each, and what it must be.
        """
        file, root = plan_file.load(path), path.parent
        head = file.runbook
        return cls(
            root=root,
            name=head.name,
            title=head.title,
            buffer_minutes=head.buffer_minutes,
            escalate_at=head.escalate_at,
            schemas=head.schemas,
            personal=head.personal,
            checklist=file.checklist,
            tasks=file.tasks,
            environments=file.environments,
            fleets=file.fleets,
            classification=dict(file.classification),
            figures=dict(file.figures),
        )

    def task(self, number: int) -> Task:
        """Return the task with this number.

        Raises:
            UsageError: the plan has none.
        """
        for task in self.tasks:
            if task.number == number:
                return task
        known = ", ".join(str(task.number) for task in self.tasks)
        raise UsageError(f"There is no task {number} in the plan; it has {known}.")

    def environment(self, name: str) -> Environment:
        """Return the environment with this name; FLEET/TARGET is one as well.

        Raises:
            UsageError: the plan has none.
        """
        if name in self.environments:
            return self.environments[name]
        fleet, slash, target = name.partition("/")
        if slash and fleet in self.fleets:
            return fleets.environment_of(
                self.fleets[fleet], fleets.target_of(self.root, self.fleets[fleet], target).name
            )
        known = ", ".join([*self.environments, *(f"{one}/TARGET" for one in self.fleets)])
        raise UsageError(f"There is no environment {name!r} in {FILE}; it has {known}.")

    def parameters_of(self, environment: str) -> dict[str, Any]:
        """Return the parameters that an inventory gives a fleet's target; none of any other environment.

        Raises:
            UsageError: the inventory cannot be read, or has no such target.
        """
        fleet, slash, target = environment.partition("/")
        if not slash or fleet not in self.fleets:
            return {}
        return dict(fleets.target_of(self.root, self.fleets[fleet], target).parameters)

    def between(self, first: int | None, last: int | None) -> tuple[Task, ...]:
        """Return the tasks numbered `first` to `last`, both included; None means the end of the plan.

        Raises:
            UsageError: a bound is no task, or they are the wrong way round.
        """
        low = self.tasks[0].number if first is None else self.task(first).number
        high = self.tasks[-1].number if last is None else self.task(last).number
        if low > high:
            raise UsageError(f"--from {low} comes after --to {high}: give them the other way round.")
        return tuple(task for task in self.tasks if low <= task.number <= high)

    @property
    def outputs(self) -> Path:
        """The folder of all evidence: RUNBOOK_OUTPUTS, below the checkout if relative, or `outputs` there."""
        return self.root / (os.environ.get("RUNBOOK_OUTPUTS") or "outputs")

    @property
    def path(self) -> Path:
        """The file the plan was read from."""
        return self.root / FILE
