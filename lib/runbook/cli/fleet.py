"""`runbook fleet`: the targets of a fleet, and what became of them."""

import json
import sys
from dataclasses import asdict

import click
from rich.console import Console
from rich.table import Table

from runbook.formatting import escaped
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
@click.option("--at-once", type=click.IntRange(1), default=2, show_default=True, help="Targets asked at the same time.")
def preflight(name: str, as_json: bool, at_once: int) -> None:
    """Ask each target everything that can be known before a run; change nothing.

    Exit codes: 0 all are ready, 4 approvals or acceptances are lacking, 1 a target is blocked or could not be asked.
    """
    from runbook.fleet import overview
    from runbook.fleet.preflight import ask_all, exit_code

    plan = Plan.find()
    found = list(ask_all(plan, overview.require_fleet(plan, name), at_once))
    if as_json:
        rows = [{**asdict(one), "state": one.state} for one in found]
        click.echo(json.dumps({"fleet": name, "targets": rows}, ensure_ascii=False))
    else:
        shown = Table("target", "wave", "state", "findings", "first")
        for one in found:
            counts = ", ".join(f"{count} {kind}" for kind, count in one.findings.items())
            shown.add_row(one.target, str(one.wave), one.state, counts, escaped(one.blocked_by))
        Console(markup=False).print(shown)
    sys.exit(exit_code(found))


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
        click.echo(json.dumps(overview.summary(found, rows), ensure_ascii=False))
    else:
        shown = Table("target", "wave", "status", "run", "stopped at")
        for row in rows:
            shown.add_row(row.target, str(row.wave), row.status, row.run, escaped(row.stopped_at))
        Console(markup=False).print(shown)
    sys.exit(any(row.status != "complete" for row in rows))


@fleet.command()
@NAME
@JSON
def report(name: str, as_json: bool) -> None:
    """Write the fleet's page and JSON from the evidence of each target's newest run, with a digest over all heads."""
    from runbook.fleet import overview, page

    plan = Plan.find()
    built, found = page.build(plan, overview.require_fleet(plan, name))
    click.echo(json.dumps({"page": str(built), **found}, ensure_ascii=False) if as_json else built)


@fleet.command()
@NAME
@JSON
@click.option("--offline", is_flag=True, help="Look at the files alone; ask no target.")
def verify(name: str, as_json: bool, offline: bool) -> None:
    """Check the fleet's report against its targets' evidence, and that against its seals and the targets' ledgers.

    \b
    Exit codes:
      0  all is as sealed; for each target its ledger or a listed signer confirms it
      1  a file is not as sealed, or not as the report says
      2  no report, or a damaged one; or wrong usage
      3  all is as sealed; for some target nothing could confirm it
    """  # noqa: D301 - click reads the control character
    from runbook.fleet import overview
    from runbook.fleet.verify import verify_fleet
    from runbook.formatting import amount

    plan = Plan.find()
    found = verify_fleet(plan, overview.require_fleet(plan, name), offline=offline)
    if as_json:
        click.echo(json.dumps(found.summary(), ensure_ascii=False))
    else:
        for line in found.problems:
            click.echo(f"✗ {escaped(line)}")
        if not found.problems:
            click.echo(f"✓ fleet {name}: {amount(found.targets, 'run')} and the page are what was sealed")
        click.echo(f"  {escaped(found.signature.words)}")
        click.echo(f"  ledgers or listed signers vouch for {found.vouched} of {amount(found.targets, 'run')}")
        click.echo(f"  digest over all heads: {found.digest}")
    sys.exit(found.exit_code)
