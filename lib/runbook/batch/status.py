"""The state of a target, once or live: what the ledger says of each task, and the cell that runs."""

import json
from datetime import UTC, datetime
from pathlib import Path
from time import sleep
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.table import Table

from runbook.changes import finality
from runbook.database import copies, environments, lock, pauses
from runbook.database.ledger import DONE, Ledger
from runbook.errors import UsageError
from runbook.evidence import manifest
from runbook.formatting import duration
from runbook.plan.plan import Environment, Plan

PAUSE = 1.0  # seconds between two looks
TAIL = 16_384  # bytes at the end of a journal that are read
COLOURS = {DONE: "green", "failed": "bold red", "running": "yellow", "rolled_back": "blue"}


def show_status(plan: Plan, name: str, console: Console, *, live: bool = False, as_json: bool = False) -> None:
    """Show the state of an environment, as a table or as JSON; with `live` go on until interrupted.

    Raises:
        UsageError: there is no such environment, or it cannot be reached; JSON was asked for and live, too.
    """
    if live and as_json:
        raise UsageError("--json says it once and --watch goes on: give one of them.")
    environment = plan.environment(name)
    ledger = Ledger(environments.connect(plan, environment, "runbook status"), plan.name)
    if as_json:
        console.print_json(data=status_facts(plan, environment, ledger))
        return
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


def status_facts(plan: Plan, environment: Environment, ledger: Ledger) -> dict[str, Any]:
    """Return the state of a target as JSON has it.

    Returns:
        `environment`, `held`, `paused`, `copies_left`, `final` (null, or since when, `at`, and by which `run`), and
        for each of `tasks` its `number`, `name`, `status`, `run`, `started_at` (ISO 8601) and, while it runs, `now`.
    """
    exists = ledger.exists()
    states = ledger.states() if exists else {}
    tasks: list[dict[str, Any]] = []
    for task in plan.tasks:
        facts: dict[str, Any] = {"number": task.number, "name": task.name, "status": "not run"}
        if state := states.get(task.number):
            facts |= {"status": state.status, "run": state.run_id, "started_at": state.started_at.isoformat()}
            if state.status == "running":
                facts["now"] = _now(plan, environment, state.run_id, task.number, task.minutes)
        tasks.append(facts)
    left = [str(copy) for copy in copies.known(ledger.connection) if not copy.is_used] if exists else []
    final = finality.finished(ledger.connection, plan.name) if exists else None
    return {
        "environment": environment.name,
        "held": exists and lock.is_held(ledger.connection, plan.name),
        "paused": str(pauses.current(ledger.connection, plan.name) or "") if exists else "",
        "copies_left": left,
        "final": {"at": f"{final.at:%Y-%m-%dT%H:%M:%S%z}", "run": final.run_id} if final else None,
        "tasks": tasks,
    }


def status_table(plan: Plan, environment: Environment, ledger: Ledger) -> Table:
    """Return the state of every task of the plan."""
    facts = status_facts(plan, environment, ledger)
    found = Table("task", "name", "status", title=f"{plan.title} on {environment.name}")
    for column in ("run", "started"):
        found.add_column(column, no_wrap=True)
    said = [f"backfills are {facts['paused']}"] if facts["paused"] else []
    if final := facts["final"]:
        at = datetime.fromisoformat(final["at"])
        said = [f"final since {at:%Y-%m-%d %H:%M}: it cannot be rolled back any more (run {final['run']})"]
    if any("now" in task for task in facts["tasks"]):
        found.add_column("now")
        if not facts["held"]:
            said = ["nobody holds the target: the run died · `runbook report` seals what it left"]
    if left := facts["copies_left"]:
        said.append(f"a dead session left {', '.join(left)}: the next run removes it")
    found.caption = "\n".join(said) or None
    for task in facts["tasks"]:
        row = [str(task["number"]), task["name"], task["status"]]
        if "run" in task:
            row[2] = f"[{COLOURS.get(task['status'], 'default')}]{task['status'].replace('_', ' ')}[/]"
            row += [task["run"], f"{datetime.fromisoformat(task['started_at']):%Y-%m-%d %H:%M}"]
        found.add_row(*row, *([task["now"]] if "now" in task else []))
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
