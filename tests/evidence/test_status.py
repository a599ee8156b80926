"""`runbook status`: what the ledger says of each task, and live, the cell that runs."""

import io
import json
import os
import signal
import subprocess
import sys
import time
from datetime import UTC, datetime

import pytest
from rich.console import Console

from runbook.batch import pause, status
from runbook.database.ledger import Ledger
from runbook.plan.plan import Plan


@pytest.fixture
def state(toy, connect):
    """The toy, its ledger, and what the table shows."""
    plan = Plan.load(toy / "runbook.toml")
    ledger = Ledger(connect(toy), plan.name)

    def shown() -> str:
        console = Console(file=io.StringIO(), width=200)
        console.print(status.status_table(plan, plan.environment("local"), ledger))
        return console.file.getvalue()

    return toy, ledger, shown


def journal(root, *events):
    path = root / "outputs" / "local" / "R" / "events.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    now = datetime.now(UTC).isoformat()
    path.write_text("".join(json.dumps({"at": now, **event}) + "\n" for event in events) + '{"at": "cut sh')
    return path


def test_a_target_without_a_ledger_has_run_nothing(state):
    assert "not run" in state[2]()


def test_a_pause_is_shown_with_who_asked_for_it(state, monkeypatch):
    root, _, shown = state
    monkeypatch.setenv("RUNBOOK_OPERATOR", "Night Shift")
    plan = Plan.load(root / "runbook.toml")
    said = pause.switch_pause(plan, "local", on=True)
    assert said.startswith("Backfills on local: paused by Night Shift since ")
    assert said.endswith(": `runbook pause --environment local --end` lets them go on.")
    assert "backfills are paused by Night Shift" in shown()
    assert pause.switch_pause(plan, "local", on=False) == "Backfills on local go on."
    assert pause.switch_pause(plan, "local", on=False) == "Backfills on local were not paused."
    assert "paused" not in shown()


def test_a_program_gets_the_same_as_json(state):
    root, ledger, _ = state
    ledger.prepare()
    ledger.open_run("R", "local", "Ada", "digest", {})
    ledger.start_task("R", 7)
    console = Console(file=io.StringIO())
    status.show_status(Plan.load(root / "runbook.toml"), "local", console, as_json=True)
    facts = json.loads(console.file.getvalue())
    assert (facts["environment"], facts["held"], facts["paused"], facts["copies_left"]) == ("local", False, "", [])
    (task,) = facts["tasks"]
    assert (task["number"], task["status"], task["run"], task["now"]) == (7, "running", "R", "")
    assert datetime.fromisoformat(task["started_at"]).tzinfo


def test_the_cell_that_runs_is_shown(state):
    root, ledger, shown = state
    ledger.prepare()
    ledger.open_run("R", "local", "Ada", "digest", {})
    ledger.start_task("R", 7)
    assert "running" in shown()
    cell = {"event": "cell", "message": "7.1 · Add the label", "task": 7, "cell": 3, "of": 9}
    path = journal(root, {"event": "start", "message": "Starting", "task": 7}, cell)
    assert "cell 3 of 9 · 7.1 · Add the label · for " in shown()
    assert status.last_event(path)["cell"] == 3
    journal(root, {"event": "start", "message": "Starting", "task": 7})
    assert "7.1 · Add the label" not in shown()
    ledger.finish_task("R", 7, "complete")
    assert "complete" in shown()
    assert "now" not in shown()


def test_a_run_that_died_is_named_with_the_command_that_goes_on_with_it_in_80_columns(state):
    root, ledger, _ = state
    ledger.prepare()
    ledger.open_run("20261130T193820.691Z", "local", "Ada", "digest", {})
    ledger.start_task("20261130T193820.691Z", 7)
    console = Console(file=io.StringIO(), width=80)
    plan = Plan.load(root / "runbook.toml")
    console.print(status.status_table(plan, plan.environment("local"), ledger))
    said = " ".join(console.file.getvalue().split())
    assert "7 · Label the shelves │ running │ 20" in said  # on one line
    assert "the run died in Task 7. `runbook run --environment local --resume` goes on with it" in said
    assert "run 20261130T193820.691Z: Task 7" in said


def test_a_rollback_that_died_is_named_with_the_command_that_goes_on_with_it(state):
    _, ledger, shown = state
    ledger.prepare()
    ledger.open_run("R", "local", "Ada", "digest", {}, "rollback")
    ledger.start_task("R", 7)
    assert "the run died in Task 7. `runbook rollback --environment local` goes on with it" in " ".join(shown().split())


def test_a_long_journal_is_read_from_its_end(state, tmp_path):
    path = tmp_path / "events.jsonl"
    path.write_text("".join(json.dumps({"event": "cell", "cell": number}) + "\n" for number in range(5000)))
    assert status.last_event(path) == {"event": "cell", "cell": 4999}
    path.write_text("")
    assert status.last_event(path) is None


def test_watching_goes_on_until_it_is_interrupted(toy):
    command = [sys.executable, "-m", "runbook", "status", "--watch"]
    with subprocess.Popen(
        command,
        cwd=toy,
        env={**os.environ, "FORCE_COLOR": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as watching:
        seen = ""
        while "Label the shelves" not in seen:
            line = watching.stdout.readline()
            assert line, "it ended by itself"
            seen += line
        time.sleep(1.5)
        assert watching.poll() is None
        watching.send_signal(signal.SIGINT)
        _, complaint = watching.communicate(timeout=60)
    assert watching.returncode == 0, complaint
    assert "Traceback" not in complaint
