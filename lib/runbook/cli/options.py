"""What several verbs share: their options, and which run they are about."""

from pathlib import Path
from typing import Any

import click

from runbook.errors import UsageError
from runbook.plan.plan import Plan

ENVIRONMENT = click.option("--environment", "-e", default="local", show_default=True, help="An entry of runbook.toml.")
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
ENGINE = click.option(
    "--engine", default="", help="The engine that vouches for --by, such as airflow; the plan names it."
)
STATEMENT = click.option("--statement", required=True, help="What is decided, in their words.")


def given_values(plan: Plan, environment: str, given: tuple[tuple[str, str], ...]) -> dict[str, Any]:
    """Return the parameters of a command: what the inventory of a fleet gives its target, then what was told.

    Raises:
        UsageError: the inventory cannot be read, or has no such target.
    """
    from runbook.plan import parameters

    return {
        **plan.parameters_of(environment),
        **parameters.parse_given(parameters.known_parameters(plan.tasks), given),
    }


def run_folder(plan: Plan, folder: Path | None) -> Path:
    """Return the folder of a run, by default of the newest.

    Raises:
        UsageError: there is none.
    """
    from runbook.evidence import manifest

    found = folder or manifest.latest_run(plan)
    if found is None or not (found / manifest.MANIFEST).is_file():
        raise UsageError(
            f"There is no run in {found or plan.root / 'outputs'}: name the folder that holds a manifest.json."
        )
    return found
