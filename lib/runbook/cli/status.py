"""`runbook status`."""

import click
from rich.console import Console

from runbook.cli.options import ENVIRONMENT
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@click.option("--watch", "live", is_flag=True, help="Go on showing it, with the cell that runs, until Ctrl-C.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs.")
def status(environment: str, live: bool, as_json: bool) -> None:
    """Show what was last done with every task on the target."""
    from runbook.batch.status import show_status

    show_status(Plan.find(), environment, Console(), live=live, as_json=as_json)
