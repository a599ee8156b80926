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
from runbook.formatting import duration, tasks
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
    listed: list[dict[str, Any]] = []
    for task in plan.tasks:
        facts: dict[str, Any] = {"number": task.number, "name": task.name, "status": "not run"}
        if state := states.get(task.number):
            facts |= {"status": state.status, "run": state.run_id, "started_at": state.started_at.isoformat()}
            if state.status == "running":
                facts["now"] = _now(plan, environment, state.run_id, task.number, task.minutes)
        listed.append(facts)
    left = [str(copy) for copy in copies.known(ledger.connection) if not copy.is_used] if exists else []
    final = finality.finished(ledger.connection, plan.name) if exists else None
    pause = pauses.current(ledger.connection, plan.name) if exists else None
    return {
        "environment": environment.name,
        "held": exists and lock.is_held(ledger.connection, plan.name),
        "paused": pause.words(environment.name) if pause else "",
        "copies_left": left,
        "final": {"at": f"{final.at:%Y-%m-%dT%H:%M:%S%z}", "run": final.run_id} if final else None,
        "tasks": listed,
    }


def status_table(plan: Plan, environment: Environment, ledger: Ledger) -> Table:
    """Return the state of every task of the plan."""
    facts = status_facts(plan, environment, ledger)
    found = Table("task", title=f"{plan.title} on {environment.name}", caption_justify="left")
    for column in ("status", "started"):
        found.add_column(column, no_wrap=True)
    said = [f"backfills are {facts['paused']}"] if facts["paused"] else []
    if final := facts["final"]:
        at = datetime.fromisoformat(final["at"])
        said = [f"final since {at:%Y-%m-%d %H:%M}: it cannot be rolled back any more (run {final['run']})"]
    runs: dict[str, list[int]] = {}
    for task in facts["tasks"]:
        row = [f"{task['number']} · {task['name']}", task["status"]]
        if "run" in task:
            runs.setdefault(task["run"], []).append(task["number"])
            row[1] = f"[{COLOURS.get(task['status'], 'default')}]{task['status'].replace('_', ' ')}[/]"
            row.append(f"{datetime.fromisoformat(task['started_at']):%Y-%m-%d %H:%M}")
        found.add_row(*row)
        if task.get("now"):
            said.append(f"Task {task['number']}: {task['now']}")
        if "now" in task and not facts["held"]:
            said.append(_dead(environment, ledger, task))
    if left := facts["copies_left"]:
        said.append(f"a dead session left {', '.join(left)}: the next run removes it")
    said += [f"run {run}: {tasks(numbers)}" for run, numbers in runs.items()]
    found.caption = "\n".join(said) or None
    return found


def _dead(environment: Environment, ledger: Ledger, task: dict[str, Any]) -> str:
    """Say what to do about a task that nobody is at any more."""
    said = f"nobody holds the target: the run died in Task {task['number']}. "
    verb = "rollback" if ledger.run_entry(task["run"])["kind"] == "rollback" else "run"
    if verb == "rollback" or task["run"] == ledger.unfinished_run(environment.name):
        again = " --resume" * (verb == "run")
        said += f"`runbook {verb} --environment {environment.name}{again}` goes on with it; "
    return f"{said}`runbook report` seals what it left"


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
