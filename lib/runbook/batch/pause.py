"""What `runbook pause` does: hold the backfills of a target from any terminal, and let them go on."""

from runbook.database import claims, environments, pauses
from runbook.database.identity import operator
from runbook.evidence.manifest import shown_target
from runbook.plan.plan import Plan


def switch_pause(plan: Plan, name: str, *, on: bool) -> str:
    """Begin or end the pause of an environment, and return what holds now."""
    environment = plan.environment(name)
    target = environments.find(plan, environment)
    with target.connect("runbook pause") as connection:
        claims.require_own(connection, plan.name, environment, target, shown_target(plan, environment))
        if on:
            pauses.begin(connection, plan.name, operator())
        elif pauses.end(connection, plan.name):
            return f"Backfills on {name} go on."
        pause = pauses.current(connection, plan.name)
        return f"Backfills on {name}: {pause.words(name)}." if pause else f"Backfills on {name} were not paused."
