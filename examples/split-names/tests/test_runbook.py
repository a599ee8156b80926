"""The runbook on its demonstration: nothing is wrong with it, it runs, its checks catch their faults, it is undone."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXPECTED = ROOT / "outputs" / "expected"


def call(*arguments: str) -> None:
    """Run a Python module in the runbook's folder; it must succeed."""
    done = subprocess.run([sys.executable, "-m", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_is_wrong_before_it_runs():
    call("runbook", "check")


def test_it_runs_with_the_expected_results_and_is_undone():
    # The very first run makes the expected results: read them, then commit them.
    keep = () if list(EXPECTED.glob("*.ipynb")) else ("--keep-expected",)
    call("runbook", "run", "--fresh", *keep)
    call("runbook", "verify")
    call("runbook", "rollback", "--yes")


def test_nbval_gets_the_expected_results_on_a_fresh_database():
    assert list(EXPECTED.glob("*.ipynb"))
    call("runbook", "reset")
    call("pytest", "-q", "--nbval", str(EXPECTED))


def test_every_check_catches_its_fault():
    call("runbook", "inject-faults")
