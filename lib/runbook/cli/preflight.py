"""`runbook preflight`."""

import json
import sys
from pathlib import Path

import click
import psycopg
from rich.console import Console

from runbook.cli.options import ENVIRONMENT, PARAMETERS, given_values
from runbook.errors import RunbookError
from runbook.plan import static_check
from runbook.plan.plan import Plan


@click.command()
@ENVIRONMENT
@PARAMETERS
@click.option("--json", "form", flag_value="json", help="Print everything as JSON.")
@click.option(
    "--html", "form", flag_value="html", help="Print one page: findings, and every statement of the migration."
)
@click.option("--sql", "form", flag_value="sql", help="Print every statement, with parameters filled in.")
@click.option("--no-probes", "probes", is_flag=True, flag_value=False, default=True, help="Try nothing, only read.")
@click.option("--result", type=click.Path(path_type=Path), help="Write what an engine needs to know here, as JSON.")
def preflight(
    environment: str, given: tuple[tuple[str, str], ...], form: str | None, probes: bool, result: Path | None
) -> None:
    """List every finding about the target, and what a run would do; change nothing.

    Exit codes: 0 ready, 1 blocked, 2 wrong usage or configuration, 4 an acceptance or an approval is lacking.
    """
    from runbook.batch import ensure
    from runbook.batch.preflight import run_preflight
    from runbook.report import preflight_page

    plan = Plan.find()
    static_check.require_sound(plan)
    values = given_values(plan, environment, given)
    if form == "sql":
        click.echo(preflight_page.as_sql(plan, values))
        return
    if result:
        ensure.require_writable(result)
    try:
        found = run_preflight(plan, environment, values, probes=probes)
    except (RunbookError, psycopg.Error, OSError) as error:
        if result:
            ensure.write_refusal(result, environment, error)
        raise
    if result:
        ensure.write_preflight(result, plan, found)
    if form == "json":
        click.echo(json.dumps(found.summary(), indent=1, ensure_ascii=False, default=str))
    elif form == "html":
        click.echo(preflight_page.as_html(plan, found.summary(), values))
    else:
        preflight_page.show(plan, found.summary(), Console())
    sys.exit(found.exit_code)
