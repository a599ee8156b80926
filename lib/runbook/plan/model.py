"""The entries of a plan: its tasks and environments, each from a table of runbook.toml."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


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
class Acceptable:
    """A check about the target as found whose present rows somebody may accept.

    Attributes:
        check: its name.
        key: the columns of its rows that tell one row from another.
        difference: the column that says how far a row is from right; empty: its key alone counts.
    """

    check: str
    key: tuple[str, ...]
    difference: str = ""


@dataclass(frozen=True)
class Task:
    """One task of the runbook: a notebook, what it needs, and what decides its gate.

    Attributes:
        acceptable: its checks whose findings may be accepted by name.
    """

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
    acceptable: tuple[Acceptable, ...] = ()

    def acceptable_check(self, name: str) -> Acceptable | None:
        """Return what may be accepted of a check, or None."""
        return next((one for one in self.acceptable if one.check == name), None)

    @property
    def ready(self) -> Path:
        """What the way back needs first, in a transaction of its own; not every task has such a script."""
        return self.rollback.with_suffix(".ready.sql")


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
        needs: the environment on which a run of the same content must be complete before anything runs here.
        approvers: how many different persons must approve where approval is required.
        protected: whether changes here need more than a command.
        address_command: prints the libpq URL, where the variable does not hold it; a fleet's target has one.
    """

    name: str
    server: str = "url"
    database: str = ""
    owner: str = ""
    approval: str = "required"
    needs: str = ""
    approvers: int = 1
    protected: bool = False
    address_command: tuple[str, ...] = ()
    baseline: Baseline = field(default_factory=Baseline)

    @property
    def url_variable(self) -> str:
        """The environment variable that holds the libpq URL of this environment."""
        return f"RUNBOOK_{re.sub(r'[^A-Z0-9]', '_', self.name.upper())}_DATABASE_URL"


def require_known_keys(entry: dict[str, Any], known: Iterable[str]) -> None:
    """Make sure that a table has no key but the known ones.

    Raises:
        TypeError: it has.
    """
    unknown = sorted(entry.keys() - set(known))
    if unknown:
        raise TypeError(f"there is no {unknown[0]!r}")


def task(entry: dict[str, Any], root: Path) -> Task:
    """Return the task of a table, its files below `root`.

    Raises:
        KeyError: a key is missing.
        TypeError: a key is unknown, or a value has the wrong type.
    """
    require_known_keys(entry, Task.__dataclass_fields__)
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
        acceptable=tuple(
            Acceptable(one["check"], tuple(one["key"]), one.get("difference", ""))
            for one in entry.get("acceptable", ())
        ),
    )


def environment(name: str, entry: dict[str, Any], root: Path) -> Environment:
    """Return the environment of a table, its files below `root`.

    Raises:
        TypeError: a key is unknown.
    """
    fields = dict(entry)
    baseline = dict(fields.pop("baseline", {}))
    files = {part: tuple(root / file for file in baseline.pop(part, ())) for part in ("cluster", "superuser", "owner")}
    settings = baseline.pop("settings", {})
    return Environment(name=name, baseline=Baseline(**files, settings=settings, **baseline), **fields)
