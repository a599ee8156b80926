"""The way back: tasks reversed newest first, through the same lock, announcements, ledger and evidence."""

from typing import Any

from rich.console import Console

from runbook.batch import ending
from runbook.batch.execution import Execution, Failure
from runbook.database.ledger import UNDONE
from runbook.errors import UsageError
from runbook.evidence import notebooks
from runbook.evidence.manifest import rollback_name
from runbook.plan.plan import Plan, Task
from runbook.policy import confirmation


def roll_back(plan: Plan, environment: str, last: int | None, console: Console, confirm: str = "") -> int:
    """Reverse every task from the newest down to `last` that left something, and return the exit code.

    Raises:
        UsageError: there is nothing to reverse, or a rollback script is missing; nothing was run.
        NotAllowed: another run holds the target, or it is protected and the confirmation is missing or wrong.
    """
    lowest = plan.tasks[0].number if last is None else plan.task(last).number
    execution = Execution(plan, environment, console, confirm)
    if confirmation.is_needed(execution.environment, (), undo=True):
        confirmation.require_confirmation(plan, execution.environment, execution.confirm)
    states = execution.ledger.states()
    tasks = [
        task
        for task in reversed(plan.tasks)
        if task.number >= lowest and task.number in states and states[task.number].status != UNDONE
    ]
    if not tasks:
        raise UsageError(f"There is nothing to reverse on {environment!r} from task {lowest} on.")
    ways_back = [(task, notebooks.rollback_notebook(task)) for task in tasks]
    failure: Failure | None = None
    with execution.open({}, len(tasks), "rollback"):
        for task, notebook in ways_back:
            failure = _reverse(execution, task, notebook)
            if failure:
                break
    facts: dict[str, Any] = {}
    if failure:
        facts["failure"] = {
            "task": failure.task.number,
            "name": failure.kind,
            "message": failure.message,
            "next": f"runbook rollback --environment {environment} --to {lowest}",
        }
    ending.end(execution, "failed" if failure else UNDONE, "Rollback", **facts)
    return failure.exit_code if failure else 0


def _reverse(execution: Execution, task: Task, notebook: object) -> Failure | None:
    target = execution.folder / rollback_name(task)
    given = {} if execution.environment.name == "local" else {"environment": execution.environment.name}
    failure = execution.notebook(task, notebook, target, given, UNDONE)
    if failure is None:
        execution.announcer.say("rolled_back", f"Task {task.number}: ✅ ROLLED BACK - {task.name}", "green")
    else:
        execution.announcer.issue(task, failure.message, "look at the notebook, mend the cause, roll back again")
    return failure
