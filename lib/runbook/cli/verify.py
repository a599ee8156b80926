"""`runbook verify`."""

import sys
from pathlib import Path

import click

from runbook.cli.options import run_folder
from runbook.errors import UsageError
from runbook.plan.plan import Plan


@click.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--offline", is_flag=True, help="Look at the files alone; do not ask the target.")
@click.option("--live", is_flag=True, help="Also run the `verify` cells again on the target, read-only.")
def verify(folder: Path | None, offline: bool, live: bool) -> None:
    """Check a run's files against their seal, and the seal against the target's ledger (default: the newest run).

    A folder may be verified anywhere; outside a checkout of its plan only its files can be. Exit codes: 0 all is as it
    was, 1 something was altered or has drifted, 2 wrong usage or a damaged manifest.
    """
    from runbook.evidence.verify import VerifyRequest, verify_run

    if offline and live:
        raise UsageError("--live asks the target and --offline forbids it: give one of them.")
    try:
        plan: Plan | None = Plan.find()
    except UsageError:
        plan = None
    where = folder or run_folder(plan or Plan.find(), None)
    sys.exit(verify_run(plan, VerifyRequest(where, offline, live), click.echo))
