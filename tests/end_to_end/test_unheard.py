"""A run that nobody hears, and one whose terminal hangs up: what changes a target ends as it must, and is sealed."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.evidence import seal
from runbook.evidence.manifest import latest_run, read_manifest
from runbook.plan.plan import Plan

RUN = [sys.executable, "-m", "runbook", "run"]


@pytest.fixture
def heeding() -> Iterator[None]:
    """Let what is started here heed SIGHUP, though these tests may run by nohup."""
    former = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, former)


def left(toy: Path) -> str:
    """Return how the newest run ended; it is sealed."""
    folder = latest_run(Plan.load(toy / "runbook.toml"))
    assert folder
    assert seal.problems(folder) == []
    return str(read_manifest(folder)["status"])


def test_a_run_that_nobody_hears_goes_on(toy: Path) -> None:
    theirs, ours = os.pipe()
    os.close(theirs)
    done = subprocess.run(RUN, cwd=toy, stdout=ours, stderr=ours, check=False, timeout=240)
    os.close(ours)
    assert (done.returncode, left(toy)) == (0, "complete")


@pytest.mark.slow
def test_a_run_that_was_given_no_streams_goes_on(toy: Path) -> None:
    done = subprocess.run(["sh", "-c", '"$@" <&- >&- 2>&-', "sh", *RUN], cwd=toy, check=False, timeout=240)
    assert (done.returncode, left(toy)) == (0, "complete")


@pytest.mark.slow
@pytest.mark.usefixtures("heeding")
def test_a_run_whose_terminal_hangs_up_is_sealed_and_can_go_on(toy: Path) -> None:
    with subprocess.Popen(RUN, cwd=toy, stdout=subprocess.PIPE, text=True, start_new_session=True) as batch:
        assert batch.stdout
        next(line for line in batch.stdout if "Starting Task 7" in line)
        os.killpg(batch.pid, signal.SIGHUP)
        batch.communicate(timeout=240)
    assert (batch.returncode, left(toy)) == (75, "failed")
    assert subprocess.run([*RUN, "--resume"], cwd=toy, check=False, timeout=240).returncode == 0
    assert left(toy) == "complete"
