"""`runbook run`."""

import sys
from pathlib import Path
from typing import Any

import click
import psycopg
from rich.console import Console

from runbook.cli.options import CONFIRM, ENVIRONMENT, PARAMETERS, change_in_order, given_values
from runbook.errors import RunbookError
from runbook.formatting import amount
from runbook.plan import static_check
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@click.option("--from", "first", type=int, help="First task; what it needs must be complete on the target.")
@click.option("--to", "last", type=int, help="Last task.")
@PARAMETERS
@click.option("--resume", is_flag=True, help="Go on with the run that stopped, where it stopped.")
@click.option("--ensure", is_flag=True, help="Start a run, resume one, or do nothing: until the target is complete.")
@click.option("--result", type=click.Path(path_type=Path), help="Write what became of it here, as JSON.")
@click.option(
    "--log-format", "form", type=click.Choice(["text", "json"]), default="text", help="How to say what happens."
)
@click.option("--fresh", is_flag=True, help="Give an embedded environment a fresh baseline first.")
@click.option("--note", default="", metavar="TEXT", help="The operator's note on this run; it voids no approval.")
@click.option("--rollback-on-trigger", is_flag=True, help="If a rollback trigger fires, reverse its task at once.")
@click.option("--keep-expected", is_flag=True, help="Make this run's notebooks the expected results.")
@CONFIRM
def run(given: tuple[tuple[str, str], ...], ensure: bool, result: Path | None, form: str, **request: Any) -> None:
    """Run the tasks in sequence; stop at the first shut gate.

    Exit codes: 0 all gates open, 1 a gate shut or a step failed, 2 wrong usage or configuration, 3 a dependency is not
    complete, 4 an approval or an acceptance is lacking, 75 try again.
    """
    from runbook.kernels import forkserver

    forkserver.prepare()  # beside the imports here
    from runbook.batch import batch
    from runbook.batch.ensure import copy_evidence, require_writable, what_is_left, write_refusal, write_result
    from runbook.batch.json_lines import JsonLines

    change_in_order()
    plan, console = Plan.find(), JsonLines() if form == "json" else Console()
    spared = static_check.require_sound(plan)
    values = given_values(plan, request["environment"], given)
    said = f"`runbook check` names {amount(len(spared), 'flaw')}, such as: {spared[0].what}." if spared else ""
    asked = batch.RunRequest(given=values, unproven=said, **request)
    if result:
        require_writable(result)
    try:
        wanted = what_is_left(plan, asked) if ensure else asked
        code = batch.run_batch(plan, wanted, console) if wanted else copy_evidence(plan, asked.environment)
    except (RunbookError, psycopg.Error, OSError) as error:
        if result:
            write_refusal(result, asked.environment, error)
        raise
    if wanted is None:
        console.print(f"{asked.environment} is complete under this content: nothing to do.", soft_wrap=True)
    if result:
        write_result(result, plan, asked.environment, code)
    sys.exit(code)
