"""`runbook run`."""

import signal
import sys
from typing import Any

import click
from rich.console import Console

from runbook.cli.options import CONFIRM, ENVIRONMENT, PARAMETERS
from runbook.plan import parameters
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@click.option("--from", "first", type=int, help="First task; what it needs must be complete on the target.")
@click.option("--to", "last", type=int, help="Last task.")
@PARAMETERS
@click.option("--resume", is_flag=True, help="Go on with the run that stopped, where it stopped.")
@click.option("--fresh", is_flag=True, help="Give an embedded environment a fresh baseline first.")
@click.option("--note", default="", metavar="TEXT", help="The operator's note on this run; it voids no approval.")
@click.option("--rollback-on-trigger", is_flag=True, help="Where a rollback trigger fires, reverse its task, unasked.")
@click.option("--keep-expected", is_flag=True, help="Make this run's notebooks the expected results.")
@CONFIRM
def run(given: tuple[tuple[str, str], ...], **request: Any) -> None:
    """Run the tasks in sequence; stop at the first shut gate.

    Exit codes: 0 all gates open, 1 a gate shut or a step failed, 2 wrong usage or configuration, 3 not allowed.
    """
    from runbook.kernels import forkserver

    forkserver.prepare()  # beside the imports here
    from runbook.batch import batch
    from runbook.evidence import notebooks

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: orderly
    plan = Plan.find()
    values = parameters.parse_given(notebooks.known_parameters(plan.tasks), given)
    sys.exit(batch.run_batch(plan, batch.RunRequest(given=values, **request), Console()))
