"""`runbook finish`."""

import sys

import click
from rich.console import Console

from runbook.cli.options import CONFIRM, ENVIRONMENT, change_in_order
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@click.option("--keep", multiple=True, metavar="NAME", help="Archive this, but do not drop it.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--remove-ledger", "removes", is_flag=True, help="Once it is final: drop the schema runbook.")
@CONFIRM
def finish(environment: str, keep: tuple[str, ...], yes: bool, removes: bool, confirm: str) -> None:
    """Make a complete migration final: there is no rollback afterwards.

    What the rollback needed is archived in the evidence and dropped, in one transaction that also closes it. A second
    command, with --remove-ledger, takes the runbook's own schema away.
    """
    from runbook.batch.finish import FinishRequest, finish_migration, remove_ledger

    change_in_order()
    act = remove_ledger if removes else finish_migration
    sys.exit(act(Plan.find(), environment, FinishRequest(keep, confirm, yes), Console()))
