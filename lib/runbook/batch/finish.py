"""What `runbook finish` does: archive and drop what only a rollback needs, and make the migration final."""

import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console

from runbook.batch import ending
from runbook.batch.execution import Execution
from runbook.changes import archives, finality
from runbook.changes.archives import Archive
from runbook.changes.finality import Finished
from runbook.database.failures import describe_failure, exit_code_of_failure
from runbook.database.identity import operator
from runbook.database.ledger import DONE
from runbook.errors import NotAllowed, RunbookError, StepFailed, UsageError
from runbook.evidence import standalone
from runbook.evidence.finish_entry import ARCHIVE
from runbook.evidence.manifest import file_digest
from runbook.evidence.model import Failure
from runbook.formatting import amount
from runbook.plan import finish_script
from runbook.plan.finish_script import Remainder
from runbook.plan.plan import Plan
from runbook.policy import confirmation
from runbook.query.lock_retry import LOCK_TIMEOUT, retry_while_locked

DEFINITIONS = f"{ARCHIVE}/definitions.sql"


@dataclass(frozen=True)
class FinishRequest:
    """What a finish was asked to do.

    Attributes:
        keep: names of what is archived and not dropped.
        confirm: the digest of what was approved, for a protected environment.
        yes: do not ask.
    """

    keep: tuple[str, ...] = ()
    confirm: str = ""
    yes: bool = False


def finish_migration(plan: Plan, environment: str, request: FinishRequest, console: Console) -> int:
    """Make a migration final, and return the exit code.

    Raises:
        UsageError: a finish script is not in parts, or nothing is called what is to be kept; nothing was done.
        NotAllowed: the migration is not complete, or final already; the environment is protected and the confirmation
            is missing or wrong; or nobody said yes.
    """
    left = finish_script.remainders(plan)
    if unknown := sorted({*request.keep} - {one.name for one in left}):
        names = ", ".join(repr(one.name) for one in left) or "nothing"
        raise UsageError(f"Nothing is called {unknown[0]!r}: what may be kept is {names}.")
    execution = Execution(plan, environment, console, request.confirm)
    if confirmation.is_needed(execution.environment, (), undo=True):
        confirmation.require_confirmation(plan, execution.environment, execution.confirm)
    if (found := finality.finished(execution.ledger.connection, plan.name)) is not None:
        return _seal_again(execution, found)
    _require_complete(execution)
    for line in _announced(execution, left, request):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    confirmation.require_yes(execution.environment, console.input, is_said=request.yes or bool(execution.confirm))
    with execution.open({}, 0, "finish"):
        try:
            facts = _make_final(execution, left, request)
        except (RunbookError, psycopg.Error) as error:
            return _failed(execution, error)
    return ending.end(execution, finality.FINISHED, "Finish", final=facts)


def _require_complete(execution: Execution) -> None:
    states = execution.ledger.states()
    for task in execution.plan.tasks:
        if task.number not in states or states[task.number].status != DONE:
            raise NotAllowed(
                f"Only a complete migration is made final, and Task {task.number} is not complete on "
                f"{execution.environment.name!r}: `runbook run --environment {execution.environment.name}`."
            )


def _announced(execution: Execution, left: list[Remainder], request: FinishRequest) -> Iterator[str]:
    """Yield what an operator must know before a migration is made final, a line each."""
    made = finality.made_for_rollback(execution.ledger.connection, execution.plan.name)
    yield "The migration is made final: there is no rollback afterwards."
    for one in left:
        kept = "archived and kept" if one.name in request.keep else "archived, then dropped"
        yield f"  {one.name} (Task {one.task}): {kept}."
    yield f"  {amount(len(made), 'object')} of the runbook's own that only a rollback needs: archived, then dropped."
    yield "  The ledger: archived; it stays until `runbook finish --remove-ledger`."


def _make_final(execution: Execution, left: list[Remainder], request: FinishRequest) -> dict[str, Any]:
    """Archive everything, then drop it and make the migration final in one transaction; return the result."""
    connection, plan = execution.ledger.connection, execution.plan.name
    made = finality.made_for_rollback(connection, plan)
    definitions = execution.folder / DEFINITIONS
    definitions.parent.mkdir(exist_ok=True)
    definitions.write_text("".join(f"-- {one.name}\n{one.after or ''};\n\n" for one in made), encoding="utf-8")
    queries = {one.name: one.archive for one in left} | archives.ledger_tables(connection)
    kept = archives.archive_rows(connection, queries, execution.folder / ARCHIVE)
    _require_size(execution.folder, kept)
    facts = {
        "archives": [_about(execution.folder, one) for one in kept],
        "definitions": {"file": DEFINITIONS, "sha256": file_digest(definitions)},
        "kept": sorted(request.keep),
    }
    for one in kept:
        execution.announcer.say("archived", f"Archived: {one.name}, {amount(one.rows, 'row')}, {one.file}")
    statements = [one.drop for one in left if one.name not in request.keep]
    found = Finished(execution.run_id, operator(), facts)
    connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    gone = retry_while_locked(connection, lambda: finality.make_final(connection, plan, statements, found))
    execution.announcer.say("final", f"Final: {amount(len(gone), 'object')} dropped, the rollback is closed.", "green")
    return {**facts, "dropped": gone}


