"""The rollback: tasks reversed newest first, through the same lock, announcements, ledger and evidence."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from rich.console import Console

from runbook.batch import ending
from runbook.batch.execution import Execution
from runbook.batch.outlook import Outlook, announce, drop_dependents, look_ahead, save_dependents
from runbook.changes import finality
from runbook.database.ledger import UNDONE
from runbook.errors import NotAllowed, UsageError
from runbook.evidence import notebooks
from runbook.evidence.manifest import rollback_name
from runbook.evidence.model import Failure
from runbook.plan import parameters
from runbook.plan.plan import Plan, Task
from runbook.policy import confirmation
from runbook.query.lock_retry import LOCK_TIMEOUT, retry_while_locked


@dataclass(frozen=True)
class RollbackRequest:
    """What a rollback was asked to do.

    Attributes:
        last: number of the lowest task to reverse; None: of all.
        confirm: the digest of what was approved, for a protected environment.
        yes: do not ask.
        with_dependents: drop what others have made that hangs on what will go; its definitions go to the evidence.
    """

    last: int | None = None
    confirm: str = ""
    yes: bool = False
    with_dependents: bool = False


def roll_back(plan: Plan, environment: str, request: RollbackRequest, console: Console) -> int:
    """Reverse every task from the newest down to the lowest that left something, and return the exit code.

    Raises:
        UsageError: there is nothing to reverse, or a rollback script is missing; nothing was run.
        NotAllowed: another run holds the target; it is protected and the confirmation is missing or wrong; something
            of others blocks the way; or nobody said yes.
    """
    lowest = plan.tasks[0].number if request.last is None else plan.task(request.last).number
    execution = Execution(plan, environment, console, request.confirm)
    if confirmation.is_needed(execution.environment, (), undo=True):
        confirmation.require_confirmation(plan, execution.environment, execution.confirm)
    finality.require_open(execution.ledger.connection, plan.name)
    tasks = _to_reverse(execution, lowest)
    if not tasks:
        raise UsageError(f"There is nothing to reverse on {environment!r} from task {lowest} on.")
    ways_back = [(task, notebooks.rollback_notebook(task)) for task in tasks]
    outlook = look_ahead(execution.ledger, tasks)
    for line in announce(outlook, execution.ledger):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    _require_free_way(outlook, environment, lowest, is_cleared=request.with_dependents)
    confirmation.require_yes(execution.environment, console.input, is_said=request.yes or bool(execution.confirm))
    given = _given(execution, tasks)
    failure: Failure | None = None
    with execution.open(given, len(tasks), "rollback"):
        if request.with_dependents:
            _clear(execution, outlook)
        task = tasks[0]
        try:
            for task, notebook in ways_back:
                failure = _reverse(execution, task, notebook, given)
                if failure:
                    break
        except KeyboardInterrupt:  # between two notebooks
            failure = execution.interrupted(task)
    code = _close(execution, failure, lowest)
    return failure.exit_code if failure else code


def _to_reverse(execution: Execution, lowest: int) -> tuple[Task, ...]:
    states = execution.ledger.states()
    return tuple(
        task
        for task in reversed(execution.plan.tasks)
        if task.number >= lowest and task.number in states and states[task.number].status != UNDONE
    )


def _require_free_way(outlook: Outlook, environment: str, lowest: int, *, is_cleared: bool) -> None:
    found = outlook.obstacles.lines()
    if not found or (is_cleared and not outlook.obstacles.lost):
        return
    listed = "\n".join(f"  {line}" for line in found)
    raise NotAllowed(
        f"Nothing was changed. This rollback is blocked by what others made or changed since:\n{listed}\n"
        f"Clear it, or have it saved to the evidence and dropped: "
        f"`runbook rollback --environment {environment} --to {lowest} --with-dependents`."
    )


def _given(execution: Execution, tasks: tuple[Task, ...]) -> dict[str, Any]:
    """Return the parameters the tasks were run with; the newest task's count where they differ."""
    states, found = execution.ledger.states(), {}
    for task in reversed(tasks):
        found.update(execution.ledger.run_entry(states[task.number].run_id)["parameters"])
    return found


def _clear(execution: Execution, outlook: Outlook) -> None:
    """Save what hangs on what will go, then drop it."""
    connection, say = execution.ledger.connection, execution.announcer.say
    path = save_dependents(outlook, connection, execution.folder)
    connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    for statement in retry_while_locked(connection, lambda: drop_dependents(outlook, connection)):
        say("dependent", f"Dropped, its definition saved in {path.name}: {statement};")


def _close(execution: Execution, failure: Failure | None, lowest: int) -> int:
    """Write the evidence of a rollback, say where it is and return the exit code of one that went well."""
    facts: dict[str, Any] = {}
    if failure:
        again = f"`runbook rollback --environment {execution.environment.name} --to {lowest}`"
        facts["failure"] = asdict(replace(failure, next=failure.next or f"mend the cause, then {again}."))
    return ending.end(execution, "failed" if failure else UNDONE, "Rollback", **facts)


def _reverse(execution: Execution, task: Task, notebook: object, given: Mapping[str, Any]) -> Failure | None:
    target, known = execution.folder / rollback_name(task), parameters.declared_parameters(task)
    fitting = {name: value for name, value in given.items() if name in known}
    if execution.environment.name != known["environment"].default:
        fitting["environment"] = execution.environment.name
    failure = execution.notebook(task, notebook, target, fitting, UNDONE)
    if failure is None:
        execution.announcer.say("rolled_back", f"Task {task.number}: ✅ ROLLED BACK - {task.name}", "green")
    else:
        execution.ledger.finish_task(execution.run_id, task.number, "failed")  # one that was cut off could not say so
        execution.announcer.issue(task, failure.message, f"look at {target.name} in the folder of this rollback")
    return failure
