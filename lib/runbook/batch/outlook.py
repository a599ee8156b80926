"""The outlook of a rollback: what it reverses, how long it takes, who is connected, and what blocks it."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg

from runbook.changes import objects, record, schemas, three_way
from runbook.changes.objects import Object, Objects
from runbook.changes.obstacles import Obstacles, find_obstacles
from runbook.changes.record import ObjectChange
from runbook.changes.three_way import LeftAlone
from runbook.database.ledger import Ledger
from runbook.database.schema_names import AsFound
from runbook.formatting import amount, duration
from runbook.notebook import dry_run
from runbook.plan.plan import Task

DEPENDENTS = "dependents.sql"
PRESENT = """
    SELECT count(*), COALESCE(string_agg(DISTINCT usename::text, ', '), '') FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
      AND application_name NOT LIKE 'runbook %'
"""
MAKES = {
    "view": "CREATE VIEW {identity} AS\n{definition}",
    "materialized view": "CREATE MATERIALIZED VIEW {identity} AS\n{definition}",
    "column": "ALTER TABLE {table} ADD COLUMN {column} {definition}",
    "constraint": "ALTER TABLE {table} ADD CONSTRAINT {column} {definition}",
}


@dataclass(frozen=True)
class Outlook:
    """What a rollback is about.

    Attributes:
        tasks: newest first.
        changes: what is on record of them.
        left: what others have changed since, and what stays so.
        obstacles: what of others stands in the way.
    """

    tasks: tuple[Task, ...]
    changes: tuple[ObjectChange, ...]
    left: tuple[LeftAlone, ...]
    obstacles: Obstacles


def look_ahead(ledger: Ledger, tasks: tuple[Task, ...]) -> Outlook:
    """Return the outlook of reversing tasks, newest first; nothing is changed."""
    connection, plan = ledger.connection, ledger.plan
    changes = tuple(record.recorded(connection, plan, tuple(task.number for task in tasks)))
    before = schemas.objects_before(ledger, tasks[-1].number) or {}
    now = objects.find_objects(connection)
    everything = sorted(record.recorded(connection, plan), key=lambda one: one.task)
    due = {one.name: one.after for one in everything}
    left = three_way.left_alone(before, now, due, ()) if before else []
    obstacles = find_obstacles(connection, plan, tuple(task.number for task in tasks), before, now)
    hung = {one.object.name for one in obstacles.dependents}
    return Outlook(tasks, changes, tuple(one for one in left if one.name not in hung), obstacles)


def announce(outlook: Outlook, ledger: Ledger) -> Iterator[str]:
    """Yield what an operator must know before the rollback begins, a line each."""
    yield f"Rollback of {', '.join(f'Task {task.number}' for task in outlook.tasks)}, newest first."
    made = sum(one.is_made for one in outlook.changes)
    back = len(outlook.changes) - made
    yield f"  {amount(made, 'object')} made by these tasks will be dropped, {back:,} changed back."
    rows, seconds = _figures(ledger, outlook.tasks)
    yield (
        f"  On a copy the rollback wrote {rows:,} rows in {duration(seconds)}."
        if seconds
        else ("  How long it takes is not known: no dry run was made here.")
    )
    row = ledger.connection.execute(PRESENT.encode()).fetchone()
    if row and row[0]:
        yield f"  {amount(row[0], 'session')} of {row[1]} at work here: none waits longer than half a second at a time."
    else:
        yield "  Nobody else is at work here."
    yield from (f"  {one}" for one in outlook.left)


def save_dependents(outlook: Outlook, connection: psycopg.Connection, folder: Path) -> Path:
    """Write the definitions and grants of the dependents into a run's folder; return the file."""
    now = objects.find_objects(connection)
    texts = [_made_again(one.object, now) for one in reversed(outlook.obstacles.dependents)]
    texts += [one.definition for one in outlook.obstacles.replaced]
    path = folder / DEPENDENTS
    path.write_text("-- What others had made on what a rollback took away.\n\n" + "\n\n".join(texts) + "\n", "utf-8")
    return path


def drop_dependents(outlook: Outlook, connection: psycopg.Connection) -> list[str]:
    """Drop the dependents in one transaction; return the statements."""
    done = [one.statement for one in outlook.obstacles.dependents]
    with connection.transaction():
        for statement in done:
            connection.execute(AsFound(statement.encode()))
    return done


def _made_again(one: Object, now: Objects) -> str:
    table, _, column = one.identity.rpartition(".")
    if one.kind == "constraint":
        column, _, table = one.identity.partition(" on ")
    text = MAKES.get(one.kind, "{definition}").format(
        identity=one.identity, definition=one.definition.rstrip().rstrip(";"), table=table, column=column
    )
    on = f" ON {one.kind.upper()} " if one.kind in ("function", "procedure") else " ON "
    grants = [
        f"GRANT {right} TO {role.partition(' by ')[0]};"
        for right, _, role in (
            other.identity.partition(" to ")
            for other in now.values()
            if other.kind == "privilege" and other.part_of == one.name
        )
    ]
    return "\n".join([f"{text};", *(grant.replace(f" on {one.kind} ", on) for grant in grants)])


def _figures(ledger: Ledger, tasks: tuple[Task, ...]) -> tuple[int, float]:
    """Return rows and seconds of the rollbacks on a copy, as the last dry run of each task measured them."""
    notes = [ledger.read_note(f"{dry_run.NOTE} {task.number}") or {"ways": []} for task in tasks]
    ways = [dict(zip(dry_run.COLUMNS, way, strict=True)) for note in notes for way in note["ways"]]
    down = [way for way in ways if way["way"] == "down"]
    return sum(way["rows"] or 0 for way in down), sum(way["seconds"] or 0.0 for way in down)
