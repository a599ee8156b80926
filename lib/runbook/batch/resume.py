"""Resuming: when a run is complete, and how one that is not goes on.

Range and parameters belong to the run. A task counts as done while the target's ledger says that it is, by this run and
by the very notebook and scripts that stand here, and by an executed notebook whose digest it holds.
"""

from typing import TYPE_CHECKING, Any

from runbook import formatting
from runbook.batch import recovery
from runbook.database import lock
from runbook.database.ledger import DONE
from runbook.errors import UsageError
from runbook.evidence.model import Failure
from runbook.plan import fingerprint
from runbook.plan.plan import Environment, Task

if TYPE_CHECKING:
    from runbook.batch.execution import Execution


def command(environment: Environment) -> str:
    """Return the command that goes on with the run that stopped: it knows its tasks and its parameters."""
    return f"runbook run --environment {environment.name} --resume"


def resume_run(
    execution: "Execution", first: int | None, last: int | None, given: dict[str, Any]
) -> tuple[tuple[Task, ...], tuple[Task, ...], dict[str, Any]]:
    """Become the unfinished run: its identity, its tasks, its parameters.

    Args:
        execution: what becomes it.
        first: asked for on the command line, or None.
        last: asked for on the command line, or None.
        given: parameters of the command line; they count more than those of the run.

    Returns:
        All tasks of the run, those it has still to do, and its parameters.

    Raises:
        UsageError: there is none, or it is about other tasks.
        NotAllowed: what it has left is not what it was.
    """
    name, ledger, plan = execution.environment.name, execution.ledger, execution.plan
    run_id = ledger.unfinished_run(name)
    if run_id is None:
        raise UsageError(
            f"There is nothing to resume on {name!r}: its last run ended well. `runbook run --environment {name}` "
            "begins one."
        )
    run = ledger.run_entry(run_id)
    whole = plan.between(run["first_task"], run["last_task"])
    for option, asked, own in (("--from", first, whole[0].number), ("--to", last, whole[-1].number)):
        if asked not in (None, own):
            raise UsageError(
                f"Run {run_id} is about {formatting.tasks([task.number for task in whole])}: {option} {asked} cannot "
                f"resume it. `{command(execution.environment)}`, or begin a run of its own without --resume."
            )
    ended = lock.end_leftovers(ledger.connection, run_id)
    if ended:
        execution.console.print(f"Ended {ended} session(s) the dead run had left on the server.")
    execution.run_id = run_id
    execution.previous = recovery.predecessor(plan, execution.environment, ledger, run_id)
    left = tuple(task for task in whole if not _is_done(execution, task))
    return whole, left, {**run["parameters"], **given}


def incomplete(execution: "Execution", whole: tuple[Task, ...], held: dict[str, Any] | None) -> Failure | None:
    """Return why a run that met no failure is not complete, or None.

    Args:
        execution: the run.
        whole: all of its tasks.
        held: what its `verify` cells found when they were run again at the end; None where they could not be.
    """
    for task in whole:
        if not _is_done(execution, task):
            return Failure(
                task.number, "GateShut", f"Task {task.number} is not complete on the target, as its ledger says."
            )
    if held is None:
        return Failure(whole[-1].number, "StepFailed", "The verify cells could not be run again at the end.")
    if drifts := held["drifts"]:
        task = next(task for task in whole if task.number == drifts[0]["task"])
        more = f" ({len(drifts)} in all)" if len(drifts) > 1 else ""
        said = f"What the run has shown does not hold at its end: {drifts[0]['words']}{more}."
        return Failure(task.number, "GateShut", said)
    return None


def _is_done(execution: "Execution", task: Task) -> bool:
    state = execution.ledger.states().get(task.number)
    if state is None or (state.run_id, state.status) != (execution.run_id, DONE):
        return False
    vouched = {one["number"] for one in execution.ledger.tasks_of(execution.run_id) if one["sha256"]}
    return task.number in vouched and state.content == fingerprint.task_digest(execution.plan, task.number)
