"""`runbook report`."""

from pathlib import Path

import click

from runbook.cli.options import run_folder
from runbook.plan.plan import Plan


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--compare", "other", type=click.Path(path_type=Path), help="Hold the run against this one instead.")
def report(folder: Path | None, other: Path | None) -> None:
    """Build the report of a run again (default: the newest run), or one of two runs side by side.

    A run that died has nobody left to seal its evidence: then it is sealed now, as it was found.
    """
    from runbook.batch import recovery
    from runbook.report import comparison
    from runbook.report.report import build_report

    plan = Plan.find()
    where = run_folder(plan, recovery.seal_dead_run(plan, folder))
    click.echo(
        comparison.build_comparison(where, run_folder(plan, other), plan) if other else build_report(where, plan)
    )
