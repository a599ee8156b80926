"""Approvals: who said yes or no to exactly what, on which environment. They stand in the ledger; none is taken back.

An approval counts for the content it was given for. A rejection voids every approval before it. Approvers are told
apart by what they cannot type: the key that signed the decision, an engine the environment trusts to say who it was, or
the login. On a protected environment a login does not count: whoever owns the ledger can write any.
"""

import json
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

import psycopg
from psycopg.rows import class_row
from psycopg.types.json import Jsonb

from runbook import openssh
from runbook.database.target_identity import Identity
from runbook.plan import fingerprint
from runbook.plan.fingerprint import Parts
from runbook.plan.plan import Environment

MOST_DIFFERENCES = 5
NAMESPACE = "runbook-approval"
WHY_NOT = (
    "here it takes a signature by a key whose fingerprint stands in approver_keys of the environment's entry "
    "(RUNBOOK_SIGNING_KEY signs), or an engine that its engines name"
)


SURROUNDINGS = """
    SELECT (SELECT string_agg(concat_ws(' ', extname, extversion), ', ' ORDER BY extname) FROM pg_extension),
           (SELECT string_agg(concat_ws(' ', evtname, evtevent, evtenabled, evtfoid::regproc,
                                        left(md5(pg_get_functiondef(evtfoid)), 12)), ', ' ORDER BY evtname)
            FROM pg_event_trigger)
"""


@dataclass(frozen=True)
class Decision:
    """What somebody decided.

    Attributes:
        approver: who, in their own words.
        statement: in their own words.
        approved: yes or no.
        parts: the content it is about; see `fingerprint.content_of`.
        login: the database's own word on who wrote it.
        engine: which engine says that it was this approver; empty: nobody but the approver does.
        signature: over all of the above but the login, and over plan and environment.
        identity: who it was by what cannot be typed: `key SHA256:…`, `airflow:ada` or `login guardian`.
        counts: whether that is enough where it was given.
    """

    approver: str
    statement: str
    approved: bool
    parts: Parts = field(repr=False)
    at: datetime | None = None
    login: str = ""
    engine: str = ""
    signature: str | None = field(default=None, repr=False)
    identity: str = ""
    counts: bool = True

    def payload(self, plan: str, environment: str) -> bytes:
        """Return what an approver's signature is over."""
        about = {"plan": plan, "environment": environment}
        own = {name: getattr(self, name) for name in ("approver", "statement", "approved", "engine", "parts")}
        return json.dumps(about | own, sort_keys=True).encode()


def record(connection: psycopg.Connection, plan: str, environment: str, decision: Decision) -> None:
    """Remember a decision; the database says by which login."""
    connection.execute(
        """
        INSERT INTO runbook.approvals
            (plan, environment, digest, approver, statement, approved, parts, engine, signature)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        [
            plan,
            environment,
            fingerprint.digest_of_parts(decision.parts[fingerprint.FILES]),
            decision.approver,
            decision.statement,
            decision.approved,
            Jsonb(decision.parts),
            decision.engine,
            decision.signature,
        ],
    )


def decisions(connection: psycopg.Connection, plan: str, environment: Environment) -> list[Decision]:
    """Return what was decided about a plan on an environment, newest first, and who it was that decided.

    Nothing was decided where there is no ledger.
    """
    if connection.execute("SELECT to_regclass('runbook.approvals')").fetchone() == (None,):
        return []
    with connection.cursor(row_factory=class_row(Decision)) as cursor:
        found = cursor.execute(
            """
            SELECT approver, statement, approved, parts, at, login, engine, signature FROM runbook.approvals
            WHERE plan = %s AND environment = %s ORDER BY approval_id DESC
            """,
            [plan, environment.name],
        ).fetchall()
    return [identified(decision, plan, environment) for decision in found]


def identified(decision: Decision, plan: str, environment: Environment) -> Decision:
    """Return a decision with who made it, and whether that counts on an environment.

    Raises:
        UsageError: it is signed, and ssh-keygen is not there to look at it.
    """
    key = ""
    if decision.signature:
        payload = decision.payload(plan, environment.name)
        key = openssh.signer_of(payload, decision.signature.encode(), NAMESPACE)
    if decision.engine:
        return replace(
            decision,
            identity=f"{decision.engine}:{_name(decision)}",
            counts=any(one.split() in ([decision.engine], [decision.engine, key]) for one in environment.engines),
        )
    if key and key in environment.approver_keys:
        return replace(decision, identity=f"key {key}")
    return replace(decision, identity=f"login {decision.login or 'unknown'}", counts=not environment.protected)


def identity_part(identity: Identity) -> dict[str, str]:
    """Return what tells a target from any other database, as an approval holds it, by whatever way it was reached."""
    cluster = f"cluster {identity.system or 'unknown'}, timeline {identity.timeline}"
    return {"the target": f"database {identity.database} ({identity.oid}) of {cluster}"}


def surroundings_part(connection: psycopg.Connection) -> dict[str, str]:
    """Return what no dump of its schemas tells of a target and still decides what statements do there."""
    row = connection.execute(SURROUNDINGS).fetchone()
    assert row is not None
    return {"the extensions of the target": row[0] or "none", "the event triggers of the target": row[1] or "none"}


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
    names: set[str] = set()
    for decision in _since_rejection(found):
        if decision.counts and not fingerprint.differences(decision.parts, parts):
            if _name(decision) not in names:
                counted.setdefault(decision.identity or _name(decision), decision)
            names.add(_name(decision))
    return list(counted.values())


def refusal(found: Sequence[Decision], parts: Mapping[str, Mapping[str, str]], needed: int) -> str:
    """Say why a content is not approved, although it must be by `needed` persons."""
    if no := rejection(found):
        return f"{no.approver} rejected it: “{no.statement}”"
    if counted := granted(found, parts):
        names = " and ".join(_named(decision) for decision in counted)
        return f"{len(counted)} of {needed} approvers approved it ({names}); another person must, too"
    approving = _since_rejection(found)
    if not approving:
        return "nobody has approved it"
    changed = fingerprint.differences(approving[0].parts, parts)
    if not changed:
        return f"the approval of {_named(approving[0])} does not count: {WHY_NOT}"
    if len(changed) > MOST_DIFFERENCES:
        changed[MOST_DIFFERENCES:] = [f"{len(changed) - MOST_DIFFERENCES} more"]
    return f"{', '.join(changed)} since {approving[0].approver} approved it"


def _since_rejection(found: Sequence[Decision]) -> list[Decision]:
    last = next((place for place, decision in enumerate(found) if not decision.approved), len(found))
    return list(found[:last])


def _named(decision: Decision) -> str:
    return f"{decision.approver}, {decision.identity}" if decision.identity else decision.approver


def _name(decision: Decision) -> str:
    """Return a name as persons tell it apart: neither another encoding of a letter nor an unseen one makes another."""
    plain = unicodedata.normalize("NFKC", decision.approver).casefold()
    return " ".join("".join(one for one in plain if unicodedata.category(one) != "Cf").split())
