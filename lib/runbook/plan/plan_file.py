"""The file runbook.toml: read, and validated as a whole, so that everything wrong in it is said at once."""

import tomllib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, Field, TypeAdapter, ValidationError

from runbook.errors import UsageError
from runbook.plan.checklist import Checklist
from runbook.plan.fleets import Fleet
from runbook.plan.model import Environment, Task
from runbook.plan.values import CLOSED, Column, Content, Minutes, Text, Texts, not_empty

NAMED = ("environments", "fleets")  # tables with a table for each name
Invalid = frozenset[int | str]  # numbers of tasks, names of environments and fleets whose own entries are wrong
UNKNOWN, MISSING = "unexpected_keyword_argument", "missing"


@dataclass(frozen=True)
class Head:
    """The table `[runbook]`.

    Attributes:
        name: the name of the plan, by which the ledger of a target tells plans apart.
        title: the title of its pages.
        buffer_minutes: minutes of the window that no task is given.
        escalate_at: a task may take this many times its estimate.
        schemas: what the plan may change in the target, and a rollback must give back.
        personal: columns that the evidence of a protected environment shows redacted.
    """

    __pydantic_config__ = CLOSED

    name: Text
    title: Text
    buffer_minutes: Minutes = 0
    escalate_at: Annotated[float, Field(gt=0, allow_inf_nan=False)] = 1.5
    schemas: Texts = ("public",)
    personal: tuple[Text, ...] = ()


@dataclass(frozen=True)
class PlanFile:
    """What the file holds.

    Attributes:
        runbook: what holds for the whole plan.
        tasks: in the order in which they run.
        environments: where it may run, by name.
        checklist: what every gate decides beside a task's own criteria and triggers.
        fleets: many targets under one policy, by name.
        classification: what columns of the target hold: `table.column` (`*` for any text) → `personal` or `business`.
        figures: what a fleet's page shows of each target: name → a note of the notebooks, and which of its entries.
    """

    __pydantic_config__ = CLOSED

    runbook: Head
    tasks: Annotated[tuple[Task, ...], AfterValidator(not_empty)]
    environments: dict[str, Environment]
    checklist: Checklist = field(default_factory=Checklist)
    fleets: dict[str, Fleet] = field(default_factory=dict)
    classification: dict[Column, Content] = field(default_factory=dict)
    figures: dict[Text, tuple[Text, Text]] = field(default_factory=dict)


@cache
def _adapter() -> TypeAdapter[PlanFile]:
    return TypeAdapter(PlanFile)


