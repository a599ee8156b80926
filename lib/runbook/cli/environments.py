"""`runbook environments`."""

import os

import click
from rich.console import Console
from rich.table import Table

from runbook.plan.plan import Plan


@click.command()
@click.option("--adopt", "adopted", metavar="NAME", help="Take the target of this environment over as it is now.")
@click.option("--by", "operator", metavar="WHO", help="Who takes it over.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, for programs; no address is shown.")
def environments(adopted: str | None, operator: str | None, as_json: bool) -> None:
    """List the environments of runbook.toml and whether each has an address.

    A target that is not the one its ledger or its evidence speaks of, such as a clone or a restored server, is refused
    until it is taken over with --adopt. That voids every approval given before.
    """
    plan = Plan.find()
    if adopted:
        from runbook.batch import adopt

        click.echo(adopt.adopt_target(plan, adopted, operator or ""))
        return
    found = [
        {
            "name": one.name,
            "server": one.server,
            "url_variable": None if one.server == "embedded" else one.url_variable,
            "has_address": one.server == "embedded" or bool(os.environ.get(one.url_variable)),
            "needs": one.needs,
            "approval": one.approval,
            "protected": one.protected,
        }
        for one in plan.environments.values()
    ]
    if as_json:
        Console().print_json(data=found)
        return
    table = Table("environment", "server", "address", "needs", "approval", "protected")
    for fact in found:
        state = "set" if fact["has_address"] else "not set"
        address = f"{fact['url_variable']} {state}" if fact["url_variable"] else "local socket"
        protected = "yes" if fact["protected"] else "no"
        table.add_row(*map(str, (fact["name"], fact["server"], address, fact["needs"], fact["approval"], protected)))
    Console().print(table)
