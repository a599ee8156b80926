"""The order of a fleet's waves, where its policy asks for it: a target waits for every target of the wave before."""

from runbook.database.ledger import DONE
from runbook.errors import NotAllowed
from runbook.evidence import verify
from runbook.evidence.manifest import latest_migration, misplaced
from runbook.formatting import escaped
from runbook.plan import fingerprint, fleets
from runbook.plan.plan import Environment, Plan


def require_wave_before(plan: Plan, environment: Environment) -> None:
    """Make sure that every target of the wave before is complete under this content, as its sealed evidence says.

    That wave had to wait for the one before it in the same way.

    Raises:
        NotAllowed: one is not; the message names it.
        UsageError: the inventory is wrong, or evidence is damaged.
    """
    name, _, target = environment.name.partition("/")
    fleet = plan.fleets.get(name)
    if fleet is None or not fleet.waves_in_order:
        return
    targets = fleets.inventory(plan.root, fleet)
    own = next(one.wave for one in targets if one.name == target)
    before = max((one.wave for one in targets if one.wave < own), default=None)
    for one in targets:
        if one.wave == before and (problem := _problem(plan, fleets.environment_of(fleet, one.name))):
            raise NotAllowed(
                f"{environment.name!r} is of wave {own}, and {one.name!r} of wave {before} is not complete: "
                f"{escaped(problem)}. `runbook fleet status {name}` shows them all."
            )


def _problem(plan: Plan, environment: Environment) -> str:
    folder = latest_migration(plan, environment)
    if folder is None:
        return "it has not run, or its evidence is not here"
    found = verify.examine(plan, folder, offline=True)
    run = f"its newest run, {found.manifest['run_id']},"
    if wrong := next(misplaced(folder, found.manifest, environment), ""):
        return wrong
    if found.altered:
        return f"{run} is not what was sealed ({found.altered[0]})"
    if found.signature.good is False:
        return f"{run} is not proven: {found.signature.words}"
    if found.manifest["status"] != DONE or any(task["status"] != DONE for task in found.manifest["tasks"]):
        return f"{run} has left something to do"
    return "" if found.manifest["digest"] == fingerprint.plan_digest(plan) else f"{run} ran other content"
