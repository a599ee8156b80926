"""`runbook reject`."""

import click

from runbook.cli.options import BY, ENVIRONMENT, STATEMENT
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@BY
@STATEMENT
def reject(environment: str, approver: str, statement: str) -> None:
    """Reject what a run would do now: every earlier approval of the environment is void."""
    from runbook.batch.approve import Approver, record_decision

    click.echo(record_decision(Plan.find(), environment, Approver(approver, statement), {}, approved=False))
