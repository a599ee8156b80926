"""What `runbook approve` and `runbook reject` do: record a decision, and exactly what it is about."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import psycopg

from runbook import openssh
from runbook.batch import asking, promotion
from runbook.batch.preflight import acceptable_rows
from runbook.database import acceptances, approvals, claims, environments, snapshot
from runbook.database.approvals import WHY_NOT
from runbook.database.ledger import Ledger
from runbook.errors import NotApproved, UsageError
from runbook.evidence.manifest import shown_target
from runbook.formatting import amount
from runbook.plan import fingerprint, parameters, static_check
from runbook.plan.plan import Environment, Plan
from runbook.policy.confirmation import SHORTEST


@dataclass(frozen=True)
class Approver:
    """Who decides.

    Attributes:
        name: as they call themselves.
        statement: in their own words.
        engine: the engine, such as airflow, that knows who they are; empty for none.
    """

    name: str
    statement: str
    engine: str = ""


def record_decision(
    plan: Plan,
    name: str,
    approver: Approver,
    given: Mapping[str, Any],
    *,
    approved: bool = True,
    accepts: Mapping[str, str] | None = None,
) -> str:
    """Record a decision about a run as it would be now, and return a few lines about it.

    Where RUNBOOK_SIGNING_KEY names a key, the decision is signed with it.

    Args:
        plan: what would run.
        name: of the environment.
        approver: who decides, and in which words.
        given: the parameters of the run.
        approved: yes or no.
        accepts: checks whose present findings may stand, and why.

    Raises:
        UsageError: the name or the statement is empty, a parameter is unknown, the target cannot be reached, or a
            check finds nothing that may be accepted.
        NotAllowed: the environment needs a run elsewhere first.
        NotApproved: the environment asks for a proof of who approves, and there is none.
    """
    environment = plan.environment(name)
    _require_words(approver, "An approval" if approved else "A rejection")
    parameters.check_parameters(plan.tasks, given)
    if approved:
        static_check.require_sound(plan)
        promotion.require_promotion(plan, environment)
    accepted = acceptable_rows(plan, name, given, accepts) if accepts else {}
    target = environments.find(plan, environment)
    with target.connect("runbook approve") as connection:
        claims.require_own(connection, plan.name, environment, target, shown_target(plan, environment))
        schema = snapshot.schema_dump(target)
        parts = fingerprint.content_of(plan, name, given, schema)
        parts[fingerprint.TARGET] |= approvals.surroundings_part(connection)
        parts[fingerprint.IDENTITY] = approvals.identity_part(target.identity)
        covers = {check: _accept(connection, check, rows, (accepts or {})[check]) for check, rows in accepted.items()}
        whole = {**parts, acceptances.ACCEPTED: covers} if covers else parts
        words, login = (approver.name.strip(), approver.statement.strip()), connection.info.user
        asked = approvals.Decision(*words, approved, whole, login=login, engine=approver.engine)
        decision = _signed(plan, environment, asked)
        approvals.record(connection, plan.name, name, decision)
        stopped = asking.stopped(plan, environment, Ledger(connection, plan.name))
        persons = len(approvals.granted(approvals.decisions(connection, plan.name, environment), parts))
    if not approved:
        return f"Rejected by {decision.approver} for {name}: every approval before this one is void."
    lacking = environment.approvers - persons
    more = f" It takes {amount(lacking, 'more person')}." if lacking > 0 else ""
    head = f"Approved by {decision.approver} ({decision.identity}) for {name}. A change of any of this voids it:"
    told = " --resume" if stopped else parameters.as_options(given)
    onward = [] if lacking > 0 else [f"Next: `runbook run --environment {name}{told}`."]
    return "\n".join([head + more, *(f"  {line}" for line in [*_about(parts), *_standing(accepted)]), *onward])


def _require_words(approver: Approver, what: str) -> None:
    if not all(
        any(sign.isprintable() and not sign.isspace() for sign in one) for one in (approver.name, approver.statement)
    ):
        raise UsageError(f"{what} needs a name and a statement: --by NAME --statement TEXT.")


def _standing(accepted: Mapping[str, acceptances.Rows]) -> Iterator[str]:
    """Yield a line for each check whose findings are accepted."""
    for check, rows in accepted.items():
        yield f"what “{check}” finds may stand ({amount(len(rows), 'row')})"


def _accept(connection: psycopg.Connection, check: str, rows: acceptances.Rows, because: str) -> str:
    return acceptances.Acceptance(check, len(rows), acceptances.keep(connection, rows), because.strip()).part


def _signed(plan: Plan, environment: Environment, decision: approvals.Decision) -> approvals.Decision:
    """Return a decision with its signature, where there is a key, and who made it.

    Raises:
        NotApproved: it is an approval that would not count.
    """
    if key := os.environ.get(openssh.KEY_VARIABLE):
        payload = decision.payload(plan.name, environment.name)
        decision = replace(decision, signature=openssh.sign(payload, key, approvals.NAMESPACE).decode())
    decision = approvals.identified(decision, plan.name, environment)
    if decision.approved and not decision.counts:
        raise NotApproved(f"The approval of {decision.approver} would not count on {environment.name!r}: {WHY_NOT}.")
    return decision


def _about(parts: fingerprint.Parts) -> Iterator[str]:
    """Yield what a decision is about, a line each."""
    files, versions = parts[fingerprint.FILES], parts[fingerprint.VERSIONS]
    package = sum(name.startswith("runbook/") for name in files)
    yield f"content {fingerprint.digest_of_parts(files)[:SHORTEST]}: {amount(len(files) - package, 'file')} here"
    yield f"runbook {versions['runbook']} ({amount(package, 'file')}), on {amount(len(versions) - 1, 'package')}"
    for group in (fingerprint.PARAMETERS, fingerprint.ENVIRONMENT):
        yield ", ".join(f"{name} = {value}" for name, value in parts[group].items()) or f"no {group}"
    yield ", ".join([*parts[fingerprint.IDENTITY].values(), *parts[fingerprint.TARGET]])
    for name, result in parts[fingerprint.FAULT_INJECTION].items():
        yield f"{name} ({result})"
