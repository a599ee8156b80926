"""The evidence of a run whose process was killed: it is sealed when somebody asks for its report."""

from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

from rich.console import Console

from runbook.batch import status
from runbook.batch.announcer import Announcer
from runbook.database import environments, lock, seals
from runbook.database.ledger import Ledger
from runbook.errors import NotAllowed, TargetHeld, UsageError
from runbook.evidence import attachments, cell_digests, old_seal, seal, signature, standalone
from runbook.evidence.finish_entry import ARCHIVE
from runbook.evidence.manifest import (
    JOURNAL,
    MANIFEST,
    build_manifest,
    file_digest,
    latest_run,
    make_folder,
    rollback_name,
    write_manifest,
)
from runbook.evidence.model import Failure
from runbook.formatting import escaped
from runbook.plan import parameters
from runbook.plan.plan import Environment, Plan
from runbook.report import notebook_html, report


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
    journals = [folder / JOURNAL] if folder else (plan.outputs).glob(f"**/*/{JOURNAL}")
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


def predecessor(plan: Plan, environment: Environment, ledger: Ledger, run_id: str) -> str | None:
    """Return the head of the newest seal of a run that is to go on, None where it never was sealed.

    Raises:
        NotAllowed: what the run has left is not what it was; nothing may be built upon it.
    """
    folder, kept = make_folder(plan, environment, run_id), seals.newest_seal(ledger.connection, run_id)
    problem = next(_altered(plan, folder, ledger, kept[0] if kept else None), None)
    if problem:
        told = parameters.as_options(ledger.run_entry(run_id)["parameters"])
        raise NotAllowed(
            f"The evidence of run {run_id} is not what it was: {escaped(problem)}. Nothing is built upon it: bring "
            f"back what was in {folder}, or begin anew with `runbook run --environment {environment.name}{told}`."
        )
    return kept[0] if kept else None


def _altered(plan: Plan, folder: Path, ledger: Ledger, head: str | None) -> Iterator[str]:
    """Yield how a folder differs from what the ledger remembers of it."""
    if seal.is_sealed(folder):
        yield from seal.problems(folder)
        if seal.head(folder) != head:
            yield "its seal is not the one the ledger holds"
    elif head and not old_seal.holds(folder, head):
        # Only a run that was taken up again sets its seal aside
        if ledger.run_entry(folder.name)["status"] != "running":
            yield f"{standalone.STATEMENT} is missing"
        yield from seal.outgrown(folder, head, partial(_is_own, plan))
    for state in ledger.tasks_of(folder.name):
        if state["sha256"]:
            task = plan.task(state["number"])
            names = [task.notebook.name, rollback_name(task)]
            found = next((folder / name for name in names if (folder / name).is_file()), None)
            if found is None:
                yield f"{names[0]} is missing"
            elif file_digest(found) != state["sha256"]:
                yield f"{found.name} was altered after its task had ended"


def _is_own(plan: Plan, name: str) -> bool:
    """Tell whether a run writes a file of this name before it ends, or makes it anew when it does."""
    stems = {Path(one).stem for task in plan.tasks for one in (task.notebook.name, rollback_name(task))}
    written = {f"{stem}.{kind}" for stem in stems for kind in ("ipynb", "html", "ipynb.tmp", "ipynb.cut-off")}
    drafts = {f"{one}.tmp" for one in (MANIFEST, standalone.STATEMENT)}
    return name in written | drafts | {JOURNAL} or attachments.is_made_anew(name)


def _seal(plan: Plan, folder: Path) -> None:
    run_id, outputs = folder.name, plan.outputs.resolve()
    if not folder.is_relative_to(outputs) or folder.parent == outputs:
        raise UsageError(f"{folder} is no run's folder in {outputs}: a run that died is sealed where it ran.")
    environment = plan.environment(folder.parent.relative_to(outputs).as_posix())
    signature.require_signing()
    with environments.connect(plan, environment, f"runbook {run_id} recovery") as connection:
        ledger = Ledger(connection, plan.name)
        ledger.prepare()
        lock.take(connection, plan.name)
        if (ended := ledger.run_entry(run_id)["status"]) != "running":
            raise UsageError(
                f"Run {run_id} ended ({ended}) and was sealed then: nothing is sealed twice. "
                f"Its {MANIFEST} is missing in {folder}."
            )
        previous = predecessor(plan, environment, ledger, run_id)
        seal.set_aside(folder)
        announcer = Announcer(plan, folder / JOURNAL, Console())
        died = [state["number"] for state in ledger.tasks_of(run_id) if state["status"] == "running"]
        for number in died:
            ledger.finish_task(run_id, number, "failed")
        message = f"The run died; it was last heard of {_last_words(folder)}."
        announcer.say("escalation", f"ESCALATION · {message} Its evidence is sealed as it was found.", reason="error")
        _rename_cut_off(folder, announcer)
        manifest = build_manifest(plan, environment, ledger, run_id, folder, "failed")
        is_rollback = any(folder.glob("rollback_*.ipynb"))
        is_finish = (folder / ARCHIVE).is_dir()
        again = "rollback" if is_rollback else "finish" if is_finish else "run --resume"
        next_step = f"`runbook {again} --environment {environment.name}`"
        manifest["failure"] = asdict(Failure(died[0] if died else None, "Died", message, next_step))
        write_manifest(folder, manifest)
        report.build_report(folder)
        seal.seal_run(folder, ledger, manifest, seal.DIED, previous, Console().print)


def _rename_cut_off(folder: Path, announcer: Announcer) -> None:
    """Rename notebooks that were being written when the run died: half a notebook is no notebook. Show the others."""
    for path in sorted(folder.glob("*.ipynb")):
        try:
            cell_digests.cells(path)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            path.rename(path.with_name(f"{path.name}.cut-off"))
            continue
        try:
            notebook_html.render(path)
        except Exception as problem:  # whatever somebody made of it: the seal does not hang on a rendering
            announcer.say("page", f"The page of {path.name} could not be written: {type(problem).__name__}", "red")


def _last_words(folder: Path) -> str:
    event = status.last_event(folder / JOURNAL)
    return f"at {event['at']}: {event['message']}" if event else "before it began"
