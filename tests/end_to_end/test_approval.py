"""Approval on the command line: what is run must be what was approved, parameters and later tasks included."""

import pytest

from runbook.evidence import manifest
from runbook.plan.plan import Plan
from tests.support.toy import NAME, add_second_task


@pytest.fixture
def guarded(toy):
    """A toy that asks for its approval before it is done, where approval is required."""
    plan = toy / "runbook.toml"
    plan.write_text(plan.read_text().replace('approval = "automatic"', 'approval = "required"'))
    return toy


def refusal(root, result) -> str:
    assert result.returncode == 3, result.stdout + result.stderr
    return manifest.read_manifest(manifest.latest_run(Plan.read(root / "runbook.toml")))["failure"]["message"]


def decide(runbook, root, verb, name, *arguments):
    result = runbook(root, verb, "--by", name, "--statement", f"{name} has decided", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def test_a_run_takes_the_parameters_that_were_approved_and_no_others(guarded, runbook):
    path = guarded / "notebooks" / NAME
    path.write_text(path.read_text().replace("task = runbook.begin(7)", "task = runbook.begin(7)\\ntask.authorize()"))
    said = decide(runbook, guarded, "approve", "Ada", "-p", "prefix", "X")
    assert 'the parameter prefix = "X"' in said
    assert "the fault injection on local (not done)" in said
    other = refusal(guarded, runbook(guarded, "run", "-p", "prefix", "Y"))
    assert 'the parameter prefix changed from "X" to "Y" since Ada approved it' in other
    approved = runbook(guarded, "run", "-p", "prefix", "X")
    assert approved.returncode == 0, approved.stdout + approved.stderr


def test_a_later_task_is_what_was_approved_too(guarded, runbook):
    add_second_task(guarded)
    later = guarded / "notebooks" / "08_again.ipynb"
    good = later.read_text()
    later.write_text(good.replace("task.conclude()", "1 / 0"))
    decide(runbook, guarded, "approve", "Ada")
    assert runbook(guarded, "run").returncode == 1
    later.write_text(good)
    changed = refusal(guarded, runbook(guarded, "run", "--resume", "-p", "prefix", "Y"))
    assert "notebooks/08_again.ipynb changed, the parameter prefix is new since Ada approved it" in changed
    decide(runbook, guarded, "approve", "Ada", "-p", "prefix", "Y")
    resumed = runbook(guarded, "run", "--resume")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr
