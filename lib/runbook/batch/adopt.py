"""What `runbook environments --adopt` does: accept a target as it is now, and void earlier approvals."""

from runbook.database import approvals, claims, environments, ledger_schema, lock
from runbook.errors import UsageError
from runbook.plan import fingerprint
from runbook.plan.plan import Plan


def adopt_target(plan: Plan, name: str, operator: str) -> str:
    """Take the target of an environment over, and return what it is in a sentence.

    Raises:
        UsageError: nobody is named, or the environment has no target of its own.
        TryAgain: a run holds the target.
    """
    environment = plan.environment(name)
    if not operator.strip():
        raise UsageError("Taking a target over needs a name: --by NAME.")
    target = environments.find(plan, environment)
    with target.connect("runbook adopt") as connection:
        ledger_schema.prepare(connection)
        lock.require_free(connection, plan.name)
        with connection.transaction():
            claims.adopt(connection, plan.name, environment, target, operator.strip())
            void = approvals.Decision(operator.strip(), "another target was taken over", False, {fingerprint.FILES: {}})
            approvals.record(connection, plan.name, name, void)
    return f"{name} is from now on {target.identity}. Every approval given before is void."
