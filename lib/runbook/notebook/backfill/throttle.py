"""The throttle of a backfill: the signals of a server's health by which it waits, or goes gently."""

import time
from contextlib import suppress
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row

from runbook.database import pauses
from runbook.notebook.context import Context

LIMITS = ("most_lag_mb", "most_active", "most_unarchived", "slowest_read_ms")
GIVEN_UP = "2s"  # a read of one row that takes longer
CALM = 30.0  # seconds that a backfill goes gently after a checkpoint that WAL has forced
SEES_ALL = "SELECT pg_has_role('pg_read_all_stats', 'USAGE')"
# The WAL files that wait for the archiver; only some roles may count them
UNARCHIVED = "(SELECT count(*) FROM pg_ls_archive_statusdir() WHERE name LIKE '%%.ready')"
MAY_COUNT = "SELECT current_setting('archive_mode') <> 'off' AND pg_has_role('pg_monitor', 'USAGE')"
FORCED = {
    170000: "(SELECT num_requested FROM pg_stat_checkpointer)",
    150000: "(SELECT checkpoints_req FROM pg_stat_bgwriter)",
}
# A session that may not be seen counts as at work. VACUUM, autovacuum's too, is found by its lock, which all may see.
SIGNS = """
SELECT
    (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)) FROM pg_stat_replication)::float8 / 1048576
        AS lag_mb,
    count(*) FILTER (WHERE state = 'active') AS active,
    COALESCE(bool_or(state = 'active' OR state_change > now() - INTERVAL '1 second' OR state IS NULL), FALSE) AS others,
    EXISTS (
        SELECT FROM pg_locks
        WHERE granted AND mode = 'ShareUpdateExclusiveLock' AND pid <> pg_backend_pid()
          AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
          AND (relation = to_regclass(%(table)s)
               OR relation IN (SELECT inhrelid FROM pg_inherits WHERE inhparent = to_regclass(%(table)s)))
    ) AS vacuumed,
    {unarchived}::bigint AS unarchived,
    {forced}::bigint AS forced
FROM pg_stat_activity
WHERE COALESCE(backend_type, 'client backend') = 'client backend' AND datid IS NOT NULL AND usesysid IS NOT NULL
  AND application_name NOT LIKE 'runbook %%'
"""


@dataclass(frozen=True)
class Signs:
    """Figures about the health of a server.

    Attributes:
        lag_mb: WAL in MB that the slowest standby is behind; None: there is none.
        active: sessions of others that are at work.
        others: whether any of them was within the last second.
        vacuumed: whether VACUUM, or another command with its lock, is at work on the table.
        unarchived: WAL files that wait for the archiver; None: there is none, or nobody may count them.
        forced: checkpoints that were forced so far.
    """

    lag_mb: float | None
    active: int
    others: bool
    vacuumed: bool
    unarchived: int | None
    forced: int


class Throttle:
    """Tells whether a backfill must wait, and whether it must go gently.

    The notebook's parameters set the limits: `most_lag_mb`, the WAL in MB the slowest standby may be behind;
    `most_active`, the sessions of others that may be at work at once; `most_unarchived`, the WAL files that may wait
    for the archiver; `slowest_read_ms`, the milliseconds that reading one row may take. Without a parameter there is
    no such limit. A backfill goes gently while others are at work, while VACUUM is on its table, and for half a minute
    after a checkpoint that was forced.

    Attributes:
        gentle_because: why it must go gently, in words; empty: it need not.
    """

    def __init__(self, task: Context, table: str) -> None:
        self.gentle_because = "others are at work"  # until somebody has looked
        self._task, self._table = task, table
        self._limits: dict[str, float] = {name: task.parameters[name] for name in LIMITS if name in task.parameters}
        self._calm_until = 0.0
        self._forced: int | None = None
        connection = task.connection
        may_count = connection.execute(MAY_COUNT).fetchone() == (True,)
        version = connection.info.server_version
        forced = next(query for since, query in FORCED.items() if version >= since)
        self._signs = SIGNS.format(unarchived=UNARCHIVED if may_count else "NULL", forced=forced).encode()
        if self._limits and connection.execute(SEES_ALL).fetchone() != (True,):
            print("Without pg_read_all_stats other roles' sessions and standbys cannot be seen: limits ignore them.")

    def reason(self) -> str:
        """Look; return why the backfill must wait, in words; empty where it may go on."""
        ledger = self._task.ledger
        if pause := pauses.current(ledger.connection, ledger.plan):
            return pause.words(self._task.environment.name)
        with self._task.connection.cursor(row_factory=class_row(Signs)) as cursor:
            signs = cursor.execute(self._signs, {"table": self._table}).fetchone()
        assert signs is not None
        self.gentle_because = self._gently(signs)
        return self._waiting(signs)

    def _gently(self, signs: Signs) -> str:
        if self._forced is not None and signs.forced > self._forced:
            self._calm_until = time.monotonic() + CALM
        self._forced = signs.forced
        if signs.others:
            return "others are at work"
        if signs.vacuumed:
            return f"VACUUM is at work on {self._table}"
        return "a checkpoint was forced" if time.monotonic() < self._calm_until else ""

    def _waiting(self, signs: Signs) -> str:
        if self._is_over("most_lag_mb", signs.lag_mb):
            return f"waiting: a standby is {signs.lag_mb:,.0f} MB behind, {self._allowed('most_lag_mb', ' MB')}"
        if self._is_over("most_active", signs.active):
            return f"waiting: {signs.active} sessions are at work, {self._allowed('most_active')}"
        if self._is_over("most_unarchived", signs.unarchived):
            return f"waiting: {signs.unarchived:,} WAL files wait for the archiver, {self._allowed('most_unarchived')}"
        if "slowest_read_ms" in self._limits and self._is_over("slowest_read_ms", taken := self._read_ms()):
            return f"waiting: reading one row takes {taken:,.0f} ms, {self._allowed('slowest_read_ms', ' ms')}"
        return ""

    def _is_over(self, name: str, value: float | None) -> bool:
        return value is not None and name in self._limits and value > self._limits[name]

    def _allowed(self, name: str, unit: str = "") -> str:
        return f"at most {self._limits[name]:,}{unit} are allowed"

    def _read_ms(self) -> float:
        """Return the milliseconds that reading one row takes, as the client sees it; given up where it takes long."""
        connection, begun = self._task.connection, time.perf_counter()
        with suppress(psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable), connection.transaction():
            connection.execute(f"SET LOCAL statement_timeout = '{GIVEN_UP}'")
            connection.execute(f"SELECT FROM {self._table} LIMIT 1".encode())
        return (time.perf_counter() - begun) * 1000
