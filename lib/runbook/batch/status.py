"""The state of a target as a table, once or live: what the ledger says of each task, and the cell that runs."""

import json
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from runbook.database import copies, environments, finality, lock, pauses
from runbook.database.ledger import DONE, Ledger
from runbook.evidence import manifest
from runbook.formatting import duration
from runbook.plan.plan import Environment, Plan

PAUSE = 1.0  # seconds between two looks
TAIL = 16_384  # bytes at the end of a journal that are read
COLOURS = {DONE: "green", "failed": "bold red", "running": "yellow", "rolled_back": "blue"}


def show_status(plan: Plan, name: str, console: Console, *, live: bool = False) -> None:
    """Show the state of an environment; with `live` go on until interrupted.

    Raises:
        UsageError: there is no such environment, or it cannot be reached.
    """
    environment = plan.environment(name)
    ledger = Ledger(environments.connect(plan, environment, "runbook status"), plan.name)
    if not live:
        console.print(status_table(plan, environment, ledger))
        return
    try:
        with Live(status_table(plan, environment, ledger), console=console, auto_refresh=False) as screen:
            while True:
                sleep(PAUSE)
                screen.update(status_table(plan, environment, ledger), refresh=True)
    except KeyboardInterrupt:
        return


def status_table(plan: Plan, environment: Environment, ledger: Ledger) -> Table:
    """Return the state of every task of the plan."""
    found = Table("task", "name", "status", title=f"{plan.title} on {environment.name}")
    for column in ("run", "started"):
        found.add_column(column, no_wrap=True)
    states = ledger.states() if ledger.exists() else {}
    if ledger.exists() and (pause := pauses.current(ledger.connection, plan.name)):
        found.caption = f"backfills are {pause}"
    if ledger.exists() and (final := finality.finished(ledger.connection, plan.name)):
        found.caption = f"final since {final.at:%Y-%m-%d %H:%M}: the way back is closed (run {final.run_id})"
    left = [copy for copy in copies.known(ledger.connection) if not copy.is_used] if ledger.exists() else []
    running = any(state.status == "running" for state in states.values())
    if running:
        found.add_column("now")
        if not lock.is_held(ledger.connection, plan.name):
            found.caption = "nobody holds the target: the run died · `runbook report` seals what it left"
    if left:
        said = f"a dead session left {', '.join(map(str, left))}: the next run removes it"
        found.caption = f"{found.caption}\n{said}" if found.caption else said
    for task in plan.tasks:
        state = states.get(task.number)
        if state is None:
            found.add_row(str(task.number), task.name, "not run")
            continue
        status = f"[{COLOURS.get(state.status, 'default')}]{state.status}[/]"
        row = [str(task.number), task.name, status, state.run_id, f"{state.started_at:%Y-%m-%d %H:%M:%S}"]
        if state.status == "running":
            row.append(_now(plan, environment, state.run_id, task.number, task.minutes))
        found.add_row(*row)
    return found


def last_event(journal: Path) -> dict[str, Any] | None:
    """Return the newest whole event of a journal, or None."""
    try:
        with journal.open("rb") as file:
            file.seek(max(journal.stat().st_size - TAIL, 0))
            lines = file.read().splitlines()
    except FileNotFoundError:
        return None
    for line in reversed(lines):
        try:
            event = json.loads(line)
        except ValueError:  # written just now, or cut off at the front
            continue
        if isinstance(event, dict):
            return event
    return None


def _now(plan: Plan, environment: Environment, run_id: str, task: int, minutes: int) -> str:
    """Say which cell of a task runs, for how long; empty where its journal is on another machine."""
    event = last_event(plan.outputs / environment.name / run_id / manifest.JOURNAL)
    if not event or event.get("event") not in {"cell", "update", "progress"} or event.get("task") != task:
        return ""
    seconds = (datetime.now(UTC) - datetime.fromisoformat(event["at"])).total_seconds()
    place = f"cell {event['cell']} of {event['of']} · " if "cell" in event else ""
    return f"{place}{event['message']} · for {duration(seconds)} (task: {minutes} min)"
