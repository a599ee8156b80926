"""What a run asks before it makes anything: the approval, and whether it goes on with the run that stopped."""

from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console

from runbook.database import environments
from runbook.database.ledger import Ledger
from runbook.plan import cells
from runbook.plan.plan import Environment, Plan, Task
from runbook.policy import approval_required


def prepares(tasks: Sequence[Task]) -> bool:
    """Tell whether tasks only prepare an approval: they depend on none and change nothing."""
    return not any(task.needs or cells.changes_target(task.notebook) for task in tasks)


def stopped(plan: Plan, environment: Environment, ledger: Ledger) -> tuple[str, int] | None:
    """Return the run that stopped behind what it prepares, and the task it stopped in; None: there is none."""
    run = ledger.unfinished_run(environment.name) if ledger.exists() else None
    begun = [plan.task(one["number"]) for one in ledger.tasks_of(run)] if run else []
    return None if run is None or prepares(begun) else (run, begun[-1].number)


def ask_for_approval(
    plan: Plan,
    environment: Environment,
    tasks: tuple[Task, ...],
    given: Mapping[str, Any],
    console: Console,
    *,
    resume: bool,
) -> None:
    """Require the approval of a run, except for tasks that prepare it; say if an earlier run could be resumed.

    Args:
        plan: what would run.
        environment: where.
        tasks: asked for.
        given: parameters.
        console: where to say it.
        resume: whether it goes on with the run that stopped.

    Raises:
        NotApproved: it is not approved.
    """
    if environment.approval == "automatic":
        return
    target = environments.find(plan, environment)
    with target.connect("runbook approval") as connection:
        ledger = Ledger(connection, plan.name)
        # Without the right to make a ledger an approval would not help
        with connection.transaction(force_rollback=True):
            ledger.prepare()
        unfinished = ledger.unfinished_run(environment.name) if ledger.exists() else None
        if unfinished and resume:
            run = ledger.run_entry(unfinished)
            tasks, given = plan.between(run["first_task"], run["last_task"]), {**run["parameters"], **given}
        elif found := stopped(plan, environment, ledger):
            onward = f"`runbook run --environment {environment.name} --resume` goes on with it"
            words = f"Run {found[0]} stopped in Task {found[1]}: {onward}. This is a new run."
            console.print(words, style="yellow", soft_wrap=True)
        if not prepares(tasks):
            approval_required.ask_first(plan, environment, connection, target.identity, given)
