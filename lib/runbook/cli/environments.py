"""`runbook environments`."""

import os

import click
from rich.console import Console
from rich.table import Table

from runbook.plan.plan import Plan


@click.command()
@click.option("--adopt", "adopted", metavar="NAME", help="Take the target of this environment over as it is now.")
@click.option("--by", "operator", metavar="WHO", help="Who takes it over.")
def environments(adopted: str | None, operator: str | None) -> None:
    """List the environments of runbook.toml and whether each has an address.

    A target that is not the one its ledger or its evidence speaks of, such as a clone or a restored server, is refused
    until it is taken over with --adopt. That voids every approval given before.
    """
    plan = Plan.find()
    if adopted:
        from runbook.batch import adopt

        click.echo(adopt.adopt_target(plan, adopted, operator or ""))
        return
    table = Table("environment", "server", "address", "needs", "approval", "protected")
    for one in plan.environments.values():
        found = "set" if os.environ.get(one.url_variable) else "not set"
        address = "local socket" if one.server == "embedded" else f"{one.url_variable} {found}"
        table.add_row(one.name, one.server, address, one.needs, one.approval, "yes" if one.protected else "no")
    Console().print(table)
