"""Documents: the generated ones are in step with the notebooks, the others whole and true to them."""

import json
import re
import shutil
from pathlib import Path

import pytest

from runbook.plan import cells, generated_docs
from runbook.plan.plan import Plan

ROOT = Path(__file__).parents[2]
DELIVERABLES = Plan.load(ROOT / "runbook.toml").task(0).deliverables
MASTER = "PHASE_3.5_MASTER_PLAN.md"
WRITTEN = [name for name in DELIVERABLES if name not in {generated_docs.BREAKDOWN, generated_docs.SCRIPTS}]


@pytest.fixture
def draft(tmp_path: Path) -> Plan:
    """The plan of a copy of the project, to be changed; its documents are in step."""
    shutil.copy(ROOT / "runbook.toml", tmp_path)
    for folder in ("notebooks", "sql", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    plan = Plan.load(tmp_path / "runbook.toml")
    generated_docs.write_documents(plan)
    return plan


def rewrite(plan: Plan, name: str, old: str, new: str) -> None:
    """Replace text in a document of the draft."""
    path = plan.root / generated_docs.FOLDER / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")


def change_cell(plan: Plan, number: int, magic: str, line: str) -> None:
    """Add a line to the first cell of a task's notebook that begins with `magic`."""
    path = plan.task(number).notebook
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = next(cell for cell in notebook["cells"] if "".join(cell["source"]).startswith(magic))
    cell["source"] = ["".join(cell["source"]) + "\n" + line]
    path.write_text(json.dumps(notebook), encoding="utf-8")


def state(plan: Plan, name: str, *sections: str) -> str:
    return generated_docs.review(plan, {name: sections})[name]


def test_the_generated_documents_are_in_step(plan: Plan) -> None:
    assert generated_docs.stale_documents(plan) == [], "run `runbook docs` and commit what it writes"


@pytest.mark.parametrize("name", DELIVERABLES)
def test_every_deliverable_of_task_0_is_complete(plan: Plan, name: str) -> None:
    assert state(plan, name) == generated_docs.COMPLETE


def test_generating_is_deterministic(plan: Plan) -> None:
    assert generated_docs.generate(plan) == generated_docs.generate(Plan.load(plan.root / "runbook.toml"))


def test_writing_twice_changes_nothing(draft: Plan) -> None:
    assert generated_docs.stale_documents(draft) == []
    assert generated_docs.write_documents(draft) == []


@pytest.mark.parametrize("magic", ["%%sql", "%%check", "%%backfill", "%%concurrently"])
def test_a_changed_sql_cell_makes_the_scripts_stale(draft: Plan, magic: str) -> None:
    change_cell(draft, 2, magic, "-- changed")
    assert [path.name for path in generated_docs.stale_documents(draft)] == [generated_docs.SCRIPTS]
    assert [path.name for path in generated_docs.write_documents(draft)] == [generated_docs.SCRIPTS]
    assert generated_docs.stale_documents(draft) == []


def test_changed_prose_makes_the_breakdown_stale(draft: Plan) -> None:
    change_cell(draft, 2, "## 2.3 ·", "**Purpose** Another one.")
    assert [path.name for path in generated_docs.stale_documents(draft)] == [generated_docs.BREAKDOWN]


def test_a_task_is_for_what_its_head_says_whatever_stands_before_its_first_step(plan: Plan) -> None:
    for task in plan.tasks:
        head = " ".join(cells.read_cells(task.notebook)[0].source.split())
        assert f"**Purpose** {cells.prose(task.notebook)['']['Purpose']}" in head


def test_a_changed_rollback_script_makes_the_scripts_stale(draft: Plan) -> None:
    draft.task(2).rollback.write_text("SELECT 1;\n", encoding="utf-8")
    assert [path.name for path in generated_docs.stale_documents(draft)] == [generated_docs.SCRIPTS]


def test_an_edited_or_missing_document_is_stale(draft: Plan) -> None:
    rewrite(draft, generated_docs.BREAKDOWN, "225 minutes", "25 minutes")
    (draft.root / generated_docs.FOLDER / generated_docs.SCRIPTS).unlink()
    assert {path.name for path in generated_docs.stale_documents(draft)} == {
        generated_docs.BREAKDOWN,
        generated_docs.SCRIPTS,
    }


def test_every_sql_cell_and_every_rollback_script_is_in_the_scripts(plan: Plan) -> None:
    text = (plan.root / generated_docs.FOLDER / generated_docs.SCRIPTS).read_text(encoding="utf-8")
    for task in plan.tasks:
        assert task.rollback.read_text(encoding="utf-8").strip() in text
        for cell in cells.read_cells(task.notebook):
            assert cell.magic is None or cell.body in text


def test_the_breakdown_says_what_every_step_is_for_and_what_decides_the_gate(plan: Plan) -> None:
    text = (plan.root / generated_docs.FOLDER / generated_docs.BREAKDOWN).read_text(encoding="utf-8")
    for task in plan.tasks:
        for step in task.steps:
            assert f"#### {step.number} · {step.name} ({step.minutes} min)" in text
        for words in (words for said in cells.prose(task.notebook).values() for words in said.values()):
            assert words in text
        for decided in (*task.criteria, *task.triggers):
            assert f"| {decided} |" in text


@pytest.mark.parametrize(
    ("old", "new", "found"),
    [
        ("## Objective", "## Aim", "lacks the section Objective"),
        ("“three figures are on record”", "“four figures”", "cites a check that no notebook has: four figures"),
        ("The window is four hours.", "TODO", "something is still open: TODO"),
    ],
)
def test_a_document_is_reviewed(draft: Plan, old: str, new: str, found: str) -> None:
    rewrite(draft, MASTER, old, new)
    assert state(draft, MASTER, "Objective", "Scope") == found


def test_a_heading_alone_is_no_section(draft: Plan) -> None:
    path = draft.root / generated_docs.FOLDER / MASTER
    path.write_text("# Plan\n\n## Objective\n\n## Scope\n\nAll of it.\n", encoding="utf-8")
    assert state(draft, MASTER, "Scope") == generated_docs.COMPLETE
    assert state(draft, MASTER, "Objective") == "lacks the section Objective"


def test_a_missing_and_an_empty_document_are_told_apart(draft: Plan) -> None:
    path = draft.root / generated_docs.FOLDER / MASTER
    path.write_text(" \n", encoding="utf-8")
    assert state(draft, MASTER) == "empty"
    path.unlink()
    assert state(draft, MASTER) == "missing"


@pytest.mark.parametrize("name", WRITTEN)
def test_links_between_documents_lead_somewhere(name: str) -> None:
    path = ROOT / generated_docs.FOLDER / name
    for target in re.findall(r"\]\(([^)#]+)\)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_timeline_of_the_master_plan_is_that_of_the_plan(plan: Plan) -> None:
    text = (plan.root / generated_docs.FOLDER / MASTER).read_text(encoding="utf-8")
    begin = 0
    for task in plan.tasks:
        end = begin + task.minutes
        assert f"| {task.number} · {task.name} | {begin} | {end} | {task.minutes} | {task.risk} |" in text
        begin = end
    assert f"| Buffer | {begin} | {begin + plan.buffer_minutes} | {plan.buffer_minutes} | |" in text


def test_the_checklist_names_every_check_that_executes_it(plan: Plan) -> None:
    text = (plan.root / generated_docs.FOLDER / "MIGRATION_SAFETY_CHECKLIST.md").read_text(encoding="utf-8")
    executed = [check.name for check in cells.checks(plan.task(0).notebook) if check.step == "0.2"]
    assert executed
    for name in executed:
        assert f"“{name}”" in text
