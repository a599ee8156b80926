"""The target as it was found: what the first tasks saw, kept until the later ones are rolled back."""

import json
from typing import Any

from psycopg import sql
from psycopg.types.json import Jsonb

from runbook.database.ledger import UNDONE, Ledger

INSERT = "INSERT INTO runbook.as_found (plan, name, value) VALUES (%s, %s, %s) ON CONFLICT (plan, name) {}"


def keep(ledger: Ledger, task: int, name: str, value: Any) -> None:
    """Remember what a task found under a name, unless a later task has left something since the last time.

    Args:
        ledger: of the target.
        task: number of the task that asks.
        name: what the finding is called.
        value: anything JSON can hold; what it cannot is kept as text.
    """
    if not ledger.keeps:
        return
    stands = any(number > task and state.status != UNDONE for number, state in ledger.states().items())
    done = "DO NOTHING" if stands else "DO UPDATE SET value = excluded.value, at = clock_timestamp()"
    ledger.connection.execute(
        sql.SQL(INSERT).format(sql.SQL(done)), [ledger.plan, name, Jsonb(json.loads(json.dumps(value, default=str)))]
    )


def kept(ledger: Ledger, name: str) -> Any:
    """Return what was found under a name; an empty list where nothing was kept."""
    row = ledger.connection.execute(
        "SELECT value FROM runbook.as_found WHERE plan = %s AND name = %s", [ledger.plan, name]
    ).fetchone()
    return row[0] if row else []
