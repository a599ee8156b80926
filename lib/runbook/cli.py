"""The command line: one command per verb, each an import away so that none waits for another's libraries."""

import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import psycopg
from rich.console import Console
from rich.table import Table

from runbook import parameters, priority
from runbook.errors import RunbookError, UsageError
from runbook.plan import Plan
from runbook.target.failures import in_words

ENVIRONMENT = click.option("--environment", "-e", default="local", show_default=True, help="An entry of runbook.toml.")
LAB = (
    f"--LabApp.extra_labextensions_path={Path(__file__).parent / 'lab'}",  # SQL colours, texts of images
    "--LabApp.news_url=None",  # and nothing is asked of a network
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)
CONFIRM = click.option(
    "--confirm",
    default="",
    envvar="RUNBOOK_CONFIRM",
    metavar="DIGEST",
    help="On a protected environment: the digest that `runbook approve` printed.",
)
PARAMETERS = click.option(
    "--parameter", "-p", "given", nargs=2, multiple=True, metavar="NAME VALUE", help="A notebook's parameter."
)
BY = click.option("--by", "approver", required=True, help="Who decides.")
STATEMENT = click.option("--statement", required=True, help="What is decided, in their words.")


class Group(click.Group):
    """Turns the runbook's errors into one sentence and an exit code."""

    def invoke(self, context: click.Context) -> Any:
        """Run a command."""
        try:
            return super().invoke(context)
        except (RunbookError, psycopg.Error, OSError) as error:
            if isinstance(error, BrokenPipeError):  # whoever read our output has gone: click ends quietly
                raise
            click.echo(f"runbook: {in_words(error)}", err=True)
            raise click.exceptions.Exit(getattr(error, "exit_code", 1)) from None


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="runbook")
def main() -> None:
    """Run a migration runbook: gated notebooks, verified and documented by their own evidence."""
    priority.give_way()


@main.command()
@ENVIRONMENT
@click.option("--from", "first", type=int, help="First task; what it needs must be complete on the target.")
@click.option("--to", "last", type=int, help="Last task.")
@PARAMETERS
@click.option("--resume", is_flag=True, help="Go on with the run that stopped, where it stopped.")
@click.option("--fresh", is_flag=True, help="Give an embedded environment a fresh baseline first.")
@click.option("--rollback-on-trigger", is_flag=True, help="Where a rollback trigger fires, reverse its task, unasked.")
@click.option("--keep-expected", is_flag=True, help="Make this run's notebooks the expected results.")
@CONFIRM
def run(given: tuple[tuple[str, str], ...], **request: Any) -> None:
    """Run the tasks in sequence; stop at the first shut gate.

    Exit codes: 0 all gates open, 1 a gate shut or a step failed, 2 wrong usage or configuration, 3 not allowed.
    """
    from runbook.run import fork

    fork.prepare()  # beside the imports here
    from runbook.run import batch, notebooks

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: orderly
    plan = Plan.find()
    values = parameters.literals(notebooks.known(plan.tasks), given)
    sys.exit(batch.run(plan, batch.Request(given=values, **request), Console()))


@main.command()
@ENVIRONMENT
@click.option("--watch", "live", is_flag=True, help="Go on showing it, with the cell that runs, until Ctrl-C.")
def status(environment: str, live: bool) -> None:
    """Show what was last done with every task on the target."""
    from runbook.run import watch

    watch.show(Plan.find(), environment, Console(), live=live)


@main.command()
@ENVIRONMENT
@click.option("--end", is_flag=True, help="Let it go on.")
def pause(environment: str, end: bool) -> None:
    """Hold the backfill that runs on the target, or begins there: it waits before its next batch."""
    from runbook.run import hold

    click.echo(hold.switch(Plan.find(), environment, on=not end))


@main.command()
@ENVIRONMENT
@click.option("--to", "last", type=int, help="The lowest task to reverse; default: all.")
@CONFIRM
def rollback(environment: str, last: int | None, confirm: str) -> None:
    """Reverse the tasks, newest first, and prove that everything was given back."""
    from runbook.run import rollback as back

    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C: orderly
    sys.exit(back.run(Plan.find(), environment, last, Console(), confirm))


@main.command()
@ENVIRONMENT
@click.argument("faults", nargs=-1)
def rehearse(environment: str, faults: tuple[str, ...]) -> None:
    """Prove on scratch copies that every check catches the fault it is for (default: all faults)."""
    from runbook.run import rehearsal

    sys.exit(rehearsal.run(Plan.find(), environment, faults, Console()))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--offline", is_flag=True, help="Look at the files alone; do not ask the target.")
