"""`runbook inject-faults`."""

import sys

import click
from rich.console import Console

from runbook.cli.options import ENVIRONMENT
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@click.argument("faults", nargs=-1)
def inject_faults(environment: str, faults: tuple[str, ...]) -> None:
    """Prove on scratch copies that every check catches the fault it is for (default: all faults)."""
    from runbook.faults import injection

    sys.exit(injection.inject_faults(Plan.find(), environment, faults, Console()))
