"""`runbook pause`."""

import click

from runbook.cli.options import ENVIRONMENT
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@click.option("--end", is_flag=True, help="Let the backfill go on.")
def pause(environment: str, end: bool) -> None:
    """Hold the backfill that runs on the target, or begins there: it waits before its next batch."""
    from runbook.batch.pause import switch_pause

    click.echo(switch_pause(Plan.find(), environment, on=not end))
