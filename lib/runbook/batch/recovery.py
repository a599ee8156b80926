"""The evidence of a run that died: nobody was left to seal it, so whoever asks for its report does."""

from pathlib import Path

from rich.console import Console

from runbook.batch import status
from runbook.batch.announcer import Announcer
from runbook.database import environments, lock
from runbook.database.ledger import Ledger
from runbook.errors import TargetHeld
from runbook.evidence import notebooks, seal, signature
from runbook.evidence.manifest import JOURNAL, MANIFEST, build_manifest, latest_run
from runbook.plan.plan import Plan
from runbook.report import notebook_html


def seal_dead_run(plan: Plan, folder: Path | None) -> Path | None:
    """Seal the run in a folder as it was found, if it died before it could; return the folder.

    Args:
        plan: of the run.
        folder: of a run; None for the newest one that is not at work.

    Returns:
        The folder, None where there is no run at all.

    Raises:
        UsageError: the target cannot be reached, or does not know the run.
        TargetHeld: the run in that folder is not dead, or another one is at work.
    """
    journals = [folder / JOURNAL] if folder else (plan.outputs).glob(f"*/*/{JOURNAL}")
    folders = sorted((path.resolve().parent for path in journals if path.is_file()), key=lambda path: path.name)
    if not folders or (folders[-1] / MANIFEST).exists():
        return folders[-1] if folders else folder
    try:
        _seal(plan, folders[-1])
    except TargetHeld:
        if folder:
            raise
        return latest_run(plan)  # the newest run is at work: the one before it is meant
    return folders[-1]


def _seal(plan: Plan, folder: Path) -> None:
    run_id, environment = folder.name, plan.environment(folder.parent.name)
    signature.require_signing()
    with environments.connect(plan, environment, f"runbook {run_id} recovery") as connection:
        ledger = Ledger(connection, plan.name)
        ledger.run(run_id)
        lock.take(connection, plan.name)
        announcer = Announcer(plan, folder / JOURNAL, Console())
        died = [state["number"] for state in ledger.tasks_of(run_id) if state["status"] == "running"]
        for number in died:
            ledger.finish_task(run_id, number, "failed")
        ledger.close_run(run_id, "failed")
        message = f"The run died; it was last heard of {_last_words(folder)}."
        announcer.say("escalation", f"ESCALATION · {message} Its evidence is sealed as it was found.", reason="error")
        _rename_cut_off(folder)
        manifest = build_manifest(plan, environment, ledger, run_id, folder)
        is_rollback = any(folder.glob("rollback_*.ipynb"))
        again = "rollback" if is_rollback else "run --resume"
        manifest["failure"] = {
            "task": died[0] if died else None,
            "name": "Died",
            "message": message,
            "next": f"`runbook {again} --environment {environment.name}`",
        }
        seal.seal_run(folder, ledger, manifest, announcer.complain)


def _rename_cut_off(folder: Path) -> None:
    """Rename notebooks that were being written when the run died: half a notebook is no notebook."""
    for path in folder.glob("*.ipynb"):
        try:
            notebooks.cells_of(path)
        except ValueError:
            path.rename(path.with_name(f"{path.name}.cut-off"))
        else:
            notebook_html.render(path)


def _last_words(folder: Path) -> str:
    event = status.last_event(folder / JOURNAL)
    return f"at {event['at']}: {event['message']}" if event else "before it began"
