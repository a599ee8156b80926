"""`runbook reset`."""

import click

from runbook.cli.options import ENVIRONMENT
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
def reset(environment: str) -> None:
    """Give an embedded environment a fresh baseline; every other kind is refused."""
    from runbook.database import environments

    plan = Plan.find()
    environments.reset(plan, plan.environment(environment))
    click.echo(f"{environment} has a fresh baseline.")
