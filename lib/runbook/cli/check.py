"""`runbook check`."""

import click

from runbook.errors import UsageError
from runbook.plan import cells, faults, static_check
from runbook.plan.plan import FILE, Plan


@click.command()
def check() -> None:
    """List everything that is wrong with the plan and its notebooks, without a database.

    Every success criterion, rollback trigger, deliverable and quality gate is decided by a check; every expectation is
    understood; every cell that changes the target says so; every check has a fault that it must catch; every
    number among the parameters has a range. `runbook run` looks at the same first.

    Exit codes: 0 nothing is wrong, 2 something is, and all of it is named.
    """
    plan = Plan.find()
    if found := static_check.flaws(plan):
        raise UsageError(f"{len(found)} found in {plan.root}.\n{static_check.told(found)}")
    checks = sum(len(cells.checks(task.notebook)) for task in plan.tasks)
    known = f"{FILE}, {len(plan.tasks)} notebooks, {checks} checks, {len(faults.read_faults(plan))} faults"
    click.echo(f"Nothing is wrong: {known}.")
