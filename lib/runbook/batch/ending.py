"""How an execution ends: the last word of its journal, its manifest, its report, then the seal over all of it."""

from typing import TYPE_CHECKING, Any

from runbook.batch import background_jobs
from runbook.errors import TryAgain, UsageError
from runbook.evidence import seal, store
from runbook.evidence.manifest import build_manifest, write_manifest

if TYPE_CHECKING:
    from runbook.batch.execution import Execution


def end(execution: "Execution", status: str, what: str, **facts: Any) -> int:
    """End an execution and seal its folder, in which nothing is written afterwards.

    Args:
        execution: whose notebooks have all run.
        status: complete, failed or rolled_back.
        what: what ended, in a word, such as `Run`.
        facts: what the manifest says beside what the ledger knows.

    Returns:
        The exit code of what went well otherwise: 0, or that of trying again where no copy of the evidence is in the
        store that is wanted.
    """
    folder, announcer = execution.folder, execution.announcer
    execution.finish_pages()
    words = f"{what} {execution.run_id} {'failed' if status == 'failed' else 'complete'}"
    announcer.event("end", words, run_id=execution.run_id, status=status)
    announcer.close()
    manifest = build_manifest(execution.plan, execution.environment, execution.ledger, execution.run_id, folder, status)
    manifest |= facts
    write_manifest(folder, manifest)
    page, advice = execution.worker.submit(background_jobs.build_report, folder).result()
    execution.worker.close()
    seal.seal_run(folder, execution.ledger, manifest, status, execution.previous, execution.tell)
    execution.tell(f"{words} · report: {page}", "")
    code = _upload(execution, "" if what != "Run" else execution.environment.name)
    if failure := facts.get("failure"):
        advice = failure["next"]
    execution.tell(f"Next: {advice}", "bold")
    execution.ledger.connection.close()
    return code


def _upload(execution: "Execution", ensured: str) -> int:
    try:
        if name := store.upload(execution.folder, execution.environment.name):
            execution.tell(f"The evidence lies in the store as {name}.", "")
    except UsageError as error:
        again = f" `runbook run --environment {ensured} --ensure` copies it." if ensured else ""
        execution.tell(f"The evidence is in its folder alone: {error}{again}")
        return TryAgain.exit_code
    return 0
