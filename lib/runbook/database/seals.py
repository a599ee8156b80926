"""Seals in the ledger: the head of every seal of a run, with its time. A run that was resumed has one for each end."""

from datetime import datetime

import psycopg


def keep_seal(connection: psycopg.Connection, run_id: str, head: str) -> None:
    """Remember the head of a run's seal; earlier ones stay."""
    connection.execute("INSERT INTO runbook.seals (run_id, head) VALUES (%s, %s)", [run_id, head])


def newest_seal(connection: psycopg.Connection, run_id: str) -> tuple[str, datetime] | None:
    """Return the head of a run's newest seal and when it was kept; None where the ledger knows none."""
    row = connection.execute("SELECT to_regclass('runbook.seals') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return None
    return connection.execute(
        "SELECT head, at FROM runbook.seals WHERE run_id = %s ORDER BY seal_id DESC LIMIT 1", [run_id]
    ).fetchone()
