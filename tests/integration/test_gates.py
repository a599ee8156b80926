"""Gates: whatever is left undecided shuts them by its name; what a task needs is complete, or it does not begin."""

import pytest

from runbook.errors import GateShut, NotAllowed
from runbook.evidence.gate_rows import COMPLETION
from runbook.evidence.manifest import task_entries
from runbook.plan.cells import read_cells
from tests.support.promises import NOTEBOOK, promise_more

SECOND = """
[[tasks]]
number = 8
name = "Dust the shelves"
notebook = "notebooks/07_label_the_shelves.ipynb"
rollback = "sql/rollback/07_label_the_shelves.sql"
minutes = 1
risk = "low"
needs = [7]
requires = [{ task = 7, words = "every label printed", criteria = ["Every shelf has a label"] }]
steps = [{ number = "7.1", name = "Add the label", minutes = 1 }]
deliverables = ["Labelled shelves"]
criteria = ["Every shelf has a label"]
triggers = ["A shelf without a label"]

[environments.local]
"""


@pytest.fixture
def rich(toy):
    """The toy with everything a plan can promise."""
    return promise_more(toy)


@pytest.fixture
def rich_cells(rich):
    """Its code cells: parameters, begin, ladder, the steps, delivery, conclude."""
    return [cell.source for cell in read_cells(rich / NOTEBOOK) if cell.kind == "code"]


@pytest.fixture
def two(toy):
    """The toy with a second task that needs the first."""
    plan = toy / "runbook.toml"
    plan.write_text(plan.read_text().replace("[environments.local]\n", SECOND, 1))
    return toy


@pytest.mark.parametrize(
    ("column", "words", "named"),
    [
        ("deliverable", "Labelled shelves", "deliverable “Labelled shelves”"),
        ("criterion", "Every shelf has a label", "criterion “Every shelf has a label”"),
        ("trigger", "A shelf without a label", "trigger “A shelf without a label”"),
        ("box", "Ladder at hand", "condition of preparation “Ladder at hand”"),
        ("gate", "shelves", "quality gate “Shelf Check”"),
        ("gate", "books", "quality gate “Book Check”"),
    ],
)
def test_what_no_check_has_decided_shuts_the_gate_by_its_name(open_notebook, rich, rich_cells, column, words, named):
    notebook = open_notebook(rich, *rich_cells[:-1])
    notebook.rows(f"UPDATE runbook.checks SET {column} = NULL WHERE {column} = '{words}' RETURNING 1")
    with pytest.raises(GateShut, match=f"shut by the {named} \\(undecided\\)"):
        notebook.run("task.conclude()")
    assert "Gate SHUT" in notebook.said
    assert notebook.task.ledger.states()[7].status == "failed"


def test_a_complete_task_has_met_every_condition_and_says_why(open_notebook, rich, rich_cells):
    notebook = open_notebook(rich, *rich_cells)
    task = notebook.task
    kept = task.ledger.notes(task.run_id, 7)[COMPLETION]
    assert [(box["box"], box["fine"]) for box in kept] == [(box.box, True) for box in task.plan.checklist.completion]
    assert kept[0]["said"] == "1 of 1 delivered and verified"
    assert "✓ yes           completion  Everything handed over: 1 of 1 delivered and verified" in notebook.said


def test_preparation_heads_the_first_task_and_is_ticked_there(open_notebook, rich, rich_cells):
    notebook = open_notebook(rich, *rich_cells[:2])
    assert "☐ Ladder at hand" in notebook.said
    notebook.run(rich_cells[2])
    assert "☑ Ladder at hand" in notebook.said


def test_the_next_task_starts_from_what_the_one_before_has_met(open_notebook, two, toy_cells):
    second = [cell.replace("begin(7)", "begin(8)") for cell in toy_cells]
    notebook = open_notebook(two, *toy_cells)
    assert "Task 8 requires: every label printed" in notebook.said
    notebook = open_notebook(two, *second[:2])
    assert "starts from Task 7 complete, 3 of 3 conditions met" in notebook.said
    notebook.run(*second[2:])
    assert [line.split()[-2:] for line in notebook.said.splitlines()[2:4]] == [["✓", "1"]] * 2


def test_a_task_does_not_begin_where_the_one_before_left_something_open(open_notebook, two, toy_cells):
    second = [cell.replace("begin(7)", "begin(8)") for cell in toy_cells]
    notebook = open_notebook(two, *toy_cells)
    changed = "UPDATE runbook.notes SET value = jsonb_set(value, '{1,fine}', 'false')"
    notebook.rows(f"{changed} WHERE name = '{COMPLETION}' RETURNING 1")
    with pytest.raises(NotAllowed, match=r"Task 7, which is not complete: “No alarm rang” was not met"):
        open_notebook(two, *second[:2])


def test_what_is_delivered_lies_beside_the_run_with_its_digest(open_notebook, rich, rich_cells, tmp_path):
    task = open_notebook(rich, *rich_cells).task
    (entry,) = task_entries(task.plan, task.ledger, task.run_id, tmp_path)
    (delivered,) = entry["deliverables"]
    assert (delivered["said"], delivered["delivered"]) == ("7 rooms", True)
    text = (tmp_path / delivered["file"]).read_text(encoding="utf-8")
    assert text.startswith("| room | shelves |\n| --- | --- |\n")
    assert "deliverable" not in str(entry["notes"])


@pytest.mark.parametrize("document", ["''", "Table(['room'], [])", "Path('nowhere.md')"])
def test_nothing_is_not_delivered(open_notebook, rich, rich_cells, document):
    begun = open_notebook(rich, *rich_cells[:2])
    begun.run("from pathlib import Path", "from runbook.query.table import Table")
    with pytest.raises(GateShut, match="delivered: Labelled shelves"):
        begun.run(f"task.deliver('Labelled shelves', '300 shelves', {document}, gate='shelves')")


def test_what_is_no_document_is_delivered_only_where_a_check_has_verified_it(open_notebook, rich, rich_cells):
    begun = open_notebook(rich, *rich_cells[:3])
    with pytest.raises(GateShut, match="delivered: Labelled shelves"):
        begun.run("task.deliver('Labelled shelves', '300 shelves', gate='shelves')")
    begun.run(*rich_cells[3:6], "task.deliver('Labelled shelves', '300 shelves', gate='shelves')")
    assert "✓ PASS  delivered: Labelled shelves" in begun.said
