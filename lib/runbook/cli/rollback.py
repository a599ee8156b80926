"""`runbook rollback`."""

import sys
from typing import Any

import click
from rich.console import Console

from runbook.cli.options import CONFIRM, ENVIRONMENT, change_in_order
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@click.option("--to", "last", type=int, help="The lowest task to reverse; default: all.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option(
    "--with-dependents", is_flag=True, help="Drop objects of others that would break; their definitions are kept."
)
@CONFIRM
def rollback(environment: str, **asked: Any) -> None:
    """Reverse the tasks, newest first, and prove that everything was given back.

    What others have changed since stays and is listed. If an object of theirs would break, it is listed with the
    statement that drops it, and nothing is changed.
    """
    from runbook.batch.rollback import RollbackRequest, roll_back

    change_in_order()
    sys.exit(roll_back(Plan.find(), environment, RollbackRequest(**asked), Console()))
