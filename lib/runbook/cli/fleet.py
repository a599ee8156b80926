"""`runbook fleet`: the targets of a fleet, and what became of them."""

import json
import sys
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from runbook.plan.plan import Plan

NAME = click.argument("name")
JSON = click.option("--json", "as_json", is_flag=True, help="Print JSON.")


@click.group()
def fleet() -> None:
    """Look after many targets under one policy, a table `[fleets.NAME]` of runbook.toml."""


@fleet.command()
@NAME
@JSON
def targets(name: str, as_json: bool) -> None:
    """List the targets of the inventory, wave by wave."""
    from runbook.fleet import overview
    from runbook.plan import fleets

    plan = Plan.find()
    found = fleets.inventory(plan.root, overview.require_fleet(plan, name))
    if as_json:
        click.echo(json.dumps([{"target": one.name, "wave": one.wave, "parameters": one.parameters} for one in found]))
        return
    for one in found:
        click.echo(f"{one.wave}  {one.name}")


@fleet.command()
@NAME
@JSON
def status(name: str, as_json: bool) -> None:
    """Show the newest run of each target. Exit code 1 where a target is not complete."""
    from runbook.fleet import overview

    plan = Plan.find()
    found = overview.require_fleet(plan, name)
    rows = overview.rows_of(plan, found)
    if as_json:
        click.echo(json.dumps(overview.summary(found, rows)))
    else:
        shown = Table("target", "wave", "status", "run", "stopped at")
        for row in rows:
            shown.add_row(row.target, str(row.wave), row.status, row.run, row.stopped_at)
        Console(markup=False).print(shown)
    sys.exit(any(row.status != "complete" for row in rows))


@fleet.command()
@NAME
@JSON
def report(name: str, as_json: bool) -> None:
    """Write the fleet's page, from the evidence of each target's newest run."""
    from runbook.fleet import overview, page

    plan = Plan.find()
    found = overview.require_fleet(plan, name)
    built = page.build(plan, found)
    if as_json:
        rows = [asdict(row) for row in overview.rows_of(plan, found)]
        click.echo(json.dumps({"page": str(built), "targets": rows}))
    else:
        click.echo(built)
