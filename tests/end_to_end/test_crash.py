"""Killed anywhere, resumed, and in the very state an undisturbed run reaches.

The moments are drawn from a seed: RUNBOOK_KILLS (how many) and RUNBOOK_KILL_SEED choose others.
"""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time

import psutil
import psycopg
import pytest

from runbook.plan import Plan
from runbook.target import embedded, snapshot
from runbook.target.ledger import Ledger

SEED = int(os.environ.get("RUNBOOK_KILL_SEED", "35"))
FEW, MANY = 5, int(os.environ.get("RUNBOOK_KILLS", "6"))

# All customer tables, without what must differ: times of the migration, and ids drawn by parallel workers.
STATE = {
    "organizations": """
        SELECT md5(string_agg(md5((to_jsonb(o) - 'credits_migrated_at')::text || (o.credits_migrated_at IS NULL)::text),
                              '' ORDER BY id)) FROM organizations AS o""",
    "organization_credits": """
        SELECT md5(string_agg(md5(to_jsonb(c)::text), '' ORDER BY organization_id)) FROM organization_credits AS c""",
    "credit_actions": """
        SELECT md5(string_agg(md5(CASE action_type WHEN 'migration' THEN to_jsonb(a) - 'id' - 'created_at'
                                  ELSE to_jsonb(a) END::text), '' ORDER BY organization_id, action_type, id))
        FROM credit_actions AS a""",
}


def test_a_few_kills_during_the_migration_end_in_the_undisturbed_state(small, runbook):
    _kill_and_resume(small, runbook, range(FEW), "--to", "2")


@pytest.mark.slow
def test_many_kills_anywhere_end_in_the_undisturbed_state(small, runbook):
    _kill_and_resume(small, runbook, range(FEW, FEW + MANY))


@pytest.fixture
def small(project):
    """The project on fewer organizations: what matters here is the number of kills."""
    plan = project / "runbook.toml"
    plan.write_text(plan.read_text().replace('"5000"', '"600"'))
    shutil.rmtree(project / "outputs" / "expected")  # what is expected there is said of the whole
    return project


def _kill_and_resume(project, runbook, draws, *tasks: str) -> None:
    wanted, cells = _undisturbed(project, runbook, *tasks)
    for number in draws:
        draw = random.Random(SEED * 1000 + number)
        victim, cell, delay = draw.choice(sorted(VICTIMS)), draw.randrange(cells), draw.random() * 0.2
        embedded.reset(project, Plan.read(project / "runbook.toml").environment("local"))
        _run_and_kill(project, victim, cell, delay, *tasks)
        moment = f"draw {number}: {victim} killed {delay:.3f} s after cell {cell} of {cells} began"
        result = runbook(project, "run", "--resume", *tasks)
        if "nothing to resume" in result.stderr:  # it died before it had begun, or after its end
            result = runbook(project, "run", *tasks)
        assert result.returncode == 0, f"{moment}\n{result.stdout}{result.stderr}"
        assert _state(project) == wanted, moment


def _undisturbed(project, runbook, *tasks: str) -> tuple[dict[str, object], int]:
    result = runbook(project, "run", "--fresh", *tasks)
    assert result.returncode == 0, result.stdout + result.stderr
    events = [json.loads(line) for journal in project.glob("outputs/local/*/events.jsonl") for line in journal.open()]
    return _state(project), sum(event["event"] == "cell" for event in events)


def _run_and_kill(project, victim: str, cell: int, delay: float, *tasks: str) -> None:
    before = set((project / "outputs" / "local").glob("*"))
    command = [sys.executable, "-m", "runbook", "run", *tasks]
    with subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as batch:
        seen = 0
        while batch.poll() is None and seen <= cell:
            time.sleep(0.01)
            folders = set((project / "outputs" / "local").glob("*")) - before
            journals = [folder / "events.jsonl" for folder in folders if (folder / "events.jsonl").exists()]
            seen = sum('"event": "cell"' in line for journal in journals for line in journal.open())
        time.sleep(delay)
        if batch.poll() is None:
            VICTIMS[victim](batch)
        batch.wait()


def _kill_kernels(batch: subprocess.Popen) -> None:
    for child in psutil.Process(batch.pid).children():
        child.send_signal(signal.SIGKILL)


def _kill_server(_: subprocess.Popen) -> None:
    data = embedded.state_folder(None) / "postgres"
    os.kill(int((data / "postmaster.pid").read_text().split()[0]), signal.SIGQUIT)  # pg_ctl stop -m immediate


VICTIMS = {
    "batch": lambda batch: batch.kill(),
    "batch, politely": lambda batch: batch.terminate(),
    "batch, by Ctrl-C": lambda batch: batch.send_signal(signal.SIGINT),
    "kernels": _kill_kernels,
    "server": _kill_server,
}


def _state(project) -> dict[str, object]:
    plan = Plan.read(project / "runbook.toml")
    url = embedded.provide(project, plan.environment("local"))
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET timezone = 'UTC'")
        found = {table: connection.execute(query).fetchone() for table, query in STATE.items()}
        ledger = Ledger(connection, plan.name)
        found["schema"] = snapshot.schema_dump(url)
        found["tasks"] = {number: state.status for number, state in ledger.states().items()}
        found["checks"] = [
            (number, check.name, check.passed)
            for number, state in ledger.states().items()
            for check in ledger.checks(state.run_id, number)
        ]
    return found
