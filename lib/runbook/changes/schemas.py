"""Schemas in the ledger: the definition of everything as it was before each task, which a rollback must give back."""

import re

from psycopg import sql
from psycopg.types.json import Jsonb

from runbook.changes.objects import Objects
from runbook.changes.three_way import Kept
from runbook.database.ledger import UNDONE, Ledger

ENUM = re.compile(r"^(CREATE TYPE .+ AS ENUM \($\n)((?: {4}'.*',?$\n)+)", re.MULTILINE)


def with_enums_as_before(before: str, after: str) -> str:
    """Return a later definition without the values that enums have got since: PostgreSQL cannot drop a value.

    Args:
        before: the earlier definition, as pg_dump writes it.
        after: the later one.
    """
    known = dict(ENUM.findall(before))

    def as_before(found: re.Match[str]) -> str:
        values: str = known.get(found[1]) or found[2]
        return found[1] + (values if found[2].startswith(values.rstrip("\n")) else found[2])

    return ENUM.sub(as_before, after)


def is_same(before: str, after: str) -> bool:
    """Return whether two schemas hold the same lines: earlier versions kept them in the order pg_dump wrote them in."""
    return before == after or sorted(before.splitlines()) == sorted(after.splitlines())


def keep_schema(ledger: Ledger, task: int, definition: str, objects: Objects) -> None:
    """Remember the schema as it was before a task, unless the task has left something since the last time.

    Args:
        ledger: of the target.
        task: number of the task.
        definition: of the plan's schemas, as pg_dump writes it.
        objects: of the whole target.
    """
    state = ledger.states().get(task)
    kept = {name: (one.part_of, one.definition) for name, one in objects.items()}
    again = "UPDATE SET definition = excluded.definition, objects = excluded.objects"
    ledger.connection.execute(
        sql.SQL(
            "INSERT INTO runbook.schemas (plan, task, definition, objects) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (plan, task) DO {}"
        ).format(sql.SQL("NOTHING" if state and state.status != UNDONE else again)),
        [ledger.plan, task, definition, Jsonb(kept)],
    )


def schema_before(ledger: Ledger, task: int) -> str | None:
    """Return the schema as it was before a task, or None."""
    row = ledger.connection.execute(
        "SELECT definition FROM runbook.schemas WHERE plan = %s AND task = %s", [ledger.plan, task]
    ).fetchone()
    return row[0] if row else None


def objects_before(ledger: Ledger, task: int) -> Kept | None:
    """Return every object as it was before a task, or None where nobody has written it down."""
    row = ledger.connection.execute(
        "SELECT objects FROM runbook.schemas WHERE plan = %s AND task = %s", [ledger.plan, task]
    ).fetchone()
    return {name: (part_of, said) for name, (part_of, said) in row[0].items()} if row and row[0] else None
