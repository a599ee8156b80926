"""The brief and the plan: not a task, step, criterion or trigger of docs/BRIEF.md is lost or reworded."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.notebook import dry_run
from runbook.plan import cells, parameters, static_check
from runbook.plan.decisions import gate_of_check, undecided
from runbook.plan.plan import Plan

ROOT = Path(__file__).parents[2]
PLAN = Plan.load(ROOT / "runbook.toml")
TEXT = (ROOT / "docs" / "BRIEF.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^## \S+ \*\*TASK \d: .+\*\*$", TEXT, flags=re.MULTILINE)
BRIEF = dict(enumerate(part.partition("\n## ")[0] for part in SECTIONS[1:]))
CRITERIA, TRIGGERS = "Success Criteria", "Rollback Triggers"
CHECKS = {task.notebook: cells.checks(task.notebook) for task in PLAN.tasks}
BATCH = {"first", "last"}  # what a backfill says of each batch
TASKS = pytest.mark.parametrize("task", PLAN.tasks, ids=lambda task: f"task {task.number}")


def table() -> list[tuple[int, str, int, str]]:
    """The overview: number, name, minutes, risk."""
    rows = re.findall(r"^\| \*\*(\d)\*\* +\| (.+?) +\| (\d+) min +\| .+? +\| \S+ (\w+)", TEXT, re.MULTILINE)
    return [(int(number), name, int(minutes), risk.lower()) for number, name, minutes, risk in rows]


def steps(number: int) -> list[tuple[str, str, int]]:
    """The numbered steps of a task: number, name, minutes; those of Task 0 are a plain list."""
    found = re.findall(r"^#{4,5} \*\*([\d.]+): (.+)\*\* \((\d+) min\)$", BRIEF[number], re.MULTILINE)
    listed = re.findall(r"^(\d)\. \*\*(.+)\*\* \((\d+) min\)$", BRIEF[number], re.MULTILINE)
    plain = [(f"{number}.{place}", name, minutes) for place, name, minutes in listed]
    return [(one, name, int(minutes)) for one, name, minutes in found or plain]


def bullets(number: int, title: str) -> tuple[str, ...]:
    pattern = rf"^### \*\*{title}\*\*\n\n(.*?)(?=\n\n###|\n\n---|\Z)"
    section = re.search(pattern, BRIEF[number], re.DOTALL | re.MULTILINE)
    assert section, f"the brief has no {title} for task {number}"
    return tuple(re.findall(r"^- (.+)$", section[1], re.MULTILINE))


def deliverables(number: int) -> tuple[str, ...]:
    named = [re.fullmatch(r"\[ \] `(.+?)`.*", one) for one in bullets(number, "Deliverables")]
    return tuple(one[1] if one else text for one, text in zip(named, bullets(number, "Deliverables"), strict=True))


def prose(task) -> str:
    return "\n".join(cell.source for cell in cells.read_cells(task.notebook) if cell.kind == "markdown")


def test_the_plan_has_the_tasks_of_the_brief():
    assert [(task.number, task.name, task.minutes, task.risk) for task in PLAN.tasks] == table()
    total, window = (
        int(re.search(rf"\*\*{words}\*\*: (\d+)", TEXT)[1]) for words in ("Total Duration", "Total Window")
    )
    assert sum(task.minutes for task in PLAN.tasks) == total
    assert total + PLAN.buffer_minutes == window * 60


@TASKS
def test_a_task_needs_what_the_brief_says(task):
    needed = re.findall(rf"\*\*Task {task.number}\*\* requires Task (\d)", TEXT)
    assert task.needs == tuple(map(int, needed))


@TASKS
def test_a_task_has_the_steps_of_the_brief(task):
    assert [(step.number, step.name, step.minutes) for step in task.steps] == steps(task.number)


@TASKS
def test_a_task_has_the_words_of_the_brief(task):
    assert task.deliverables == deliverables(task.number)
    assert task.criteria == bullets(task.number, CRITERIA)
    assert task.triggers == bullets(task.number, TRIGGERS)


def test_the_brief_was_read_whole():
    assert [len(steps(number)) for number in BRIEF] == [3, 3, 10, 3, 3, 3]
    assert all(len(bullets(number, title)) == 4 for number in BRIEF for title in (CRITERIA, TRIGGERS))


@TASKS
def test_a_notebook_is_headed_by_its_task(task):
    assert prose(task).startswith(f"# Task {task.number} · {task.name}\n")
    assert {"Purpose", "Prerequisites", "Impact", "Rollback"} <= cells.prose(task.notebook)[""].keys()
    assert "**Operator's note**" in prose(task)


@TASKS
def test_a_notebook_takes_every_step_by_number_and_name(task):
    headings = re.findall(r"^#{2,} (\d+(?:\.\d+)*) · (.+)$", prose(task), re.MULTILINE)
    assert headings == [(step.number, step.name) for step in task.steps]


@TASKS
def test_every_step_with_cells_says_its_purpose_what_to_expect_and_what_if_not(task):
    said = cells.prose(task.notebook)
    with_cells = {cell.step for cell in cells.read_cells(task.notebook) if cell.kind == "code"} - {""}
    assert with_cells
    assert not [step for step in with_cells if not {"Purpose", "Expected", "If it fails"} <= said[step].keys()]


@TASKS
def test_a_notebook_shows_every_criterion_and_trigger(task):
    assert not [text for text in (*task.criteria, *task.triggers) if text not in prose(task)]


@TASKS
def test_every_criterion_and_trigger_is_decided_by_a_check(task):
    declared = cells.checks(task.notebook)
    assert set(task.criteria) == {check.criterion for check in declared} - {None}
    assert set(task.triggers) == {check.trigger for check in declared} - {None}


@TASKS
def test_checks_of_a_task_have_names_of_their_own(task):
    names = [check.name for check in cells.checks(task.notebook)]
    assert len(names) == len(set(names))


@TASKS
def test_a_notebook_begins_with_its_parameters_and_ends_at_its_gate(task):
    code = [cell for cell in cells.read_cells(task.notebook) if cell.kind == "code"]
    declared = parameters.declarations(code[0].source)
    assert "parameters" in code[0].tags
    assert all(one.comment for one in declared.values())
    assert declared["environment"].default == "local"
    assert f"task = runbook.begin({task.number})" in code[1].source.splitlines()
    assert code[-1].source == "task.conclude()"


@TASKS
def test_a_task_has_a_rollback(task):
    assert task.rollback.read_text(encoding="utf-8").strip()


CHECKLIST = TEXT.partition("## 🎯 **EXECUTION CHECKLIST**")[2]


def listed(title: str, pattern: str) -> list:
    """What a section of the checklist lists."""
    section = CHECKLIST.partition(f"### **{title}**")[2].partition("\n### ")[0].partition("\n---")[0]
    return re.findall(pattern, section, re.MULTILINE)


def test_the_checklist_of_the_brief_was_read_whole():
    counts = [len(listed(title, r"^- \[ \] (.+)$")) for title in ("Pre-Task Preparation", "Task Completion Validation")]
    assert counts == [5, 5]
    assert len(listed("Quality Gates", r"^\d\. ")) == 5
    assert len(listed("Inter-Task Dependencies", r"^- ")) == 5
    assert [len(listed(title, r"^- ")) for title in ("Task Status Updates", "Escalation Triggers")] == [4, 4]
    assert sum(len(deliverables(number)) for number in BRIEF) == 25


def test_the_quality_gates_are_those_of_the_brief():
    gates = [(gate.name, gate.meaning) for gate in PLAN.checklist.quality_gates]
    assert gates == listed("Quality Gates", r"^\d\. \*\*(.+?)\*\*: (.+)$")


def test_preparation_and_completion_are_those_of_the_brief():
    assert list(PLAN.checklist.preparation) == listed("Pre-Task Preparation", r"^- \[ \] (.+)$")
    boxes = listed("Task Completion Validation", r"^- \[ \] (.+)$")
    assert [box.box for box in PLAN.checklist.completion] == boxes


def test_what_a_task_requires_is_what_the_brief_says():
    said = [
        f"**Task {task.number}** requires Task {one.task} {one.words}" for task in PLAN.tasks for one in task.requires
    ]
    assert said == listed("Inter-Task Dependencies", r"^- (.+)$")


def test_announcements_have_the_forms_of_the_brief():
    forms = listed("Task Status Updates", r'^- \*\*.+?\*\*: "(.+)"$')
    filled = PLAN.checklist.message
    assert [
        filled("start", number="X", name="[Name]", duration="[Duration]"),
        filled("progress", number="X", percent="25/50/75", status="[Status]"),
        filled("complete", number="X", deliverables="[Summary of deliverables]"),
        filled("issue", number="X", description="[Description]", action="[Action plan]"),
    ] == forms


def test_escalations_are_called_as_in_the_brief():
    assert list(PLAN.checklist.escalations.values()) == listed("Escalation Triggers", r"^- (.+)$")
    assert PLAN.escalate_at == 1.5


def test_nothing_is_wrong_with_the_plan_its_notebooks_and_its_faults():
    assert static_check.flaws(PLAN) == []


@TASKS
def test_every_deliverable_and_every_quality_gate_is_decided_by_a_check(task):
    declared = cells.checks(task.notebook)
    assert set(task.deliverables) == {check.deliverable for check in declared} - {None}
    assert {gate_of_check(PLAN, check.gate) for check in declared} == set(PLAN.checklist.kinds)


PROMISES = [
    *((f"Task {task.number}: ", words) for task in PLAN.tasks for words in (*task.criteria, *task.triggers)),
    *((f"Task {task.number}: ", words) for task in PLAN.tasks for words in task.deliverables),
    *((f"Task {task.number}: ", kind) for task in PLAN.tasks for kind in PLAN.checklist.kinds[1:]),
    *(("Task 0: ", words) for words in PLAN.checklist.preparation),
]


@pytest.mark.parametrize(("task", "words"), PROMISES, ids=str)
def test_a_promise_no_check_decides_any_more_is_named(task, words, monkeypatch):
    def without(path: Path) -> list[cells.DeclaredCheck]:
        return [
            replace(one, **{sort: None for sort in cells.DECIDED if getattr(one, sort) == words})
            for one in CHECKS[path]
        ]

    monkeypatch.setattr("runbook.plan.decisions.checks", without)
    found = [said for one in PLAN.tasks for said in undecided(PLAN, one)]
    assert any(said.startswith(task) and repr(words) in said for said in found)


@TASKS
def test_what_a_cell_that_changes_the_target_reads_is_known_on_a_copy_too(task):
    """Python cells do not run there: a setting is a parameter, or an SQL cell before has made it."""
    known = {"plan", "classification", *BATCH}
    for cell in cells.read_cells(task.notebook):
        if "parameters" in cell.tags:
            known |= parameters.declarations(cell.source).keys()
        if cell.magic and cell.magic[0] == "sql":
            known |= set(dry_run.SETS.findall(cell.body))
        if cell.magic and "apply" in cell.tags:
            assert set(re.findall(r"current_setting\('runbook\.(\w+)'\)", cell.body)) <= known, cell.source


@TASKS
def test_what_only_a_run_makes_only_a_run_reads(task):
    """A preflight leaves the cells of a run out."""
    made, read = set(), set()
    for cell in cells.read_cells(task.notebook):
        if cell.kind == "code" and cell.magic is None:
            names = [node for node in ast.walk(ast.parse(cell.source)) if isinstance(node, ast.Name)]
            kept = {name.id for name in names if isinstance(name.ctx, ast.Store)}
            if "run-only" in cell.tags:
                made |= kept
            else:
                read |= {name.id for name in names} - kept
                made -= kept
    if not cells.changes_target(task.notebook):
        assert not made & read
