"""`runbook environments`."""

import os

import click
from rich.console import Console
from rich.table import Table

from runbook.plan.plan import Plan


@click.command()
def environments() -> None:
    """List the environments of runbook.toml and whether each has an address."""
    plan = Plan.find()
    table = Table("environment", "server", "address", "needs", "approval", "protected")
    for one in plan.environments.values():
        found = "set" if os.environ.get(one.url_variable) else "not set"
        address = "local socket" if one.server == "embedded" else f"{one.url_variable} {found}"
        table.add_row(one.name, one.server, address, one.needs, one.approval, "yes" if one.protected else "no")
    Console().print(table)
