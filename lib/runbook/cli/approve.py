"""`runbook approve`."""

import click

from runbook.cli.options import BY, ENVIRONMENT, PARAMETERS, STATEMENT
from runbook.plan import parameters
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@BY
@STATEMENT
@PARAMETERS
def approve(environment: str, approver: str, statement: str, given: tuple[tuple[str, str], ...]) -> None:
    """Approve exactly what a run would do now: notebooks, SQL, plan, parameters, target's schema, fault injection."""
    from runbook.batch.approve import record_decision
    from runbook.evidence import notebooks

    plan = Plan.find()
    values = parameters.parse_given(notebooks.known_parameters(plan.tasks), given)
    click.echo(record_decision(plan, environment, approver, statement, values))
