"""`runbook verify`."""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from runbook.cli.options import run_folder
from runbook.errors import UsageError
from runbook.plan.plan import Plan


@click.command()
@click.argument("folder", required=False)
@click.option("--offline", is_flag=True, help="Look at the files alone; do not ask the target.")
@click.option("--live", is_flag=True, help="Also run the `verify` cells again on the target, read-only.")
def verify(folder: str | None, offline: bool, live: bool) -> None:
    """Check a run's folder against its seal, and the seal against the target's ledger (default: the newest run).

    FOLDER may be the URL of a store, where RUNBOOK_EVIDENCE has put it. A folder may be verified anywhere; outside a
    checkout of its plan only its files and its signature can be.

    \b
    Exit codes:
      0  the files are as sealed; the ledger or a listed signer confirms the seal
      1  a file is not as sealed, or something has drifted
      2  no run, or a damaged one; or wrong usage
      3  the files are as sealed; nothing could confirm the seal
    """  # noqa: D301 - click reads the control character
    from runbook.evidence import store
    from runbook.evidence.verify import VerifyRequest, verify_run

    if offline and live:
        raise UsageError("--live asks the target and --offline forbids it: give one of them.")
    try:
        plan: Plan | None = Plan.find()
    except UsageError:
        plan = None
    with TemporaryDirectory(prefix="runbook-") as fetched:
        if folder and store.is_url(folder):
            where = store.fetch(folder, Path(fetched))
        else:
            where = Path(folder) if folder else _newest(plan or Plan.find())
        code = verify_run(plan, VerifyRequest(where, offline, live), click.echo)
    sys.exit(code)


def _newest(plan: Plan) -> Path:
    """Return the folder of the newest run that is sealed; say which it is, and which are newer and not sealed."""
    from runbook.evidence.manifest import JOURNAL

    found = run_folder(plan, None)
    for folder in sorted(path.parent for path in plan.outputs.glob(f"**/*/{JOURNAL}")):
        if folder.name > found.name:
            click.echo(
                f"– {folder} is newer and not sealed: its run is at work, or it died and `runbook report` seals what "
                "it left"
            )
    click.echo(f"{found}:")
    return found
