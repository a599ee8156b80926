"""The seeded faults: every check and every trigger has one that it must catch, and every fault has its place."""

import re
from pathlib import Path

import nbformat
import pytest

from runbook.errors import UsageError
from runbook.plan import cells, faults
from runbook.plan.decisions import gate_of_check
from runbook.plan.plan import Plan

ROOT = Path(__file__).parents[2]
PLAN = Plan.load(ROOT / "runbook.toml")
FAULTS = faults.read_faults(PLAN)
DECLARED = {task.number: cells.checks(task.notebook) for task in PLAN.tasks}
CHECKS = [(task, check.name) for task, checks in DECLARED.items() for check in dict.fromkeys(checks)]
TRIGGERS = [(task.number, trigger) for task in PLAN.tasks for trigger in task.triggers]
HEAD = "-- task: 7\n-- check: no shelf is without a label\n-- reason: a shelf has lost its label\n"


def is_named(name: str, declared: str) -> bool:
    """Whether a check that runs under `name` is the declared one, whose `…` stands for what only the cell knows."""
    return bool(re.fullmatch(".+".join(map(re.escape, declared.split(cells.VARIES))), name))


@pytest.mark.parametrize(("task", "check"), CHECKS, ids=[f"{task} {check}" for task, check in CHECKS])
def test_every_check_has_a_fault_that_it_must_catch(task, check):
    assert [fault.name for fault in FAULTS if fault.task == task and is_named(fault.check, check)]


@pytest.mark.parametrize(("task", "trigger"), TRIGGERS, ids=[f"{task} {trigger}" for task, trigger in TRIGGERS])
def test_every_trigger_has_a_fault_that_fires_it(task, trigger):
    assert [fault.name for fault in FAULTS if (fault.task, fault.trigger) == (task, trigger)]


GATES = [(task, kind) for task in PLAN.tasks for kind in PLAN.checklist.kinds]
DELIVERABLES = [(task, words) for task in PLAN.tasks for words in task.deliverables]


def caught_by(task, sort: str, words: str) -> list[str]:
    """The faults of a task that a check catches which decides these words."""
    checks = [check for check in DECLARED[task.number] if decided(check, sort) == words]
    faults_of_task = [fault for fault in FAULTS if fault.task == task.number]
    return [fault.name for fault in faults_of_task if any(is_named(fault.check, check.name) for check in checks)]


def decided(check: cells.DeclaredCheck, sort: str) -> str | None:
    words = getattr(check, sort)
    return gate_of_check(PLAN, words) if sort == "gate" else words


@pytest.mark.parametrize(("task", "kind"), GATES, ids=[f"{task.number} {kind}" for task, kind in GATES])
def test_every_quality_gate_of_every_task_has_a_fault_of_its_own(task, kind):
    assert caught_by(task, "gate", kind)


@pytest.mark.parametrize(("task", "words"), DELIVERABLES, ids=[words for _, words in DELIVERABLES])
def test_every_deliverable_has_a_fault_of_its_own(task, words):
    assert caught_by(task, "deliverable", words)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_names_what_is_there(fault):
    assert fault.name.startswith(f"{fault.task:02}_")
    checks = [check for check in DECLARED[fault.task] if is_named(fault.check, check.name)]
    assert checks
    assert fault.trigger in {check.trigger or "" for check in checks}


@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_has_its_place_behind_the_begin_and_before_the_gate(fault):
    notebook = nbformat.read(PLAN.task(fault.task).notebook, 4)
    before = [cell.source for cell in notebook.cells]
    after = [cell.source for cell in fault.seed(notebook).cells]
    (place,) = [place for place, source in enumerate(after) if source not in before]
    assert after[:place] + after[place + 1 :] == before
    (begin,) = [place for place, source in enumerate(after) if "runbook.begin(" in source]
    assert begin < place < after.index("task.conclude()")


@pytest.fixture
def seed(tmp_path, monkeypatch):
    """Seed a fault, given as text, in the toy's notebook."""

    def seed_text(text: str, name: str = "07_fault.sql"):
        folder = tmp_path / "sql" / "faults"
        folder.mkdir(parents=True)
        (folder / name).write_text(text)
        for part in ("runbook.toml", "notebooks"):
            (tmp_path / part).symlink_to(ROOT / "tests" / "toy" / part)
        plan = Plan.load(tmp_path / "runbook.toml")
        (fault,) = faults.read_faults(plan)
        return [cell.source for cell in fault.seed(nbformat.read(plan.task(7).notebook, 4)).cells]

    return seed_text


@pytest.mark.parametrize(
    ("point", "neighbour"),
    [("", "task = runbook.begin(7)"), ("-- point: before the task\n", "task = runbook.begin(7)")],
)
def test_a_fault_comes_right_after_the_begin_unless_it_says_otherwise(seed, point, neighbour):
    sources = seed(HEAD + point + "SELECT 1")
    (place,) = [place for place, source in enumerate(sources) if source.endswith("SELECT 1")]
    assert sources[place].startswith("%%sql\n-- task: 7")
    assert neighbour in sources[place - 1]


def test_a_fault_before_its_check_stands_right_before_it(seed):
    sources = seed(HEAD + "-- point: before the check\nSELECT 1")
    place = next(place for place, source in enumerate(sources) if source.endswith("SELECT 1"))
    assert "no shelf is without a label: no rows" in sources[place + 1]


def test_a_fault_after_a_step_stands_before_what_follows(seed):
    sources = seed(HEAD.replace("--", "#") + "# point: after step 7.1\nprefix = 1", "07_fault.py")
    place = next(place for place, source in enumerate(sources) if source.endswith("prefix = 1"))
    assert sources[place].startswith("# task: 7")
    assert [source.partition("\n")[0] for source in sources[place + 1 :]] == ["## Gate", "task.conclude()"]


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        (HEAD.replace("-- reason", "-- cause"), "says no 'reason'"),
        (HEAD.replace("-- check", "-- chekc"), "says no 'check'"),
        (HEAD + "-- point: at noon\n", "'at noon' is not in the notebook of task 7"),
        (HEAD + "-- point: after step 7.2\n", "'after step 7.2' is not in the notebook"),
        (HEAD.replace("a label\n", "a name\n") + "-- point: before the check\n", "no cell with 'no shelf is without"),
    ],
)
def test_a_fault_without_a_place_is_refused(seed, text, complaint):
    with pytest.raises(UsageError, match=re.escape(complaint)):
        seed(text)
