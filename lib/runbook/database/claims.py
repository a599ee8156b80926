"""Claims: a database remembers which environment of a plan it is; a clone or a restored copy is noticed.

A physical clone, a failover or a restore brings the ledger along, approvals and all. Each differs in something from
what the ledger says of itself, and nothing runs there until an operator has said that it is meant.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from runbook.database import ledger_schema
from runbook.database.target import Target
from runbook.database.target_identity import Identity
from runbook.errors import UsageError
from runbook.plan.plan import Environment


@dataclass(frozen=True)
class Shown:
    """What the newest evidence of an environment says it was about.

    Attributes:
        identity: of the database the run was on.
        at: when the run ended.
    """

    identity: Identity
    at: datetime


def require_own(
    connection: psycopg.Connection, plan: str, environment: Environment, target: Target, shown: Shown | None = None
) -> None:
    """Make sure that a target is the environment's own, as the ledger there and the evidence here know it.

    A target nobody has claimed is claimed, and its ledger made; one that is refused is left as it was. A copy is
    nobody's, and the demonstration's server is made anew at will.

    Args:
        connection: to the target, outside a transaction.
        plan: its name.
        environment: whose target it is to be.
        target: what the address led to.
        shown: what the newest evidence in the environment's folder is about.

    Raises:
        UsageError: it is another one, or was; the message shows both. Or its ledger cannot be made.
    """
    with connection.transaction():
        ledger_schema.prepare(connection)
        _require_own(connection, plan, environment, target, shown)


def _require_own(
    connection: psycopg.Connection, plan: str, environment: Environment, target: Target, shown: Shown | None
) -> None:
    if target.is_copy:
        return None
    found = _claim(connection, plan)
    if found is None:
        other = _earlier(connection, plan, environment.name)
        if other:
            raise _refusal(environment, f"this database is {other!r}: its ledger holds runs of that name", target)
    elif found["environment"] != environment.name:
        raise _refusal(environment, f"this database is {found['environment']!r}, as its ledger says", target)
    if environment.server == "embedded":
        return _keep(connection, plan, environment.name, target) if found is None else None
    if found and Identity(**found["identity"]) != target.identity:
        raise _refusal(environment, f"its ledger was kept in another place: {Identity(**found['identity'])}", target)
    adopted = found["adopted_at"] if found else None
    if shown and shown.identity != target.identity and not (adopted and adopted > shown.at):
        raise _refusal(environment, f"the evidence here is of another target: {shown.identity}", target)
    if found is None:
        _keep(connection, plan, environment.name, target)
    return None


def adopt(connection: psycopg.Connection, plan: str, environment: Environment, target: Target, operator: str) -> None:
    """Take a target over for an environment, as it is now."""
    connection.execute(
        """
        INSERT INTO runbook.targets (plan, environment, identity, claimed_by, adopted_at)
        VALUES (%s, %s, %s, %s, clock_timestamp())
        ON CONFLICT (plan) DO UPDATE
        SET environment = excluded.environment, identity = excluded.identity, claimed_by = excluded.claimed_by,
            claimed_at = clock_timestamp(), adopted_at = excluded.adopted_at
        """,
        [plan, environment.name, Jsonb(target.identity.summary()), operator],
    )


def _claim(connection: psycopg.Connection, plan: str) -> dict[str, Any] | None:
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(
            "SELECT environment, identity, adopted_at FROM runbook.targets WHERE plan = %s", [plan]
        ).fetchone()


def _earlier(connection: psycopg.Connection, plan: str, environment: str) -> str | None:
    """Return the environment whose runs a ledger holds that knew no claims, if it is another one."""
    row = connection.execute(
        """
        SELECT environment FROM runbook.runs WHERE plan = %s AND environment <> %s
          AND kind IN ('run', 'rollback') ORDER BY started_at DESC LIMIT 1
        """,
        [plan, environment],
    ).fetchone()
    return row[0] if row else None


def _keep(connection: psycopg.Connection, plan: str, environment: str, target: Target) -> None:
    connection.execute(
        """
        INSERT INTO runbook.targets (plan, environment, identity, claimed_by)
        VALUES (%s, %s, %s, session_user) ON CONFLICT (plan) DO NOTHING
        """,
        [plan, environment, Jsonb(target.identity.summary())],
    )


def _refusal(environment: Environment, why: str, target: Target) -> UsageError:
    return UsageError(
        f"{environment.url_variable} leads to {target.identity}, but {why}. If it is meant, "
        f"`runbook environments --adopt {environment.name} --by NAME` takes it over, which voids every approval."
    )
