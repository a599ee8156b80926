"""The lock: it lets one run of a plan at a time work on a target. It ends with the session that took it.

The lock is a row of the ledger, which no other role can read or lock; any role can take an advisory lock. The row names
the session that holds the lock. If that session has ended, the next one takes the lock over.
"""

import psycopg

from runbook.database import ledger_schema, poolers
from runbook.errors import NotAllowed, TargetHeld, TryAgain

# Whether the session that a row names is alive. The process alone does not tell: a pooler goes on using it for others.
# So its start and application_name must be the same, too. A start that this role may not read counts as the same.
LIVES = """
    EXISTS (SELECT FROM pg_stat_activity AS one
            WHERE one.pid = {table}.backend AND COALESCE(one.backend_start = {table}.backend_start, true)
              AND one.application_name = {table}.{name})
"""
TAKE = f"""
    INSERT INTO runbook.holders (plan, name, backend, backend_start)
    SELECT %s, application_name, pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
    ON CONFLICT (plan) DO UPDATE
    SET name = excluded.name, backend = excluded.backend, backend_start = excluded.backend_start,
        taken_at = clock_timestamp()
    WHERE holders.backend = excluded.backend OR NOT {LIVES.format(table="holders", name="name")}
"""
HOLDER = f"""
    SELECT backend, name, to_char(backend_start, 'YYYY-MM-DD HH24:MI:SS TZ') FROM runbook.holders
    WHERE plan = %s AND {LIVES.format(table="holders", name="name")}
"""
IN_THE_WAY = """
    SELECT application_name, pid, to_char(xact_start, 'YYYY-MM-DD HH24:MI:SS TZ')
    FROM pg_locks JOIN pg_stat_activity USING (pid)
    WHERE relation = 'runbook.holders'::regclass AND pid <> pg_backend_pid() ORDER BY xact_start
"""


def take(connection: psycopg.Connection, plan: str) -> None:
    """Take the lock; it keeps every other run of this plan out until this session ends.

    Raises:
        TargetHeld: another run holds it; the message says who, and since when.
        TryAgain: somebody is in the way, in a transaction of their own.
    """
    ledger_schema.prepare(connection)
    try:
        taken = connection.execute(TAKE, [plan]).rowcount
    except psycopg.errors.LockNotAvailable:
        row = connection.execute(IN_THE_WAY).fetchone()
        who = f"{row[0] or 'a session'} (backend {row[1]}), in a transaction since {row[2]}" if row else "it just ended"
        raise TryAgain(f"The target cannot be taken: the row that says who holds it is locked by {who}.") from None
    if not taken:
        raise _held(_holder(connection, plan)[1])


def require_free(connection: psycopg.Connection, plan: str) -> None:
    """Make sure that no run of a plan holds the target.

    Raises:
        TargetHeld: one does; the message says who, and since when.
    """
    backend, who = _holder(connection, plan)
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
    """Give the lock back, if this connection holds it."""
    connection.execute(
        "DELETE FROM runbook.holders WHERE plan = %s AND backend = %s", [plan, poolers.backend(connection)]
    )


def end_leftovers(connection: psycopg.Connection, run_id: str) -> int:
    """End the sessions of a run that died and return how many there were."""
    return connection.execute(
        """
        SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity
        WHERE application_name LIKE 'runbook ' || %s || ' %%' AND pid <> pg_backend_pid()
        """,
        [run_id],
    ).rowcount


def _held(who: str) -> TargetHeld:
    return TargetHeld(f"Another run holds this target: {who}. Wait for it to end, or end it.")


def _holder(connection: psycopg.Connection, plan: str) -> tuple[int, str]:
    """Return the backend that holds the lock (0: none), and who that is in words."""
    if connection.execute("SELECT to_regclass('runbook.holders')").fetchone() == (None,):
        return 0, "nobody"
    row = connection.execute(HOLDER, [plan]).fetchone()
    if row is None:
        return 0, "it ended this moment"
    return row[0], f"{row[1]} (backend {row[0]}), connected since {row[2]}"
