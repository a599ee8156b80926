"""Promotion: an environment may require that the same content was complete on another environment first.

The proof is the evidence of the newest run there, in `outputs/`. That run must be complete and of this very content,
its seal must hold, and that environment's ledger or a listed signer must vouch for it.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runbook.database import environments
from runbook.database.ledger import DONE, Ledger
from runbook.errors import NotAllowed
from runbook.evidence import verify
from runbook.evidence.manifest import latest_migration, misplaced
from runbook.formatting import escaped
from runbook.plan import fingerprint
from runbook.plan.plan import Environment, Plan


def require_promotion(plan: Plan, environment: Environment) -> dict[str, Any] | None:
    """Make sure that this content was complete where the plan asks for it; return the proof, None if it asks for none.

    Returns:
        What a manifest keeps: `environment`, `run_id`, the `head` of that run's seal, `proven_by`: who vouches for it.

    Raises:
        NotAllowed: it was not; the message says what is lacking.
        UsageError: the evidence is damaged.
    """
    if not environment.needs:
        return None
    needed = plan.environment(environment.needs)
    folder = latest_migration(plan, needed)
    shown = verify.examine(plan, folder) if folder else None
    problem = "it has not run there, or its evidence is not here"
    if folder and shown:
        problem = next(_problems(plan, needed, folder, shown), "")
    if shown is None or problem:
        raise NotAllowed(
            f"{environment.name!r} needs a complete run of this content on {needed.name!r} first: "
            f"{escaped(problem)}. "
            f"`runbook run --environment {needed.name}`, then come back with outputs/{needed.name}."
        )
    return {
        "environment": needed.name,
        "run_id": shown.manifest["run_id"],
        "head": shown.head,
        "proven_by": shown.proven_by,
    }


def _problems(plan: Plan, needed: Environment, folder: Path, shown: verify.Examined) -> Iterator[str]:
    """Yield what speaks against a run as a proof."""
    manifest = shown.manifest
    name = f"its newest run, {manifest['run_id']},"
    yield from misplaced(folder, manifest, needed)
    if shown.altered:
        yield f"{name} is not what was sealed ({shown.altered[0]})"
    if shown.signature.good is False:
        yield f"{name} has a signature that does not hold"
    if manifest["status"] != DONE:
        yield f"{name} is {manifest['status']}"
    left = [str(task["number"]) for task in manifest["tasks"] if task["status"] != DONE]
    if left:
        yield f"{name} left out Task {', '.join(left)}"
    if manifest["digest"] != fingerprint.plan_digest(plan):
        yield f"{name} ran other content ({manifest['digest'][:12]}, here {fingerprint.plan_digest(plan)[:12]})"
    if shown.kept and (undone := _undone(plan, needed)):
        yield f"{name} was complete, but its ledger knows of what came later: {undone}"
    if shown.kept is False or not shown.proven_by:
        yield f"{shown.words}, and no listed signer vouches for {name.removesuffix(',')}"


def _undone(plan: Plan, needed: Environment) -> str:
    """Return the first task that is not complete any more on the target itself, in words; empty: all are."""
    with environments.connect(plan, needed, "runbook promotion") as connection:
        states = Ledger(connection, plan.name).states()
    found = (f"Task {one.number} is {one.status} by run {one.run_id}" for one in states.values() if one.status != DONE)
    return next(found, "")
