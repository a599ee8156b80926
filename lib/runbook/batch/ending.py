"""How an execution ends: the last word of its journal, its manifest, its report, then the seal over all of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

from runbook.batch import background_jobs
from runbook.errors import UsageError
from runbook.evidence import seal, store
from runbook.evidence.manifest import build_manifest, write_manifest

if TYPE_CHECKING:
    from runbook.batch.execution import Execution


def end(execution: "Execution", status: str, what: str, **facts: Any) -> Path:
    """End an execution, seal its folder and return its report. Nothing is written into the folder afterwards.

    Args:
        execution: whose notebooks have all run.
        status: complete, failed or rolled_back.
        what: what ended, in a word, such as `Run`.
        facts: what the manifest says beside what the ledger knows.
    """
    folder, announcer = execution.folder, execution.announcer
    execution.finish_pages()
    words = f"{what} {execution.run_id} {status}"
    announcer.event("end", words, run_id=execution.run_id, status=status)
    announcer.close()
    manifest = build_manifest(execution.plan, execution.environment, execution.ledger, execution.run_id, folder, status)
    manifest |= facts
    write_manifest(folder, manifest)
    page, advice = execution.worker.submit(background_jobs.build_report, folder).result()
    execution.worker.close()
    seal.seal_run(folder, execution.ledger, manifest, status, execution.previous, execution.tell)
    execution.tell(f"{words} · report: {page}", "")
    _upload(execution)
    if failure := facts.get("failure"):
        advice = failure["next"]
    execution.tell(f"Next: {advice}", "bold")
    execution.ledger.connection.close()
    return Path(page)


def _upload(execution: "Execution") -> None:
    """Copy the evidence into the store, where one is wanted; the run's result does not hang on it."""
    try:
        if name := store.upload(execution.folder, execution.environment.name):
            execution.tell(f"The evidence lies in the store as {name}.", "")
    except UsageError as error:
        execution.tell(f"The evidence is in its folder alone: {error}")
