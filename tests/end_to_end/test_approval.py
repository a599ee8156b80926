"""Approval on the command line: what is run must be what was approved, parameters and later tasks included."""

import json
import subprocess
import sys

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


def refusal(result) -> str:
    assert result.returncode == 4, result.stdout + result.stderr
    return result.stderr


def decide(runbook, root, verb, name, *arguments):
    result = runbook(root, verb, "--by", name, "--statement", f"{name} has decided", *arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


@pytest.mark.slow
def test_a_run_takes_the_parameters_that_were_approved_and_no_others(guarded, runbook):
    path = guarded / "notebooks" / NAME
    path.write_text(path.read_text().replace("task = runbook.begin(7)", "task = runbook.begin(7)\\ntask.authorize()"))
    said = decide(runbook, guarded, "approve", "Ada", "-p", "prefix", "X")
    assert 'the parameter prefix = "X"' in said
    assert "the fault injection on local (not done)" in said
    assert said.splitlines()[-1] == "Next: `runbook run --environment local -p prefix X`."
    other = refusal(runbook(guarded, "run", "-p", "prefix", "Y"))
    assert 'the parameter prefix changed from "X" to "Y" since Ada approved it' in other
    approved = runbook(guarded, "run", "-p", "prefix", "X")
    assert approved.returncode == 0, approved.stdout + approved.stderr


@pytest.mark.slow
def test_a_later_task_is_what_was_approved_too(guarded, runbook):
    add_second_task(guarded)
    later = guarded / "notebooks" / "08_again.ipynb"
    good = later.read_text()
    later.write_text(good.replace("task.conclude()", "1 / 0"))
    decide(runbook, guarded, "approve", "Ada")
    assert runbook(guarded, "run").returncode == 1
    later.write_text(good)
    anew = runbook(guarded, "run")
    assert "stopped in Task 8: `runbook run --environment local --resume` goes on with it" in anew.stdout
    changed = refusal(runbook(guarded, "run", "--resume", "-p", "prefix", "Y"))
    assert "notebooks/08_again.ipynb changed, the parameter prefix is new since Ada approved it" in changed
    said = decide(runbook, guarded, "approve", "Ada", "-p", "prefix", "Y")
    assert said.splitlines()[-1] == "Next: `runbook run --environment local --resume`."
    resumed = runbook(guarded, "run", "--resume", "-p", "prefix", "Y")
    assert resumed.returncode == 0, resumed.stdout + resumed.stderr


def tag(root, text, name):
    """Tag the code cells of the notebook that hold a text."""
    path = root / "notebooks" / NAME
    notebook = json.loads(path.read_text())
    for cell in notebook["cells"]:
        if cell["cell_type"] == "code" and text in "".join(cell["source"]):
            cell["metadata"]["tags"] = [*cell["metadata"].get("tags", []), name]
    path.write_text(json.dumps(notebook))


def by_papermill(root, *arguments):
    line = [sys.executable, "-m", "papermill", f"notebooks/{NAME}", "out.ipynb", *arguments]
    return subprocess.run(line, cwd=root, capture_output=True, text=True, check=False, timeout=240)


@pytest.mark.slow
# The cell after it is refused; papermill alone writes nothing off, and leaves the task begun, never complete.
@pytest.mark.parametrize(("door", "left"), [("batch", "failed"), ("papermill", "running")])
def test_a_cell_that_is_tagged_to_be_skipped_shuts_the_gate(toy, runbook, connect, door, left):
    tag(toy, "UPDATE shelves", "skip-execution")
    done = runbook(toy, "run") if door == "batch" else by_papermill(toy)
    assert done.returncode != 0
    assert "did not run, or did not end well" in done.stdout + done.stderr
    assert connect(toy).execute("SELECT status FROM runbook.tasks").fetchall() == [(left,)]


@pytest.mark.slow
def test_parameters_are_bound_to_the_approval_by_papermill_too(guarded, runbook):
    decide(runbook, guarded, "approve", "Ada")
    refused = by_papermill(guarded, "-p", "prefix", "Y")
    assert refused.returncode != 0
    assert "the parameter prefix is new since Ada approved it" in refused.stdout + refused.stderr
    approved = by_papermill(guarded)
    assert approved.returncode == 0, approved.stderr


@pytest.mark.slow
def test_an_operators_note_voids_nothing_and_stands_in_the_evidence(guarded, runbook):
    decide(runbook, guarded, "approve", "Ada")
    path = guarded / "notebooks" / NAME
    notebook = json.loads(path.read_text())
    first = next(cell for cell in notebook["cells"] if cell["cell_type"] == "markdown")
    first["source"] = "".join(first["source"]).partition("**Operator's note**")[0] + "**Operator's note** Ada, Sunday"
    path.write_text(json.dumps(notebook))
    done = runbook(guarded, "run", "--note", "the shelves were <b>dusty</b>")
    assert done.returncode == 0, done.stdout + done.stderr
    folder = manifest.latest_run(Plan.load(guarded / "runbook.toml"))
    assert manifest.read_manifest(folder)["note"] == "the shelves were <b>dusty</b>"
    assert "&lt;b&gt;dusty&lt;/b&gt;" in (folder / "report.html").read_text()


@pytest.mark.slow
def test_nothing_that_ipython_runs_by_itself_runs_in_a_batch(guarded, runbook, tmp_path):
    startup = tmp_path / "ipython" / "profile_default" / "startup"
    startup.mkdir(parents=True)
    (startup / "00.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    decide(runbook, guarded, "approve", "Ada")
    done = runbook(guarded, "run", IPYTHONDIR=str(tmp_path / "ipython"))
    assert done.returncode == 0, done.stdout + done.stderr
    assert not (tmp_path / "ran").exists()
