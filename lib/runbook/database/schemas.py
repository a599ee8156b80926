"""Schemas in the ledger: the definition of everything as it was before each task, which a rollback must give back."""

from psycopg import sql

from runbook.database.ledger import UNDONE, Ledger


def keep_schema(ledger: Ledger, task: int, definition: str) -> None:
    """Remember the schema as it was before a task, unless the task has left something since the last time."""
    state = ledger.states().get(task)
    keep = "DO NOTHING" if state and state.status != UNDONE else "DO UPDATE SET definition = excluded.definition"
    ledger.connection.execute(
        sql.SQL(
            "INSERT INTO runbook.schemas (plan, task, definition) VALUES (%s, %s, %s) ON CONFLICT (plan, task) {}"
        ).format(sql.SQL(keep)),
        [ledger.plan, task, definition],
    )


def schema_before(ledger: Ledger, task: int) -> str | None:
    """Return the schema as it was before a task, or None."""
    row = ledger.connection.execute(
        "SELECT definition FROM runbook.schemas WHERE plan = %s AND task = %s", [ledger.plan, task]
    ).fetchone()
    return row[0] if row else None
