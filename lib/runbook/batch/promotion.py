"""Promotion: what an environment needs to have been shown elsewhere, before anything runs in it.

The proof is the evidence of the newest run there, in `outputs/`: complete, of the very content that stands here, its
seal unbroken, and the same as the one in that environment's ledger, wherever the ledger can be asked.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from runbook.database.ledger import DONE
from runbook.errors import NotAllowed
from runbook.evidence import seal, signature, verify
from runbook.evidence.manifest import MANIFEST, latest_run
from runbook.plan import fingerprint
from runbook.plan.plan import Environment, Plan


def require_promotion(plan: Plan, environment: Environment) -> dict[str, Any] | None:
    """Make sure that what stands here was complete where it had to be first; return what shows it, None if nowhere.

    Returns:
        What a manifest keeps: `environment`, `run_id`, and the `head` of that run's seal.

    Raises:
        NotAllowed: it was not; the message says what is lacking.
        UsageError: the evidence is damaged.
    """
    if not environment.needs:
        return None
    needed = plan.environment(environment.needs)
    folder = latest_run(plan, needed)
    problem = next(_problems(plan, folder), None) if folder else "it has not run there, or its evidence is not here"
    if folder is None or problem:
        raise NotAllowed(
            f"{environment.name!r} needs a complete run of what stands here on {needed.name!r} first: {problem}. "
            f"`runbook run --environment {needed.name}`, then come back with outputs/{needed.name}."
        )
    manifest = verify.read_sealed(folder)
    return {"environment": needed.name, "run_id": manifest["run_id"], "head": manifest[seal.KEY]["head"]}


def _problems(plan: Plan, folder: Path) -> Iterator[str]:
    """Yield what speaks against a run as a proof."""
    manifest = verify.read_sealed(folder)
    name = f"its newest run, {manifest['run_id']},"
    if found := seal.problems(folder, manifest):
        yield f"{name} is not what was sealed ({found[0]})"
    if signature.check_signature(folder / MANIFEST).good is False:
        yield f"{name} has a signature that does not hold"
    if manifest["status"] != DONE:
        yield f"{name} is {manifest['status']}"
    left = [str(task["number"]) for task in manifest["tasks"] if task["status"] != DONE]
    if left:
        yield f"{name} left out Task {', '.join(left)}"
    if manifest["digest"] != fingerprint.plan_digest(plan):
        yield f"{name} ran other content ({manifest['digest'][:12]}, here {fingerprint.plan_digest(plan)[:12]})"
    known, words = verify.check_ledger(plan, manifest)
    if known is False:
        yield words
