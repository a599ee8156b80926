"""A runbook that was just laid out, in the hands of its author."""

import os
import subprocess
import sys

import pytest


@pytest.mark.slow
def test_a_runbook_that_was_just_laid_out_passes_its_own_tests(tmp_path, runbook, state):
    """It runs to complete, is verified and undone, gives nbval the expected results, and catches its faults."""
    assert runbook(tmp_path, "new", "demo").returncode == 0
    root = tmp_path / "demo"
    for step in (
        ["0", "Ask"],
        ["1", "Add the room number", "--table", "shelves", "--column", "number"],
        ["1", "Order"],
    ):
        assert runbook(root, "new-step", *step).returncode == 0
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "4 passed" in done.stdout
