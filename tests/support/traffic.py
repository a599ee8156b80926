"""Live traffic: clients that consume credits all the while, and remember every call that succeeded."""

import random
import threading
from collections import Counter
from dataclasses import dataclass, field
from typing import Any

import psycopg

TYPES = ("ai_chat", "whatsapp_message", "email_send", "sms_send")
PAUSE = 0.01  # seconds between a client's calls
HOT = 4  # every fourth call goes to one organization


@dataclass
class Traffic:
    """Bounded: it ends after `calls` calls a client, or when it is stopped.

    Attributes:
        succeeded: credits consumed, by organization and action type, as the callers were told.
        failures: what the server said instead.
    """

    url: str
    organizations: list[str]
    clients: int = 4
    calls: int = 100_000
    succeeded: Counter[tuple[str, str]] = field(default_factory=Counter)
    answered: Counter[tuple[str, str]] = field(default_factory=Counter)
    failures: list[str] = field(default_factory=list)

    def __enter__(self) -> "Traffic":
        self._stop, self._lock = threading.Event(), threading.Lock()
        self._threads = [threading.Thread(target=self._client, args=(seed,)) for seed in range(self.clients)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _client(self, seed: int) -> None:
        draw = random.Random(seed)
        with psycopg.connect(self.url, autocommit=True, application_name="traffic") as connection:
            for number in range(self.calls):
                if self._stop.is_set():
                    return
                where = self.organizations[0] if number % HOT == 0 else draw.choice(self.organizations)
                self._stop.wait(PAUSE)
                self._call(connection, where, draw.choice(TYPES), draw.randint(1, 3))

    def _call(self, connection: psycopg.Connection, organization: str, kind: str, amount: int) -> None:
        try:
            connection.execute("SELECT consume_credits_rpc(%s, %s, %s)", [organization, kind, amount])
        except psycopg.Error as error:
            with self._lock:
                self.failures.append(str(error).splitlines()[0])
            return
        with self._lock:
            self.succeeded[organization, kind] += amount
            self.answered[organization, kind] += 1


def roomy_organizations(connection: psycopg.Connection, count: int) -> list[str]:
    """Return organizations whose pools, old and new, will not run dry."""
    rows = connection.execute(
        """
        SELECT o.id::text FROM organizations AS o JOIN organization_credits AS c ON c.organization_id = o.id
        WHERE o.plan_name = 'enterprise' AND c.remaining_credits > 15000 ORDER BY o.id LIMIT %s
        """,
        [count],
    ).fetchall()
    return [row[0] for row in rows]


def last_action(connection: psycopg.Connection) -> int:
    """Return the id of the newest audit row."""
    row = connection.execute("SELECT max(id) FROM credit_actions").fetchone()
    return row[0] if row else 0


def logged_since(connection: psycopg.Connection, action: int) -> tuple[Counter[Any], Counter[Any]]:
    """Return what was logged after an audit row, by organization and type: credits, and number of rows."""
    rows = connection.execute(
        """
        SELECT organization_id::text, action_type, SUM(credits_consumed), COUNT(*) FROM credit_actions
        WHERE id > %s AND action_type <> 'migration' GROUP BY 1, 2
        """,
        [action],
    ).fetchall()
    return Counter({(row[0], row[1]): row[2] for row in rows}), Counter({(row[0], row[1]): row[3] for row in rows})


UNRECONCILED = """
WITH logged AS (
    SELECT
        o.id,
        COALESCE(SUM(a.credits_consumed) FILTER (WHERE a.id < m.id AND a.action_type <> 'migration'), 0) AS before,
        COALESCE(SUM(a.credits_consumed) FILTER (WHERE a.id > m.id AND a.action_type = 'ai_chat'), 0) AS ai,
        COALESCE(SUM(a.credits_consumed) FILTER (WHERE a.id > m.id AND a.action_type = 'whatsapp_message'), 0) AS wa,
        COALESCE(SUM(a.credits_consumed) FILTER (WHERE a.id > m.id AND a.action_type = 'email_send'), 0) AS email,
        COALESCE(SUM(a.credits_consumed) FILTER (WHERE a.id > m.id AND a.action_type = 'sms_send'), 0) AS sms
    FROM organizations AS o
    JOIN credit_actions AS m ON m.organization_id = o.id AND m.action_type = 'migration'
    LEFT JOIN credit_actions AS a ON a.organization_id = o.id
    GROUP BY o.id
)
SELECT o.id, o.name
FROM organizations AS o
LEFT JOIN logged USING (id)
LEFT JOIN organization_credits AS c ON c.organization_id = o.id
WHERE logged.id IS NULL
   OR (o.ai_used_credits, o.whatsapp_used_credits, o.email_used_credits, o.sms_used_credits)
      IS DISTINCT FROM (logged.ai, logged.wa, logged.email, logged.sms)
   OR COALESCE(c.used_credits, 0) <> logged.before
   OR c.total_credits - c.used_credits <> c.remaining_credits
"""