def _require_size(folder: Path, kept: list[Archive]) -> None:
    """Make sure that archives are not larger than evidence that is read; take them away where they are.

    Raises:
        StepFailed: one of them is, or all together are.
    """
    sizes = {one.name: (folder / one.file).stat().st_size for one in kept}
    name, largest = max(sizes.items(), key=lambda item: item[1])
    most = standalone.MOST_BYTES - standalone.LARGEST  # beside them lies the rest of the folder
    if largest <= standalone.LARGEST and sum(sizes.values()) <= most:
        return
    shutil.rmtree(folder / ARCHIVE)
    if largest > standalone.LARGEST:
        raise StepFailed(
            f"{name} is larger than a file of the evidence may be, {standalone.LARGEST:,} bytes: "
            "nothing was dropped. Archive it in parts: further `-- %%archive` queries in the finish script."
        )
    raise StepFailed(
        f"The archives are larger than evidence may be, {most:,} bytes in all, {name} the largest: nothing was "
        "dropped. Archive less of it: narrow its `-- %%archive` query in the finish script."
    )


def _about(folder: Path, one: Archive) -> dict[str, Any]:
    """Return what the evidence says of an archive."""
    return {"name": one.name, "file": one.file, "rows": one.rows, "sha256": file_digest(folder / one.file)}


def _failed(execution: Execution, error: RunbookError | psycopg.Error) -> int:
    """Write the evidence of a finish that changed nothing, say why, and return the exit code."""
    said = describe_failure(error)
    execution.announcer.say("issue", f"Nothing was dropped: {said}", "red")
    again = f"`runbook finish --environment {execution.environment.name}`"
    failure = Failure(None, type(error).__name__, said, again)
    ending.end(execution, "failed", "Finish", failure=asdict(failure))
    return exit_code_of_failure(error)


def _seal_again(execution: Execution, found: Finished) -> int:
    """Seal the evidence of a finish that was killed after its transaction.

    Raises:
        NotAllowed: it was sealed, or its archives are not here.
    """
    folder = execution.plan.outputs / execution.environment.name / found.run_id
    if execution.ledger.run_entry(found.run_id)["status"] != "running":
        finality.require_open(execution.ledger.connection, execution.plan.name)
    for one in found.facts["archives"]:
        path = folder / one["file"]
        if not path.is_file() or file_digest(path) != one["sha256"]:
            raise NotAllowed(
                f"The migration is final, but its evidence is not sealed yet, and {path} is not what was archived: "
                f"bring back what was in {folder}, then run this again."
            )
    execution.run_id = found.run_id
    with execution.open({}, 0, "finish"):
        execution.announcer.say("final", "The rollback was closed before; its evidence is sealed now.", "green")
    return ending.end(execution, finality.FINISHED, "Finish", final=found.facts)


def remove_ledger(plan: Plan, environment: str, request: FinishRequest, console: Console) -> int:
    """Drop the schema `runbook` of a target whose migrations are final, and return the exit code.

    Raises:
        NotAllowed: a migration here is not final, something hangs on the schema, or nobody said yes.
    """
    execution = Execution(plan, environment, console, request.confirm)
    if confirmation.is_needed(execution.environment, (), undo=True):
        confirmation.require_confirmation(plan, execution.environment, execution.confirm)
    connection = execution.ledger.connection
    finality.require_removable(connection)
    is_final = finality.finished(connection, plan.name) is not None
    console.print("The schema runbook is dropped: the ledger, with every verdict, approval and seal in it.")
    confirmation.require_yes(execution.environment, console.input, is_said=request.yes or bool(request.confirm))
    connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    retry_while_locked(connection, lambda: finality.remove_ledger(connection))
    execution.worker.close()
    connection.close()
    kept = "What it held is in the evidence of the finish." if is_final else "No migration was made final here."
    console.print(f"The schema runbook is gone. {kept}")
    return 0
