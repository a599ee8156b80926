"""`runbook approve`."""

import click

from runbook.cli.options import BY, ENGINE, ENVIRONMENT, PARAMETERS, STATEMENT, given_values
from runbook.errors import UsageError
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@BY
@ENGINE
@STATEMENT
@PARAMETERS
@click.option("--accept", "accepts", multiple=True, metavar="CHECK", help="Let stand what this check finds now.")
@click.option("--because", "reasons", multiple=True, metavar="TEXT", help="Why, one for each --accept.")
def approve(
    environment: str,
    approver: str,
    engine: str,
    statement: str,
    given: tuple[tuple[str, str], ...],
    accepts: tuple[str, ...],
    reasons: tuple[str, ...],
) -> None:
    """Approve exactly what a run would do now.

    The approval covers everything that decides what the run does: package, versions, notebooks, SQL, faults, Edge
    Functions, pins, expected results, the environment's entry, parameters, the target and its schema, extensions
    and event triggers, the fault injection. A change of any of it voids the approval; an operator's note does not. If
    RUNBOOK_SIGNING_KEY names a key, the approval is signed.

    --accept lets stand what a check of Task 0 or 1 finds, if the plan allows that. It counts for the rows the check
    finds now.
    """
    from runbook.batch.approve import Approver, record_decision

    plan = Plan.find()
    values = given_values(plan, environment, given)
    if len(accepts) != len(reasons) or not all(reason.strip() for reason in reasons):
        raise UsageError("Each --accept needs a --because of its own, in words.")
    reason_by_check = dict(zip(accepts, reasons, strict=True))
    decided = Approver(approver, statement, engine)
    click.echo(record_decision(plan, environment, decided, values, accepts=reason_by_check))
