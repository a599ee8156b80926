"""Finality: a migration that can no longer be rolled back, because somebody made it final."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runbook.changes import dependents, drops, objects, record
from runbook.changes.objects import Object
from runbook.changes.record import ObjectChange
from runbook.errors import NotAllowed

FINISHED = "finished"
FOR_A_ROLLBACK = ("objects", "schemas")  # tables of the ledger that hold something for a rollback alone
# Plans that have left something here and are neither final nor given back
UNFINISHED = """
    SELECT DISTINCT plan
    FROM (
        SELECT DISTINCT ON (plan, number) plan, tasks.status FROM runbook.tasks JOIN runbook.runs USING (run_id)
        ORDER BY plan, number, tasks.started_at DESC
    ) AS states
    WHERE status <> 'rolled_back' AND plan NOT IN (SELECT plan FROM runbook.finished) ORDER BY plan
"""


@dataclass(frozen=True)
class Finished:
    """How a migration was made final.

    Attributes:
        run_id: of the finish.
        operator: who made it so.
        facts: what was archived, dropped and kept.
        at: when; None: not yet.
    """

    run_id: str
    operator: str
    facts: dict[str, Any]
    at: datetime | None = None


def finished(connection: psycopg.Connection, plan: str) -> Finished | None:
    """Return how a plan's migration was made final here, or None."""
    if connection.execute("SELECT to_regclass('runbook.finished')").fetchone() == (None,):
        return None
    with connection.cursor(row_factory=class_row(Finished)) as cursor:
        cursor.execute("SELECT run_id, operator, facts, at FROM runbook.finished WHERE plan = %s", [plan])
        return cursor.fetchone()


def require_open(connection: psycopg.Connection, plan: str) -> None:
    """Make sure that a migration was not made final.

    Raises:
        NotAllowed: it was.
    """
    if found := finished(connection, plan):
        raise NotAllowed(
            f"This migration was made final by {found.operator} on {found.at:%Y-%m-%d %H:%M} UTC: its rollback is "
            f"closed, and what that needed is archived in the evidence of run {found.run_id}."
        )


def made_for_rollback(connection: psycopg.Connection, plan: str) -> list[ObjectChange]:
    """Return what the tasks have made in the runbook's own schema, in the order they made it."""
    return [
        one
        for one in record.recorded(connection, plan)
        if one.is_made and one.kind in ("table", "function") and objects.is_runbooks(one.name)
    ]


def make_final(connection: psycopg.Connection, plan: str, statements: Sequence[str], found: Finished) -> list[str]:
    """Drop what only a rollback needs and record that the migration is final, in one transaction; return the names.

    Args:
        connection: to the target.
        plan: its name.
        statements: drop what the migration left behind of the old.
        found: what is remembered of it.

    Raises:
        NotAllowed: something of others still needs what would go; nothing was dropped.
        psycopg.Error: the server refused; nothing was dropped.
    """
    with connection.transaction():
        before = objects.find_objects(connection)
        try:
            for statement in statements:
                connection.execute(statement.encode())
            made = list(reversed(made_for_rollback(connection, plan)))
            drops.drop_objects(connection, made, "what the rollback needed")
        except psycopg.errors.DependentObjectsStillExist as error:
            # Its detail names objects, and no row
            raise NotAllowed(
                f"{error.diag.message_primary}: {error.diag.message_detail}. Mend that, or keep it."
            ) from None
        after = objects.find_objects(connection)
        gone = [one for name, one in before.items() if name not in after]
        gone = [one for one in gone if drops.drop_statement(one.kind, one.identity)]
        _require_unnamed(connection, gone, before, after)
        for table in FOR_A_ROLLBACK:
            connection.execute(sql.SQL("DELETE FROM runbook.{} WHERE plan = %s").format(sql.Identifier(table)), [plan])
        names = [one.name for one in gone]
        connection.execute(
            "INSERT INTO runbook.finished (plan, run_id, operator, facts) VALUES (%s, %s, %s, %s)",
            [plan, found.run_id, found.operator, Jsonb({**found.facts, "dropped": names})],
        )
    return names


def require_removable(connection: psycopg.Connection) -> None:
    """Make sure that nothing needs the schema `runbook` any more.

    Raises:
        NotAllowed: a migration is not final, or something of others hangs on the schema; with what it is.
    """
    if left := [row[0] for row in connection.execute(UNFINISHED)]:
        raise NotAllowed(f"The ledger is needed: {', '.join(left)} is not final here. `runbook finish` comes first.")
    now = objects.find_objects(connection)
    ours = [
        ObjectChange(0, one.kind, one.identity, one.part_of, None, one.definition, one.address)
        for one in now.values()
        if one.is_runbooks
    ]
    if hanging := dependents.find_dependents(connection, ours, now, {}):
        listed = "\n".join(f"  {one}" for one in hanging)
        raise NotAllowed(f"Nothing was changed. What others made hangs on the schema runbook:\n{listed}")


def remove_ledger(connection: psycopg.Connection) -> None:
    """Drop the schema `runbook`."""
    connection.execute("DROP SCHEMA runbook CASCADE")


def _require_unnamed(
    connection: psycopg.Connection, gone: list[Object], before: objects.Objects, after: objects.Objects
) -> None:
    """Make sure that the text of no function names what is gone: the catalog does not read it."""
    made = {one.address: one.name for one in gone}
    named = dependents.functions_naming(connection, made, before)
    functions = {one.address: one.name for one in after.values() if one.kind in ("function", "procedure")}
    if found := [(functions[address], what) for address, what in named if address in functions]:
        listed = "\n".join(f"  {name} names {what}" for name, what in found)
        raise NotAllowed(f"Functions still name what would go. Mend them, or keep it:\n{listed}")
