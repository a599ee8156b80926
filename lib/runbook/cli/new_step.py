"""`runbook new-step`."""

import click

from runbook.plan.plan import Plan


@click.command()
@click.argument("task", type=int)
@click.argument("name")
@click.option("--table", default="", help="The table the step is about; default: a new one, named after the step.")
@click.option("--column", default="", help="The column it adds to that table, and fills.")
def new_step(task: int, name: str, table: str, column: str) -> None:
    """Add a step NAME to the task of number TASK: prose, SQL, check, rollback, fault, and its entry in the plan.

    It runs as it stands; put your SQL in place of its own. In a task that changes nothing it only asks.
    """
    from runbook.authoring.add_step import add_step, is_unmade

    plan = Plan.find()
    step = add_step(plan, task, name, table, column)
    click.echo(
        f"Step {step.number} stands in {plan.task(task).notebook.name}, its fault in sql/faults/{step.file}.sql."
    )
    if column and is_unmade(plan, table):
        click.echo(f"First make {table}: no file of sql/baseline and no cell does, and without it the step fails.")
    click.echo(f"Next: `runbook inject-faults {step.file}`, then `runbook run --fresh --keep-expected`.")