def load(path: Path) -> PlanFile:
    """Return what the file holds, its paths below the folder it lies in.

    Raises:
        UsageError: naming every entry that is wrong, a line each, and what it must be.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise UsageError(f"{path} is not valid TOML: {error}.") from None
    for table in NAMED:
        entries = data.get(table)
        if isinstance(entries, dict):
            data[table] = {name: _with_name(name, entry) for name, entry in entries.items()}
    context = {"root": path.parent}
    try:
        found = _adapter().validate_python(data, context=context)
        problems = list(_contradictions(found, frozenset()))
    except ValidationError as error:
        wrong = error.errors(include_url=False, include_input=False)
        problems = [_in_words(one, data) for one in wrong]
        problems += _contradictions_beside(data, [one["loc"] for one in wrong], context)
    if problems:
        raise UsageError("\n".join(f"{path}: {problem}." for problem in problems))
    return found


def json_schema() -> dict[str, Any]:
    """Return the JSON schema of the file, for editors."""
    schema = _adapter().json_schema()
    for entry in ("Environment", "Fleet"):
        schema["$defs"][entry]["properties"].pop("name")
        schema["$defs"][entry]["required"] = []
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema, "title": "The plan of a runbook"}


def _with_name(name: str, entry: Any) -> Any:
    return {**entry, "name": name} if isinstance(entry, dict) and "name" not in entry else entry


def _in_words(error: Any, entry: Any) -> str:
    """Say where an entry of the file stands and what it must be."""
    where = ""
    for part in error["loc"]:
        where += f"[{part + 1}]" if isinstance(part, int) else f".{part}" if where else str(part)
        is_inside = isinstance(entry, list) if isinstance(part, int) else isinstance(entry, dict) and part in entry
        entry = entry[part] if is_inside else None
        number = entry.get("number") if isinstance(entry, dict) else None
        if isinstance(part, int) and isinstance(number, int) and number != part + 1:
            where += f" (number {number})"  # tasks are known by their numbers, which may begin at 0
    if error["type"] == UNKNOWN:
        above, _, key = where.rpartition(".")
        return f"{above or 'the file'} has no entry {key!r}"
    if error["type"] == MISSING:
        return f"{where} is missing"
    words = error["msg"].removeprefix("Value error, ").replace("Input should", "must", 1)
    return f"{where} {words[:1].lower()}{words[1:]}"


def _contradictions_beside(data: dict[str, Any], wrong: list[tuple[Any, ...]], context: dict[str, Any]) -> list[str]:
    """Return the contradictions between those entries of a file that are valid, where others are not.

    Args:
        data: what the file holds.
        wrong: the places of what is not valid.
        context: of the validation.
    """
    left_out = {place[:2] for place in wrong}
    found = {table: _by_place(data.get(table)) for table in ("tasks", *NAMED)}
    kept = {table: {key: one for key, one in of.items() if (table, key) not in left_out} for table, of in found.items()}
    lost = [one for key, one in found["tasks"].items() if ("tasks", key) in left_out and isinstance(one, dict)]
    invalid: set[int | str] = {place[1] for place in left_out if len(place) > 1 and isinstance(place[1], str)}
    invalid |= {one["number"] for one in lost if isinstance(one.get("number"), int)}
    valid = {"runbook": {"name": "-", "title": "-"}, **kept, "tasks": list(kept["tasks"].values())}
    try:
        return list(_contradictions(_adapter().validate_python(valid, context=context), frozenset(invalid)))
    except ValidationError:  # no task is left
        return []


def _by_place(entries: Any) -> dict[Any, Any]:
    """Return entries by their place in a list, or by their name."""
    if isinstance(entries, list):
        return dict(enumerate(entries))
    return entries if isinstance(entries, dict) else {}


def _unmet(file: PlanFile, task: Task, invalid: Invalid) -> Iterator[str]:
    """Yield what a task requires of another task that decides no such criteria."""
    criteria = {one.number: one.criteria for one in file.tasks if one.number in task.needs}
    for one in task.requires:
        if one.task not in invalid and not set(one.criteria) <= set(criteria.get(one.task, ())):
            yield (
                f"task {task.number} requires {one.words!r} of task {one.task}, which must be a task it needs, with "
                "these criteria"
            )


def _contradictions(file: PlanFile, invalid: Invalid) -> Iterator[str]:
    """Yield the contradictions between entries that are valid, each by itself.

    Args:
        file: what the file holds.
        invalid: entries that are left out; what others say of them may be right.
    """
    seen: set[int] = set()
    for task in file.tasks:
        if task.number in seen:
            yield f"task {task.number} is there twice"
        yield from (
            f"task {task.number} needs task {number}, which does not come before it"
            for number in task.needs
            if number not in seen and number not in invalid
        )
        twice = [text for text, count in Counter([*task.criteria, *task.triggers]).items() if count > 1]
        yield from (f"task {task.number} names {text!r} twice" for text in twice)
        seen.add(task.number)
        yield from _unmet(file, task, invalid)
    for place, environment in enumerate(file.environments.values()):
        needs, head = environment.needs, f"environment {environment.name} needs {environment.needs!r}"
        if needs and needs not in [*list(file.environments)[:place], *invalid]:
            yield f"{head}, which does not come before it"
        elif needs and environment.approval != "required":
            yield f"{head}, so its approval must be 'required': it is given for what was shown there"
    for name, fleet in file.fleets.items():
        if name in file.environments:
            yield f"{name} is an environment and a fleet: give one of them another name"
        if bool(fleet.targets) == bool(fleet.targets_command):
            yield f"fleets.{name} needs an inventory: either targets, a file, or targets_command"
