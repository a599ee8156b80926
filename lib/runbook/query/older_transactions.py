"""Older transactions: whoever began before a change may still act on what was there, so what builds on it waits."""

import time

import psycopg

from runbook.errors import TryAgain

TURN = 0.05  # seconds until they are looked at again
SHOWN = 5  # how many are named
USUAL = 120.0  # seconds they are waited for

# Every transaction of this database that is open now: locks show each, whoever may read the rest.
OPEN = """
    SELECT virtualtransaction, format(
        'process %s%s%s%s', locks.pid, ', ' || usename, ', ' || NULLIF(application_name, ''),
        ', ' || state || ' for ' || date_trunc('second', clock_timestamp() - xact_start)
    )
    FROM pg_locks AS locks JOIN pg_stat_activity USING (pid)
    WHERE locktype = 'virtualxid' AND granted AND virtualxid = virtualtransaction AND locks.pid <> pg_backend_pid()
      AND datid = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND backend_type IS DISTINCT FROM 'autovacuum worker'
    UNION ALL
    SELECT gid, format('the prepared transaction %L of %s', gid, owner)
    FROM pg_prepared_xacts WHERE database = current_database()
"""


def wait(connection: psycopg.Connection, seconds: float = USUAL) -> None:
    """Wait until every transaction that is open now in this database has ended, prepared ones too.

    Args:
        connection: outside a transaction.
        seconds: how long at most.

    Raises:
        TryAgain: some have not; the message names them. Nothing was changed.
    """
    left, deadline = _open(connection), time.monotonic() + seconds
    if left:
        print(f"Waiting for {len(left)} transactions that began before.")
    while left:
        if time.monotonic() >= deadline:
            raise TryAgain(
                f"After {seconds:g} s {len(left)} transactions that began before are still open, and what they did may "
                f"not be seen yet: {_named(left)}. Nothing was changed. Let them end, or end them, and run this again."
            )
        time.sleep(TURN)
        still = _open(connection)
        left = {key: still[key] for key in left.keys() & still.keys()}


def holders(connection: psycopg.Connection) -> str:
    """Say whose transactions are open now, for whoever could not get a lock: it is one of theirs."""
    if not (found := _open(connection)):
        return "Whoever held it has ended: run this again."
    return f"Open now: {_named(found)}. Let them end, or end them, and run this again."


def _named(found: dict[str, str]) -> str:
    more = f" and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return "; ".join(list(found.values())[:SHOWN]) + more


def _open(connection: psycopg.Connection) -> dict[str, str]:
    return {str(key): str(words) for key, words in connection.execute(OPEN)}
