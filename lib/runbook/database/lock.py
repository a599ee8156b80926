"""The lock: one run at a time of a plan on a target. It lives and dies with the connection that took it."""

import psycopg

from runbook.database import poolers
from runbook.errors import NotAllowed


def take(connection: psycopg.Connection, plan: str) -> None:
    """Keep every other run of this plan out of the target, for as long as this connection lives.

    Raises:
        NotAllowed: another run holds the lock; the message says who, and since when.
    """
    row = connection.execute("SELECT pg_try_advisory_lock(hashtext('runbook'), hashtext(%s))", [plan]).fetchone()
    if row and not row[0]:
        raise _held(_holder(connection, plan)[1])


def require_free(connection: psycopg.Connection, plan: str, database: str) -> None:
    """Make sure that no run of a plan holds a database, which may be another than the one connected to.

    Raises:
        NotAllowed: one does; the message says who, and since when.
    """
    backend, who = _holder(connection, plan, database)
    if backend:
        raise _held(who)


def is_held(connection: psycopg.Connection, plan: str) -> bool:
    """Tell whether any run of this plan holds the target."""
    return _holder(connection, plan)[0] != 0


def require_holder(connection: psycopg.Connection, plan: str, backend: int) -> None:
    """Make sure that the batch a kernel belongs to still holds the lock.

    Raises:
        NotAllowed: it does not: the batch is dead, and another may be at work.
    """
    if _holder(connection, plan)[0] != backend:
        raise NotAllowed("The batch this notebook belonged to holds the target no longer: `runbook run --resume`.")


def release(connection: psycopg.Connection, plan: str) -> None:
    """Let other runs in; nothing happens where this connection does not hold the lock."""
    if _holder(connection, plan)[0] == poolers.backend(connection):
        connection.execute("SELECT pg_advisory_unlock(hashtext('runbook'), hashtext(%s))", [plan])


def end_leftovers(connection: psycopg.Connection, run_id: str) -> int:
    """End what a dead run left working on the server, and return how many sessions that were."""
    return connection.execute(
        """
        SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE application_name LIKE 'runbook ' || %s || ' %%' AND pid <> pg_backend_pid()
        """,
        [run_id],
    ).rowcount


def _held(who: str) -> NotAllowed:
    return NotAllowed(f"Another run holds this target: {who}. Wait for it to end, or end it.")


def _holder(connection: psycopg.Connection, plan: str, database: str | None = None) -> tuple[int, str]:
    """Return the backend that holds the lock (0: none), and who that is in words; default: on this database."""
    row = connection.execute(
        """
        SELECT application_name, pid, to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')
        FROM pg_locks JOIN pg_stat_activity USING (pid)
        WHERE locktype = 'advisory' AND granted AND pg_locks.database = (
            SELECT oid FROM pg_database WHERE datname = COALESCE(%s, current_database()))
          AND classid = (hashtext('runbook')::bigint & 4294967295)::oid
          AND objid = (hashtext(%s)::bigint & 4294967295)::oid
        """,
        [database, plan],
    ).fetchone()
    if row is None:
        return 0, "it ended this moment"
    return row[1], f"{row[0]} (backend {row[1]}), connected since {row[2]}"
