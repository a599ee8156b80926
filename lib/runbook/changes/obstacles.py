"""Obstacles: objects of others that prevent a rollback, each with the statement that removes it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import psycopg

from runbook.changes import record
from runbook.changes.dependents import Dependent, find_dependents
from runbook.changes.objects import Object, Objects
from runbook.changes.record import ObjectChange
from runbook.changes.three_way import Kept

REPLACED = {"function", "procedure", "view", "trigger", "policy", "constraint"}  # theirs and ours cannot both stand


@dataclass(frozen=True)
class Obstacles:
    """What prevents a rollback.

    Attributes:
        dependents: what of others hangs on what will go, in an order in which it can be dropped.
        replaced: what the tasks changed and others have changed again since, as it is now.
        lost: tables the tasks changed that nobody finds under their names any more.
    """

    dependents: tuple[Dependent, ...]
    replaced: tuple[Object, ...]
    lost: tuple[str, ...]

    def lines(self) -> list[str]:
        """Return a line for each, with the statement that removes it."""
        asked = "SELECT after FROM runbook.objects WHERE identity"
        return [
            *map(str, self.dependents),
            *(
                f"{one.name} was changed by others since: give it back the definition that "
                f"`{asked} = '{one.identity}'` returns"
                for one in self.replaced
            ),
            *(f"{one} is not there any more, renamed or dropped by others: give it its name back" for one in self.lost),
        ]


def find_obstacles(
    connection: psycopg.Connection, plan: str, tasks: tuple[int, ...], before: Kept, now: Objects
) -> Obstacles:
    """Return what prevents tasks from being reversed.

    Args:
        connection: to the target.
        plan: its name.
        tasks: their numbers.
        before: the objects before the first of them.
        now: the objects now.
    """
    changes = record.recorded(connection, plan, tasks)
    everything = sorted(record.recorded(connection, plan), key=lambda one: one.task)
    return Obstacles(
        tuple(find_dependents(connection, changes, now, before)),
        tuple(_replaced(everything, tasks, now)),
        tuple(_lost(changes, now)),
    )


def _replaced(everything: list[ObjectChange], tasks: tuple[int, ...], now: Objects) -> Iterator[Object]:
    newest: Mapping[str, ObjectChange] = {one.name: one for one in everything}
    for one in newest.values():
        current = now.get(one.name)
        if one.task not in tasks or one.kind not in REPLACED or one.is_made or current is None:
            continue
        if current.definition not in (one.before, one.after):
            yield current


def _lost(changes: list[ObjectChange], now: Objects) -> Iterator[str]:
    made = {one.name for one in changes if one.is_made}
    parts = {one.part_of for one in changes if one.part_of.startswith("table ")} - made
    yield from sorted(part for part in parts if part not in now)
