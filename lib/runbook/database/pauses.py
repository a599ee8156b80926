"""Pauses: an operator holds the backfills of a target from any terminal, and lets them go on."""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True)
class Pause:
    """A pause that has not ended: who asked for it, and when."""

    operator: str
    began_at: datetime

    def words(self, environment: str) -> str:
        """Say who holds the backfills of an environment, since when, and what lets them go on."""
        return (
            f"paused by {self.operator} since {self.began_at:%H:%M:%S %Z}: "
            f"`runbook pause --environment {environment} --end` lets them go on"
        )


def current(connection: psycopg.Connection, plan: str) -> Pause | None:
    """Return the pause the plan is under on this target, or None."""
    with connection.cursor(row_factory=class_row(Pause)) as cursor:
        return cursor.execute(
            "SELECT operator, began_at FROM runbook.pauses WHERE plan = %s AND ended_at IS NULL", [plan]
        ).fetchone()


def begin(connection: psycopg.Connection, plan: str, operator: str) -> bool:
    """Begin a pause; False where there is one already."""
    statement = "INSERT INTO runbook.pauses (plan, operator) VALUES (%s, %s) ON CONFLICT DO NOTHING"
    return connection.execute(statement, [plan, operator]).rowcount == 1


def end(connection: psycopg.Connection, plan: str) -> bool:
    """End the pause; False where there is none."""
    statement = "UPDATE runbook.pauses SET ended_at = clock_timestamp() WHERE plan = %s AND ended_at IS NULL"
    return connection.execute(statement, [plan]).rowcount == 1
