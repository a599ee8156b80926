"""`runbook new`."""

from pathlib import Path

import click


@click.command()
@click.argument("name")
@click.option("--task", "tasks", multiple=True, metavar="NAME", help="A task, in the order they run; give several.")
def new(name: str, tasks: tuple[str, ...]) -> None:
    """Lay out another migration in a new folder NAME, which runs and has tests before you edit anything.

    Task 0 prepares: it tries the others on a copy. Each further task has a notebook with one step to begin with.
    """
    from runbook.authoring.new import lay_out

    root = lay_out(Path.cwd(), name, tasks)
    click.echo(f"{name} is laid out. Next: `cd {root.name} && runbook run`.")
