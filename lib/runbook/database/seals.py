"""Seals in the ledger: the head of every seal of a run, and the digest of the notebook each of its tasks has left.

A run that was resumed has a seal for each end; none is ever changed.
"""

from datetime import datetime

import psycopg

from runbook.database.ledger import Ledger


def end_run(ledger: Ledger, run_id: str, status: str, head: str, ended: str) -> None:
    """Close a run and remember the head of its seal, both or neither.

    Args:
        ledger: of the target.
        run_id: of the run.
        status: what becomes of it: complete, failed or rolled_back.
        head: of the seal.
        ended: as `status`, or died.
    """
    with ledger.connection.transaction():
        ledger.close_run(run_id, status)
        ledger.connection.execute(
            "INSERT INTO runbook.seals (run_id, head, ended) VALUES (%s, %s, %s)", [run_id, head, ended]
        )


def clock(connection: psycopg.Connection) -> datetime:
    """Return the moment on the target's clock."""
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    assert row is not None
    moment: datetime = row[0]
    return moment


def keep_notebook(ledger: Ledger, run_id: str, number: int, sha256: str) -> None:
    """Remember the SHA-256 of the notebook a task has left: whatever builds upon it looks whether it is still that."""
    ledger.connection.execute(
        "UPDATE runbook.tasks SET sha256 = %s WHERE run_id = %s AND number = %s", [sha256, run_id, number]
    )


def newest_seal(connection: psycopg.Connection, run_id: str) -> tuple[str, datetime] | None:
    """Return the head of a run's newest seal and when it was kept; None where the ledger knows none."""
    row = connection.execute("SELECT to_regclass('runbook.seals') IS NOT NULL").fetchone()
    if not row or not row[0]:
        return None
    return connection.execute(
        "SELECT head, at FROM runbook.seals WHERE run_id = %s ORDER BY seal_id DESC LIMIT 1", [run_id]
    ).fetchone()
