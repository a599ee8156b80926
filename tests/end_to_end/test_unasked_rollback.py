"""`--rollback-on-trigger`: a fired trigger gives everything back without waiting for anybody."""

import json

import nbformat
import pytest

from runbook.database import embedded, snapshot
from runbook.database.ledger import Ledger
from runbook.database.target import Target
from runbook.evidence.manifest import MANIFEST
from runbook.plan.plan import Plan

NOTEBOOK = "notebooks/07_label_the_shelves.ipynb"
PASSES, FAILS = "SELECT shelf FROM shelves WHERE label IS NULL", "SELECT shelf FROM shelves"
TRIGGER = '    "-- trigger: A shelf without a label\\n",\n'
ROOMS = '"%%sql rooms <<\\n",\n'
LATER = f'"%%check a room holds shelves: some rows\\n",\n{TRIGGER}'  # not reached: the check before it fails


@pytest.fixture
def failing(toy):
    """A toy whose check fails, which fires its trigger."""
    change(toy, PASSES, FAILS)
    return toy


def change(root, old: str, new: str) -> None:
    text = (root / NOTEBOOK).read_text()
    assert old in text
    (root / NOTEBOOK).write_text(text.replace(old, new))


def schema(root) -> str:
    return snapshot.schema_dump(
        Target.at(embedded.provide(root, Plan.load(root / "runbook.toml").environment("local")))
    )


def manifests(root) -> list[dict]:
    return [json.loads(path.read_text()) for path in sorted((root / "outputs" / "local").glob(f"*/{MANIFEST}"))]


@pytest.mark.slow
def test_a_fired_trigger_gives_everything_back_with_evidence_of_both(failing, runbook, connect):
    before = schema(failing)
    result = runbook(failing, "run", "--rollback-on-trigger")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "“A shelf without a label” fired: Task 7 is rolled back now." in result.stdout
    failed, back = manifests(failing)
    assert (failed["status"], failed["tasks"][0]["triggers"][0]["fired"]) == ("failed", True)
    assert (back["status"], back["tasks"][0]["status"], back["failure"]) == ("rolled_back", "rolled_back", None)
    assert schema(failing) == before
    assert Ledger(connect(failing), "toy").states()[7].status == "rolled_back"


def test_without_a_trigger_nothing_is_reversed(failing, runbook):
    before = schema(failing)
    change(failing, TRIGGER, "")
    change(failing, ROOMS, LATER)
    result = runbook(failing, "run", "--rollback-on-trigger")
    assert (result.returncode, "fired no rollback trigger" in result.stdout) == (1, True), result.stdout
    assert [manifest["status"] for manifest in manifests(failing)] == ["failed"]
    assert schema(failing) != before


def test_a_task_that_changes_nothing_is_not_reversed(failing, runbook):
    path = failing / NOTEBOOK
    notebook = nbformat.read(path, 4)
    notebook.cells = [cell for cell in notebook.cells if "apply" not in cell.metadata.get("tags", [])]
    nbformat.write(notebook, path)
    result = runbook(failing, "run", "--rollback-on-trigger")
    said = "fired, but Task 7 changes nothing"
    assert (result.returncode, said in result.stdout) == (1, True), result.stdout + result.stderr
    assert [manifest["status"] for manifest in manifests(failing)] == ["failed"]


def test_what_the_server_refuses_to_a_task_that_may_only_read_is_said_in_its_words(failing, runbook):
    change(failing, '"apply"', '"probe"')
    result = runbook(failing, "run", "--rollback-on-trigger")
    said = "cannot execute ALTER TABLE in a read-only transaction"
    assert (result.returncode, said in result.stdout) == (1, True), result.stdout + result.stderr


def test_a_rollback_that_cannot_be_done_is_said_and_the_exit_code_stays(failing, runbook):
    (failing / "sql" / "rollback" / "07_label_the_shelves.sql").unlink()
    result = runbook(failing, "run", "--rollback-on-trigger")
    assert result.returncode == 1
    assert "The rollback could not be done: Task 7 cannot be reversed" in result.stdout
    assert "Do it by hand: `runbook rollback --environment local --to 7`" in result.stdout


def test_a_task_whose_rollback_stopped_is_failed_and_not_running(failing, runbook):
    runbook(failing, "run")
    script = failing / "sql" / "rollback" / "07_label_the_shelves.sql"
    script.write_text(script.read_text() + "SELECT 1 / 0;\n")
    result = runbook(failing, "rollback", "--yes")
    assert (result.returncode, "division by zero" in result.stdout) == (1, True), result.stdout + result.stderr
    assert [one["status"] for one in json.loads(runbook(failing, "status", "--json").stdout)["tasks"]] == ["failed"]
