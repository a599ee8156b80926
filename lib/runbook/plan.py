"""The plan: runbook.toml, read and validated into plain objects. The ground everything else stands on."""

import tomllib
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

from runbook import content
from runbook.errors import UsageError

FILE = "runbook.toml"
ALLOWED = {"server": ("embedded", "url"), "approval": ("automatic", "required"), "approvers": range(1, 100)}


@dataclass(frozen=True)
class Step:
    """A numbered step of a task.

    Attributes:
        number: as the brief numbers it, such as `2.1.3`.
        name: its title.
        minutes: estimated duration in minutes.
    """

    number: str
    name: str
    minutes: int


@dataclass(frozen=True)
class Task:
    """One task of the runbook: a notebook, what it needs, and what decides its gate."""

    number: int
    name: str
    notebook: Path
    rollback: Path
    minutes: int
    risk: str
    needs: tuple[int, ...]
    steps: tuple[Step, ...]
    deliverables: tuple[str, ...]
    criteria: tuple[str, ...]
    triggers: tuple[str, ...]


@dataclass(frozen=True)
class Baseline:
    """How an embedded server is filled: SQL files, and the settings they read.

    Attributes:
        cluster: run as the superuser, once per server.
        superuser: run as the superuser in the new database.
        owner: run as the database's owner.
        settings: server settings (`name: value`) the files read with `current_setting`.
    """

    cluster: tuple[Path, ...] = ()
    superuser: tuple[Path, ...] = ()
    owner: tuple[Path, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Environment:
    """A place the runbook may run.

    Attributes:
        server: `embedded`, or `url` for a server found by RUNBOOK_<NAME>_DATABASE_URL.
        approval: `automatic` or `required`.
        approvers: how many different persons must approve where approval is required.
        protected: whether changes here need more than a command.
    """

    name: str
    server: str = "url"
    database: str = ""
    owner: str = ""
    approval: str = "required"
    approvers: int = 1
    protected: bool = False
    baseline: Baseline = field(default_factory=Baseline)

    @property
    def url_variable(self) -> str:
        """The environment variable that holds the libpq URL of this environment."""
        return f"RUNBOOK_{self.name.upper().replace('-', '_')}_DATABASE_URL"


@dataclass(frozen=True)
class Plan:
    """The whole plan, and the folder it was read from.

    Attributes:
        escalate_at: a task may take this many times its estimate.
        schemas: what the plan may change in the target, and a rollback must give back.
        personal: columns that a protected environment's evidence shows redacted only.
    """

    root: Path
    name: str
    title: str
    buffer_minutes: int
    escalate_at: float
    schemas: tuple[str, ...]
    personal: tuple[str, ...]
    tasks: tuple[Task, ...]
    environments: dict[str, Environment]

    @classmethod
    def find(cls, start: Path | None = None) -> Self:
        """Read the plan from the nearest folder at or above `start` (default: the working directory).

        Raises:
            UsageError: there is none, or it is not a plan.
        """
        here = (start or Path.cwd()).resolve()
        for folder in (here, *here.parents):
            if (folder / FILE).is_file():
                return cls.read(folder / FILE)
        raise UsageError(f"No {FILE} in {here} or above it: run this inside a checkout of the runbook.")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read and validate the plan in `path`.

        Raises:
            UsageError: naming the entry that is wrong and what it should be.
        """
        root = path.parent
        try:
            data = tomllib.loads(path.read_text(encoding="utf-8"))
            head = data["runbook"]
            _must_be_known(head, ("name", "title", "buffer_minutes", "escalate_at", "schemas", "personal"))
            plan = cls(
                root=root,
                name=head["name"],
                title=head["title"],
                buffer_minutes=head.get("buffer_minutes", 0),
                escalate_at=head.get("escalate_at", 1.5),
                schemas=tuple(head.get("schemas", ["public"])),
                personal=tuple(head.get("personal", ())),
                tasks=tuple(_task(entry, root) for entry in data["tasks"]),
                environments={name: _environment(name, entry, root) for name, entry in data["environments"].items()},
            )
        except tomllib.TOMLDecodeError as error:
            raise UsageError(f"{path} is not valid TOML: {error}.") from None
        except KeyError as error:
            raise UsageError(f"{path}: the entry {error} is missing.") from None
        except TypeError as error:
            raise UsageError(f"{path}: an entry has an unknown key or the wrong type ({error}).") from None
        plan._validate()
        return plan

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
        """Return the environment with this name.

        Raises:
            UsageError: the plan has none.
        """
        if name in self.environments:
            return self.environments[name]
        known = ", ".join(self.environments)
        raise UsageError(f"There is no environment {name!r} in {FILE}; it has {known}.")

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
    def path(self) -> Path:
        """The file the plan was read from."""
        return self.root / FILE

    def digest(self) -> str:
        """Return the SHA-256 of everything that decides what a run does: plan, notebooks' sources, SQL."""
        return content.digest(content.files(self))

    def _validate(self) -> None:
        seen: set[int] = set()
        for task in self.tasks:
            if task.number in seen:
                raise UsageError(f"{FILE}: task {task.number} stands there twice.")
            missing = [number for number in task.needs if number not in seen]
            if missing:
                raise UsageError(f"{FILE}: task {task.number} needs task {missing[0]}, which does not come before it.")
            seen.add(task.number)
        for environment in self.environments.values():
            for key, allowed in ALLOWED.items():
                value = getattr(environment, key)
                if value not in allowed:
                    must = "1 or more" if isinstance(allowed, range) else " or ".join(map(repr, allowed))
                    raise UsageError(
                        f"{FILE}: environment {environment.name} has {key} = {value!r}; it must be {must}."
                    )


def _must_be_known(entry: dict[str, Any], known: Iterable[str]) -> None:
    unknown = sorted(entry.keys() - set(known))
    if unknown:
        raise TypeError(f"there is no {unknown[0]!r}")


def _task(entry: dict[str, Any], root: Path) -> Task:
    _must_be_known(entry, Task.__dataclass_fields__)
    for name in ("number", "minutes"):
        if not isinstance(entry[name], int):
            raise TypeError(f"{name} must be a whole number")
    return Task(
        number=entry["number"],
        name=entry["name"],
        notebook=root / entry["notebook"],
        rollback=root / entry["rollback"],
        minutes=entry["minutes"],
        risk=entry["risk"],
        needs=tuple(entry["needs"]),
        steps=tuple(Step(**step) for step in entry["steps"]),
        deliverables=tuple(entry.get("deliverables", ())),
        criteria=tuple(entry["criteria"]),
        triggers=tuple(entry["triggers"]),
    )


def _environment(name: str, entry: dict[str, Any], root: Path) -> Environment:
    fields = dict(entry)
    baseline = dict(fields.pop("baseline", {}))
    files = {part: tuple(root / file for file in baseline.pop(part, ())) for part in ("cluster", "superuser", "owner")}
    settings = baseline.pop("settings", {})
    return Environment(name=name, baseline=Baseline(**files, settings=settings, **baseline), **fields)