@click.option("--live", is_flag=True, help="Also run the `verify` cells again on the target, read-only.")
def verify(folder: Path | None, offline: bool, live: bool) -> None:
    """Check a run's files against their seal, and the seal against the target's ledger (default: the newest run).

    A folder may be verified anywhere; outside a checkout of its plan only its files can be. Exit codes: 0 all is as it
    was, 1 something was altered or has drifted, 2 wrong usage or a damaged manifest.
    """
    from runbook.run import verification

    if offline and live:
        raise UsageError("--live asks the target and --offline forbids it: give one of them.")
    try:
        plan: Plan | None = Plan.find()
    except UsageError:
        plan = None
    where = folder or _run_folder(plan or Plan.find(), None)
    sys.exit(verification.run(plan, verification.Request(where, offline, live), click.echo))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path), required=False)
@click.option("--compare", "other", type=click.Path(path_type=Path), help="Hold the run against this one instead.")
def report(folder: Path | None, other: Path | None) -> None:
    """Build the report of a run again (default: the newest run), or one of two runs side by side.

    A run that died has nobody left to seal its evidence: then it is sealed now, as it was found.
    """
    from runbook.run import compared, recovery
    from runbook.run import report as pages

    plan = Plan.find()
    where = _run_folder(plan, recovery.must_be_sealed(plan, folder))
    click.echo(compared.build(where, _run_folder(plan, other), plan) if other else pages.build(where, plan))


@main.command()
@ENVIRONMENT
@BY
@STATEMENT
@PARAMETERS
def approve(environment: str, approver: str, statement: str, given: tuple[tuple[str, str], ...]) -> None:
    """Approve exactly what a run would do now: notebooks, SQL, plan, parameters, the target's schema, the rehearsal."""
    from runbook.run import approval, notebooks

    plan = Plan.find()
    values = parameters.literals(notebooks.known(plan.tasks), given)
    click.echo(approval.record(plan, environment, approver, statement, values))


@main.command()
@ENVIRONMENT
@BY
@STATEMENT
def reject(environment: str, approver: str, statement: str) -> None:
    """Reject what stands here: every earlier approval of the environment is void until somebody approves anew."""
    from runbook.run import approval

    click.echo(approval.record(Plan.find(), environment, approver, statement, {}, approved=False))


@main.command()
def environments() -> None:
    """List the environments of runbook.toml and whether each has an address."""
    plan = Plan.find()
    table = Table("environment", "server", "address", "needs", "approval", "protected")
    for one in plan.environments.values():
        found = "set" if os.environ.get(one.url_variable) else "not set"
        address = "local socket" if one.server == "embedded" else f"{one.url_variable} {found}"
        table.add_row(one.name, one.server, address, one.needs, one.approval, "yes" if one.protected else "no")
    Console().print(table)


@main.command()
@click.option("--check", is_flag=True, help="Write nothing; exit 1 where a document is out of step.")
def docs(check: bool) -> None:
    """Generate the documents that follow from the notebooks."""
    from runbook import docs as documents

    plan = Plan.find()
    for path in documents.stale(plan) if check else documents.write(plan):
        click.echo(f"{'out of step' if check else 'written'}: {path.relative_to(plan.root)}")
        if check:
            sys.exit(1)


@main.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lab(arguments: tuple[str, ...]) -> None:
    """Open JupyterLab on the notebooks, with the demonstration server running."""
    from runbook.target import environments

    plan = Plan.find()
    for environment in plan.environments.values():
        if environment.server == "embedded":
            environments.url_of(plan, environment)
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={plan.root}", *LAB, *arguments]
    sys.exit(subprocess.run(command, check=False).returncode)


@main.command()
@ENVIRONMENT
def reset(environment: str) -> None:
    """Give an embedded environment a fresh baseline; every other kind is refused."""
    from runbook.target import environments

    plan = Plan.find()
    environments.reset(plan, plan.environment(environment))
    click.echo(f"{environment} has a fresh baseline.")


def _run_folder(plan: Plan, folder: Path | None) -> Path:
    from runbook.run import evidence

    found = folder or evidence.latest(plan)
    if found is None or not (found / evidence.MANIFEST).is_file():
        raise UsageError(
            f"There is no run in {found or plan.root / 'outputs'}: name the folder that holds a manifest.json."
        )
    return found
