"""A run that died leaves equally good evidence: whoever asks for its report seals it as it was found."""

import os
import subprocess
import sys
import time

import pytest

from runbook.database import lock
from runbook.evidence.manifest import JOURNAL, MANIFEST, latest_run, read_manifest
from runbook.plan.plan import Plan
from tests.support.toy import NAME

STEP = "SELECT room, COUNT(*) AS shelves"


@pytest.fixture
def dead(toy):
    """The toy, killed while its third step runs; half of another notebook lies beside it."""
    notebook = toy / "notebooks" / NAME
    written = notebook.read_text()
    notebook.write_text(written.replace(STEP, f"SELECT pg_sleep(60); {STEP}"))
    with subprocess.Popen([sys.executable, "-m", "runbook", "run"], cwd=toy, stdout=subprocess.DEVNULL) as batch:
        cells = 0
        while cells < 6 and batch.poll() is None:
            time.sleep(0.02)
            journals = toy.glob(f"outputs/local/*/{JOURNAL}")
            cells = sum('"event": "cell"' in line for journal in journals for line in journal.open())
        batch.kill()
    notebook.write_text(written)
    (folder,) = (toy / "outputs" / "local").iterdir()
    (folder / "09_half.ipynb").write_text('{"cells": [')
    (folder / "09_none.ipynb").write_text('{"cells": [7]}')
    return toy


@pytest.mark.slow
def test_a_run_that_died_is_sealed_when_its_report_is_asked_for(dead, runbook):
    (folder,) = (dead / "outputs" / "local").iterdir()
    assert not (folder / MANIFEST).exists()
    assert "the run died" in runbook(dead, "status").stdout
    asked = runbook(dead, "report")
    assert asked.returncode == 0, asked.stdout + asked.stderr
    manifest = read_manifest(folder)
    (task,) = manifest["tasks"]
    assert (manifest["status"], task["status"], task["notebook"]) == ("failed", "failed", NAME)
    assert manifest["failure"]["task"] == 7
    assert "The run died; it was last heard of at 20" in manifest["failure"]["message"]
    assert "7.1 · Add the label" in manifest["failure"]["message"]
    assert (folder / "09_half.ipynb.cut-off").exists()
    assert (folder / "09_none.ipynb.cut-off").exists()
    assert "The run died" in (folder / "report.html").read_text()
    assert runbook(dead, "verify").returncode == 0
    resumed = runbook(dead, "run", "--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
    assert read_manifest(folder)["status"] == "complete"
    assert runbook(dead, "verify").returncode == 0


@pytest.mark.slow
def test_a_run_at_work_is_not_sealed(toy, runbook, connect):
    assert runbook(toy, "run").returncode == 0
    plan = Plan.load(toy / "runbook.toml")
    folder = latest_run(plan)
    (folder / MANIFEST).unlink()
    lock.take(connect(toy), plan.name)
    asked = runbook(toy, "report", os.fspath(folder))
    assert (asked.returncode, "Another run holds this target" in asked.stderr) == (75, True)
    assert not (folder / MANIFEST).exists()
