"""Approvals: who said yes or no to exactly what, on which environment. They stand in the ledger; none is taken back.

An approval counts for the content it was given for. A rejection voids every approval before it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runbook.plan import fingerprint
from runbook.plan.fingerprint import Parts

MOST_DIFFERENCES = 5


@dataclass(frozen=True)
class Decision:
    """What somebody decided.

    Attributes:
        approver: who.
        statement: in their own words.
        approved: yes or no.
        parts: the content it is about; see `runbook.content`.
    """

    approver: str
    statement: str
    approved: bool
    parts: Parts = field(repr=False)
    at: datetime | None = None


def record(connection: psycopg.Connection, plan: str, environment: str, decision: Decision) -> None:
    """Remember a decision."""
    connection.execute(
        """
        INSERT INTO runbook.approvals (plan, environment, digest, approver, statement, approved, parts)
        VALUES (%s, %s, %s, %s, %s, %s, %s)
        """,
        [
            plan,
            environment,
            fingerprint.digest_of_parts(decision.parts[fingerprint.FILES]),
            decision.approver,
            decision.statement,
            decision.approved,
            Jsonb(decision.parts),
        ],
    )


def decisions(connection: psycopg.Connection, plan: str, environment: str) -> list[Decision]:
    """Return what was decided about a plan on an environment, newest first."""
    with connection.cursor(row_factory=class_row(Decision)) as cursor:
        return cursor.execute(
            """
            SELECT approver, statement, approved, parts, at FROM runbook.approvals
            WHERE plan = %s AND environment = %s ORDER BY approval_id DESC
            """,
            [plan, environment],
        ).fetchall()


def rejection(found: Sequence[Decision]) -> Decision | None:
    """Return the rejection that stands: the newest decision, if it is one."""
    return found[0] if found and not found[0].approved else None


def granted(found: Sequence[Decision], parts: Mapping[str, Mapping[str, str]]) -> list[Decision]:
    """Return the approvals that count for a content, newest first, one for each person.

    Args:
        found: every decision, newest first.
        parts: the content as it is now; groups left out are not compared.
    """
    counted: dict[str, Decision] = {}
    for decision in _since_rejection(found):
        if not fingerprint.differences(decision.parts, parts):
            counted.setdefault(_person(decision), decision)
    return list(counted.values())


def refusal(found: Sequence[Decision], parts: Mapping[str, Mapping[str, str]], needed: int) -> str:
    """Say why a content is not approved, although it must be by `needed` persons."""
    if no := rejection(found):
        return f"{no.approver} rejected it: “{no.statement}”"
    if counted := granted(found, parts):
        names = " and ".join(decision.approver for decision in counted)
        return f"{len(counted)} of {needed} approvers approved it ({names}); another person must, too"
    approving = _since_rejection(found)
    if not approving:
        return "nobody has approved it"
    changed = fingerprint.differences(approving[0].parts, parts)
    if len(changed) > MOST_DIFFERENCES:
        changed[MOST_DIFFERENCES:] = [f"{len(changed) - MOST_DIFFERENCES} more"]
    return f"{', '.join(changed)} since {approving[0].approver} approved it"


def _since_rejection(found: Sequence[Decision]) -> list[Decision]:
    last = next((place for place, decision in enumerate(found) if not decision.approved), len(found))
    return list(found[:last])


def _person(decision: Decision) -> str:
    return " ".join(decision.approver.casefold().split())
