"""`runbook report`."""

from pathlib import Path

import click

from runbook.cli.options import run_folder
from runbook.errors import UsageError
from runbook.plan.plan import Plan


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--compare", "other", type=click.Path(path_type=Path), help="Compare the run with this one instead.")
@click.option("--notebooks", is_flag=True, help="Make the pages of the notebooks again, too.")
def report(folder: Path | None, other: Path | None, notebooks: bool) -> None:
    """Make the report of a run again, compare its pages with the sealed ones, and print where the report is.

    Without FOLDER it is the newest run. Nothing is written into the folder; --compare writes a page about two runs
    beside it. The evidence of a run whose process was killed is not sealed yet. It is sealed now, with the status died.
    """
    from runbook.batch import recovery
    from runbook.report import comparison, rebuilt

    plan = Plan.find()
    where = run_folder(plan, recovery.seal_dead_run(plan, folder))
    if other:
        for one in (where, run_folder(plan, other)):
            rebuilt.require_sealed(one)
        click.echo(comparison.build_comparison(where, other))
        return
    page, differing = rebuilt.hold(where, notebooks=notebooks)
    click.echo(page)
    if differing:
        raise UsageError(f"Made again, {', '.join(differing)} would be another page than the one in {where}.")
