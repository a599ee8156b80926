"""The throttle of a backfill: an operator's pause, a standby that lags, a server that is busy."""

from runbook.database import pauses
from runbook.notebook.context import Context

# How far the slowest standby is behind, in MB of WAL; how many sessions of others are at work; and whether any of them
# was within the last second (one that may not be seen counts).
BUSY = """
SELECT
    (SELECT max(pg_wal_lsn_diff(pg_current_wal_lsn(), replay_lsn)) FROM pg_stat_replication)::float8 / 1048576,
    count(*) FILTER (WHERE state = 'active'),
    COALESCE(bool_or(state = 'active' OR state_change > now() - INTERVAL '1 second' OR state IS NULL), FALSE)
FROM pg_stat_activity
WHERE COALESCE(backend_type, 'client backend') = 'client backend' AND datid IS NOT NULL AND usesysid IS NOT NULL
  AND application_name NOT LIKE 'runbook %'
"""
SEES_ALL = "SELECT pg_has_role('pg_read_all_stats', 'USAGE')"


class Throttle:
    """Tells whether a backfill must wait.

    The notebook's parameters set the limits: `most_lag_mb`, the WAL in MB the slowest standby may be behind;
    `most_active`, the sessions of others that may be at work at once. Without a parameter there is no such limit.

    Attributes:
        others_at_work: whether sessions of others were, within the second before `reason` was last asked.
    """

    others_at_work = True

    def __init__(self, task: Context) -> None:
        self._task = task
        self._lag: float | None = task.parameters.get("most_lag_mb")
        self._active: int | None = task.parameters.get("most_active")
        if (self._lag, self._active) != (None, None) and not task.connection.execute(SEES_ALL).fetchone()[0]:  # type: ignore[index]
            print("Without pg_read_all_stats other roles' sessions and standbys cannot be seen: no limit counts them.")

    def reason(self) -> str:
        """Return why the backfill must wait, in words; empty where it may go on."""
        ledger = self._task.ledger
        if pause := pauses.current(ledger.connection, ledger.plan):
            return str(pause)
        lag, active, self.others_at_work = self._task.connection.execute(BUSY).fetchone() or (None, 0, True)
        if self._lag is not None and lag is not None and lag > self._lag:
            return f"waiting: a standby is {lag:,.0f} MB behind, at most {self._lag:,} MB are allowed"
        if self._active is not None and active > self._active:
            return f"waiting: {active} sessions are at work, at most {self._active} are allowed"
        return ""
