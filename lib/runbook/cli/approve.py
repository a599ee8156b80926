"""`runbook approve`."""

import click

from runbook.cli.options import BY, ENGINE, ENVIRONMENT, PARAMETERS, STATEMENT
from runbook.plan import parameters
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@BY
@ENGINE
@STATEMENT
@PARAMETERS
def approve(environment: str, approver: str, engine: str, statement: str, given: tuple[tuple[str, str], ...]) -> None:
    """Approve exactly what a run would do now.

    That is everything which decides it: package, versions, notebooks, SQL, faults, Edge Functions, pins, expected
    results, the environment's entry, parameters, the target and its schema, the fault injection. A change of any of it
    voids the approval; an operator's note does not. Where RUNBOOK_SIGNING_KEY names a key, the approval is signed.
    """
    from runbook.batch.approve import Approver, record_decision
    from runbook.evidence import notebooks

    plan = Plan.find()
    values = parameters.parse_given(notebooks.known_parameters(plan.tasks), given)
    click.echo(record_decision(plan, environment, Approver(approver, statement, engine), values))
