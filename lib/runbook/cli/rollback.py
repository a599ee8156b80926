"""`runbook rollback`."""

import signal
import sys

import click
from rich.console import Console

from runbook.cli.options import CONFIRM, ENVIRONMENT
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@click.option("--to", "last", type=int, help="The lowest task to reverse; default: all.")
@CONFIRM
def rollback(environment: str, last: int | None, confirm: str) -> None:
    """Reverse the tasks, newest first, and prove that everything was given back."""
    from runbook.batch.rollback import roll_back

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: orderly
    sys.exit(roll_back(Plan.find(), environment, last, Console(), confirm))
