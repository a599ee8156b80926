"""What `runbook approve` and `runbook reject` do: record what somebody decided about a run, and exactly about what."""

from collections.abc import Mapping
from typing import Any

from runbook.batch import promotion
from runbook.database import approvals, claims, environments, snapshot
from runbook.database.ledger import Ledger
from runbook.errors import UsageError
from runbook.evidence import notebooks
from runbook.evidence.manifest import shown_target
from runbook.formatting import amount
from runbook.plan import changes, fingerprint
from runbook.plan.plan import Plan
from runbook.policy.confirmation import SHORTEST


def record_decision(
    plan: Plan, name: str, approver: str, statement: str, given: Mapping[str, Any], *, approved: bool = True
) -> str:
    """Record a decision about a run as it would be now, and return what it means in a sentence or two.

    Args:
        plan: what would run.
        name: of the environment.
        approver: who decides.
        statement: in their own words.
        given: the parameters of the run.
        approved: yes or no.

    Raises:
        UsageError: the name or the statement is empty, a parameter is unknown, or the target cannot be reached.
        NotAllowed: the environment needs a run elsewhere first.
    """
    environment = plan.environment(name)
    if not approver.strip() or not statement.strip():
        what = "An approval" if approved else "A rejection"
        raise UsageError(f"{what} needs a name and a statement: --by NAME --statement TEXT.")
    notebooks.check_parameters(plan, given)
    if approved:
        for task in plan.tasks:
            changes.require_tags(task.notebook)
        promotion.require_promotion(plan, environment)
    target = environments.find(plan, environment)
    with target.connect("runbook approve") as connection:
        Ledger(connection, plan.name).prepare()
        claims.require_own(connection, plan.name, environment, target, shown_target(plan, environment))
        schema = snapshot.schema_dump(target, plan.schemas)
        parts = fingerprint.content_of(plan, given, schema)
        decision = approvals.Decision(approver.strip(), statement.strip(), approved, parts)
        approvals.record(connection, plan.name, name, decision)
        persons = len(approvals.granted(approvals.decisions(connection, plan.name, name), parts))
    if not approved:
        return f"Rejected by {decision.approver} for {name}: every approval before this one is void."
    lacking = environment.approvers - persons
    more = f" It takes {amount(lacking, 'more person')}." if lacking > 0 else ""
    return f"Approved by {decision.approver} for {name}: {_about(parts)}. A change of any of it voids this.{more}"


def _about(parts: fingerprint.Parts) -> str:
    """Say in a line what a decision is about."""
    files, given = parts[fingerprint.FILES], parts[fingerprint.PARAMETERS]
    said = [f"content {fingerprint.digest_of_parts(files)[:SHORTEST]} ({amount(len(files), 'file')})"]
    said += [f"{name} = {value}" for name, value in given.items()] or ["no parameters"]
    said += parts[fingerprint.TARGET]
    said += [f"{name} ({result})" for name, result in parts[fingerprint.FAULT_INJECTION].items()]
    return ", ".join(said)
