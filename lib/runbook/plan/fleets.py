"""Fleets: many targets under one policy. The plan holds the policy; an inventory, a file or a command, the targets."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Annotated, Any

from pydantic import Field

from runbook.errors import UsageError
from runbook.plan import commands
from runbook.plan.model import Environment
from runbook.plan.values import CLOSED, NAME, Approval, Command, Count, Fingerprint, Flag, Name, SchemaName, Text

OWN = "fleet."  # the fleet's own files begin with this; its targets' folders lie beside them
KEYS = {"target", "wave", "parameters"}  # of an entry


@dataclass(frozen=True)
class Fleet:
    """The policy of a fleet, a table `[fleets.NAME]` of the plan.

    Attributes:
        name: its name: that of its table.
        targets: the file with the inventory, relative to the plan.
        targets_command: a command that prints the inventory, in place of a file.
        address_command: a command that prints a target's libpq URL, `{target}` standing for its name; empty: each
            address stands in the process's environment.
        approval: `automatic` or `required`, for each target.
        approvers: how many different persons must approve a target.
        protected: whether changes need more than a command.
        approver_keys: fingerprints of the keys whose signatures approve.
        engines: engines that may name who approved, such as `airflow`.
        schema: what the first of the plan's schemas is called there, where it has another name.
        waves_in_order: a target runs only when every target of the earlier waves is complete.
    """

    __pydantic_config__ = CLOSED

    name: Name
    targets: str = ""
    targets_command: Command = ()
    address_command: Command = ()
    approval: Approval = "required"
    approvers: Annotated[Count, Field(le=99)] = 1
    protected: Flag = False
    approver_keys: tuple[Fingerprint, ...] = ()
    engines: tuple[Text, ...] = ()
    schema: SchemaName = ""
    waves_in_order: Flag = False


@dataclass(frozen=True)
class FleetTarget:
    """A target of an inventory.

    Attributes:
        wave: the wave it belongs to; the lowest goes first.
        parameters: of the notebooks, for this target; what a command is given counts before them.
    """

    name: str
    wave: int = 1
    parameters: Mapping[str, Any] = field(default_factory=dict)


def inventory(root: Path, fleet: Fleet) -> tuple[FleetTarget, ...]:
    """Return the targets of a fleet, wave by wave, each in the order of the inventory.

    Raises:
        UsageError: the inventory cannot be read, or an entry is wrong; the message holds nothing a command said.
    """
    source = " ".join(fleet.targets_command) or str(root / fleet.targets)
    try:
        command = fleet.targets_command
        text = _printed(command, root) if command else _text(root / fleet.targets)
        rows = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError):
        raise UsageError(f"The inventory of {fleet.name} ({source}) is no JSON: write a list of targets.") from None
    if not isinstance(rows, list):
        raise UsageError(f"The inventory of {fleet.name} ({source}) is no list of targets.")
    found = [_target(fleet, place, row) for place, row in enumerate(rows, 1)]
    seen: dict[str, str] = {}
    for one in found:
        variable = environment_of(fleet, one.name).url_variable
        if variable in seen:
            twin = "twice" if seen[variable] == one.name else f"beside {seen[variable]!r}, which has the same variable"
            raise UsageError(f"The inventory of {fleet.name} names {one.name!r} {twin}: give each a name of its own.")
        seen[variable] = one.name
    return tuple(sorted(found, key=lambda one: one.wave))


def target_of(root: Path, fleet: Fleet, name: str) -> FleetTarget:
    """Return a target of a fleet.

    Raises:
        UsageError: its inventory has none of this name.
    """
    for one in inventory(root, fleet):
        if one.name == name:
            return one
    lists = f"`runbook fleet targets {fleet.name}` lists them"
    raise UsageError(f"The inventory of {fleet.name} has no target {name!r}: {lists}.")


def environment_of(fleet: Fleet, target: str) -> Environment:
    """Return the environment a target is: the fleet's policy, under a name of its own."""
    return Environment(
        name=f"{fleet.name}/{target}",
        approval=fleet.approval,
        approvers=fleet.approvers,
        approver_keys=fleet.approver_keys,
        engines=fleet.engines,
        protected=fleet.protected,
        schema=fleet.schema,
        address_command=tuple(word.replace("{target}", target) for word in fleet.address_command),
    )


def _target(fleet: Fleet, place: int, row: Any) -> FleetTarget:
    here = f"Entry {place} of the inventory of {fleet.name}"
    name = row.get("target") if isinstance(row, dict) else None
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UsageError(
            f'{here} names no target: write {{"target": NAME}}, of letters, digits, “.”, “_” and “-”, at most 63.'
        )
    if name.startswith(OWN):
        raise UsageError(f"{here} names a target {name!r}: the fleet's own report lies under such a name.")
    if unknown := sorted(row.keys() - KEYS):  # a misspelt one would be left out in silence
        raise UsageError(f"{here}, {name}: it has no key {unknown[0]!r}, but {', '.join(sorted(KEYS))}.")
    wave, parameters = row.get("wave", 1), row.get("parameters", {})
    if isinstance(wave, bool) or not isinstance(wave, int) or wave < 1:
        raise UsageError(f"{here}, {name}: its wave must be a whole number from 1.")
    if not isinstance(parameters, dict):
        raise UsageError(f"{here}, {name}: its parameters must be an object of names and values.")
    return FleetTarget(name, wave, parameters)


def _text(path: Path) -> str:
    if path.exists() and not path.is_file():
        raise UsageError(f"The inventory {path} is no file.")
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise UsageError(f"The inventory {path} cannot be read: {error.strerror}.") from None


_printed = cache(commands.printed)  # a command is asked once, however many targets are looked at


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found
