"""The brief and the plan: not a task, step, criterion or trigger of docs/BRIEF.md is lost or reworded."""

import re
from pathlib import Path

import pytest

from runbook.plan import cells, parameters
from runbook.plan.plan import Plan

ROOT = Path(__file__).parents[2]
PLAN = Plan.read(ROOT / "runbook.toml")
TEXT = (ROOT / "docs" / "BRIEF.md").read_text(encoding="utf-8")
SECTIONS = re.split(r"^## \S+ \*\*TASK \d: .+\*\*$", TEXT, flags=re.MULTILINE)
BRIEF = dict(enumerate(part.partition("\n## ")[0] for part in SECTIONS[1:]))
CRITERIA, TRIGGERS = "Success Criteria", "Rollback Triggers"
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
def test_a_task_has_a_way_back(task):
    assert task.rollback.read_text(encoding="utf-8").strip()
