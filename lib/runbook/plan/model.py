"""The entries of a plan: its tasks and environments, each from a table of runbook.toml.

The types say what an entry may hold: they validate the file and make the schema that editors read.
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from runbook.plan.values import (
    CLOSED,
    Approval,
    Command,
    Count,
    File,
    Fingerprint,
    Flag,
    Minutes,
    Name,
    SchemaName,
    Text,
    Texts,
    names_figures,
)


@dataclass(frozen=True)
class Step:
    """A numbered step of a task.

    Attributes:
        number: as the brief numbers it, such as `2.1.3`.
        name: its title.
        minutes: estimated duration in minutes.
    """

    __pydantic_config__ = CLOSED

    number: Annotated[str, Field(pattern=r"^\d+(\.\d+)*$")]
    name: Text
    minutes: Minutes


@dataclass(frozen=True)
class Acceptable:
    """A check about the target as found whose present rows somebody may accept.

    Attributes:
        check: its name.
        key: the columns of its rows that tell one row from another.
        difference: the column that says how far a row is from right; empty: its key alone counts.
    """

    __pydantic_config__ = CLOSED

    check: Text
    key: Texts
    difference: str = ""


@dataclass(frozen=True)
class Twin:
    """A check of a later task that an earlier task asks before anything is changed.

    Attributes:
        check: its name.
        asked_by: the checks and findings of earlier tasks, changing nothing, that would show a target bad in that way.
        because: why nothing can ask before; where `asked_by` is empty.
    """

    __pydantic_config__ = CLOSED

    check: Text
    asked_by: tuple[Text, ...] = ()
    because: str = ""


@dataclass(frozen=True)
class Requirement:
    """What a task requires of one it needs.

    Attributes:
        task: the number of the one it needs.
        words: what must be so there, in the plan's words.
        criteria: the success criteria of that task which decide it.
    """

    __pydantic_config__ = CLOSED

    task: Annotated[int, Field(strict=True)]
    words: Text
    criteria: Texts


@dataclass(frozen=True)
class Outcome:
    """The sentence about what a task did with which the report's verdict begins.

    Attributes:
        note: the name of the note that holds its figures; of a table the first row counts.
        words: the sentence without its full stop, each figure by its name in braces, with a format where it needs one.
    """

    __pydantic_config__ = CLOSED

    note: Text
    words: Annotated[Text, AfterValidator(names_figures)]


@dataclass(frozen=True)
class Task:
    """One task of the runbook: a notebook, what it needs, and what decides its gate.

    Attributes:
        number: by which commands and other tasks name it.
        name: its title.
        notebook: the file of its notebook, relative to the plan.
        rollback: the SQL script that reverses it.
        minutes: estimated duration in minutes.
        risk: how risky it is, in a word.
        needs: the tasks that must be complete before it.
        steps: its numbered parts; each is a heading of the notebook.
        criteria: its success criteria, each decided by a check at least.
        triggers: its rollback triggers, each decided by a check at least.
        deliverables: the documents and figures that it hands over.
        acceptable: its checks whose findings may be accepted by name.
        twins: where its checks are asked before anything is changed, or why they cannot be.
        requires: criteria of earlier tasks that must be met before it.
        outcome: what it comes to, complete.
        undone: what it comes to, rolled back.
        finish: SQL by which `runbook finish` archives and drops what serves a rollback alone.
    """

    __pydantic_config__ = CLOSED

    number: Annotated[int, Field(strict=True, ge=0)]
    name: Text
    notebook: File
    rollback: File
    minutes: Minutes
    risk: Text
    needs: tuple[Annotated[int, Field(strict=True)], ...]
    steps: tuple[Step, ...]
    criteria: Texts
    triggers: tuple[Text, ...]
    deliverables: tuple[Text, ...] = ()
    acceptable: tuple[Acceptable, ...] = ()
    twins: tuple[Twin, ...] = ()
    requires: tuple[Requirement, ...] = ()
    outcome: Outcome | None = None
    undone: Outcome | None = None
    finish: File | None = None

    def acceptable_check(self, name: str) -> Acceptable | None:
        """Return what may be accepted of a check, or None."""
        return next((one for one in self.acceptable if one.check == name), None)


@dataclass(frozen=True)
class Baseline:
    """How an embedded server is filled: SQL files, and the settings they read.

    Attributes:
        cluster: run as the superuser, once per server.
        superuser: run as the superuser in the new database.
        owner: run as the database's owner.
        settings: server settings (`name: value`) the files read with `current_setting`.
    """

    __pydantic_config__ = CLOSED

    cluster: tuple[File, ...] = ()
    superuser: tuple[File, ...] = ()
    owner: tuple[File, ...] = ()
    settings: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Environment:
    """A place the runbook may run.

    Attributes:
        name: its name: that of its table.
        server: `embedded`, or `url` for a server found by RUNBOOK_<NAME>_DATABASE_URL.
        database: the name of the database on an embedded server.
        owner: the role that owns it there, as which the runbook connects.
        approval: `automatic` or `required`.
        needs: the environment on which a run of the same content must be complete before anything runs here.
        approvers: how many different persons must approve where approval is required.
        approver_keys: fingerprints (`SHA256:…`) of the keys whose signatures approve.
        engines: names of the engines that say who approved, such as an Airflow; with the fingerprint of its key behind
            the name, an engine must sign what it says.
        protected: whether changes here need more than a command, and an approval more than a login.
        address_command: prints the libpq URL, where the variable does not hold it; a fleet's target has one.
        schema: what the first of the plan's schemas is called here, where it has another name.
        baseline: how an embedded server is filled.
    """

    __pydantic_config__ = CLOSED

    name: Name
    server: Literal["embedded", "url"] = "url"
    database: str = ""
    owner: str = ""
    approval: Approval = "required"
    needs: str = ""
    approvers: Annotated[Count, Field(le=99)] = 1
    approver_keys: tuple[Fingerprint, ...] = ()
    engines: tuple[Text, ...] = ()
    protected: Flag = False
    address_command: Command = ()
    schema: SchemaName = ""
    baseline: Baseline = field(default_factory=Baseline)

    def schemas(self, written: tuple[str, ...]) -> tuple[str, ...]:
        """Return the schemas of this environment: the plan's, the first of them as it is called here."""
        return (self.schema or written[0], *written[1:])

    @property
    def url_variable(self) -> str:
        """The environment variable that holds the libpq URL of this environment."""
        return f"RUNBOOK_{re.sub(r'[^A-Z0-9]', '_', self.name.upper())}_DATABASE_URL"
