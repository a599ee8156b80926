"""What a plan promises and no check decides: an error before anything runs, all of it at once."""

import json
import shutil
from pathlib import Path

import pytest
from tests.support.promises import NOTEBOOK, promise_more

from runbook.errors import UsageError
from runbook.plan.cells import checks
from runbook.plan.plan import Plan
from runbook.plan.static_check import require_sound

TOY = Path(__file__).parents[1] / "toy"


@pytest.fixture
def changed(tmp_path):
    """The toy, with words replaced in its plan and its notebook."""

    def change(plan: tuple[str, str] = ("", ""), notebook: tuple[str, str] = ("", "")) -> Plan:
        root = tmp_path / "toy"
        promise_more(shutil.copytree(TOY, root))
        for name, (old, new) in (("runbook.toml", plan), (NOTEBOOK, notebook)):
            text = (root / name).read_text(encoding="utf-8")
            assert old in text
            (root / name).write_text(text.replace(old, new), encoding="utf-8")
        return Plan.load(root / "runbook.toml")

    return change


def refusal(plan: Plan) -> str:
    with pytest.raises(UsageError) as raised:
        require_sound(plan, plan.tasks)
    return str(raised.value)


def test_a_plan_whose_promises_are_all_decided_may_run(changed):
    plan = changed()
    require_sound(plan, plan.tasks)


@pytest.mark.parametrize(
    ("head", "missing"),
    [
        ("-- criterion: Every shelf has a label\\n", "decides the success criterion 'Every shelf has a label'"),
        ("-- trigger: A shelf without a label\\n", "decides the rollback trigger 'A shelf without a label'"),
        ("-- box: Ladder at hand\\n", "decides the condition of preparation 'Ladder at hand'"),
        ("-- gate: books\\n", "decides the quality gate 'books'"),
    ],
)
def test_what_no_check_decides_is_named(changed, head, missing):
    assert missing in refusal(changed(notebook=(head, "")))


def test_a_check_that_names_no_quality_gate_belongs_to_the_first(changed):
    plan = changed(notebook=(', gate=\\"shelves\\"', ""))
    require_sound(plan, plan.tasks)


def test_a_deliverable_that_nothing_delivers_is_named(changed):
    plan = changed(plan=('["Labelled shelves"]', '["Labelled shelves", "A list of rooms"]'))
    assert "decides the deliverable 'A list of rooms'" in refusal(plan)


def test_everything_is_named_at_once(changed):
    plan = changed(
        plan=('criteria = ["Every shelf has a label"]', 'criteria = ["Every shelf is blue", "It rains"]'),
        notebook=("-- box: Ladder at hand", "-- box: Ladder lent"),
    )
    said = refusal(plan)
    for part in (
        "no success criterion 'Every shelf has a label'",
        "no condition of preparation 'Ladder lent'",
        "decides the success criterion 'Every shelf is blue'",
        "decides the success criterion 'It rains'",
        "decides the condition of preparation 'Ladder at hand'",
    ):
        assert part in said
    assert len(said.splitlines()) == 6


def test_a_deliverable_is_declared_by_the_call_that_delivers_it(changed):
    declared = {check.name: check for check in checks(changed().tasks[0].notebook)}
    assert declared["delivered: Labelled shelves"].deliverable == "Labelled shelves"
    assert declared["delivered: Labelled shelves"].gate == "shelves"


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("[checklist]\n", "[checklist]\npreparations = []\n", "checklist has no entry 'preparations'"),
        ('means = "triggers"', 'means = "alarms"', r"completion\[3\]\.means must be 'deliverables'"),
        ("[checklist.messages]\n", '[checklist.messages]\nend = "bye"\n', "messages has no entry 'end'; it has start"),
        ("{duration}", "{hours}", "messages 'start' has no {hours}; it has"),
        (
            "[checklist.escalations]\n",
            '[checklist.escalations]\nrain = "wet"\n',
            "escalations has no entry 'rain'; it has overtime",
        ),
        (
            "needs = []",
            "needs = []\nrequires = [{ task = 6, words = 'dry', criteria = ['wet'] }]",
            "requires 'dry' of task 6",
        ),
    ],
)
def test_a_wrong_checklist_is_refused_by_name(changed, old, new, complaint):
    with pytest.raises(UsageError, match=complaint):
        changed(plan=(old, new))


def test_wrong_entries_of_a_checklist_are_named_at_once(changed):
    with pytest.raises(UsageError, match="completion") as raised:
        changed(plan=('means = "triggers" },\n', 'means = "alarms" },\n    { box = "x", means = "y" },\n'))
    assert [line.count("means must be") for line in str(raised.value).splitlines()] == [1, 1]


def test_a_notebook_is_looked_at_before_its_task_begins(changed):
    plan = changed()
    notebook = json.loads((plan.root / NOTEBOOK).read_text(encoding="utf-8"))
    notebook["cells"] = [cell for cell in notebook["cells"] if "%%check" not in "".join(cell["source"])]
    (plan.root / NOTEBOOK).write_text(json.dumps(notebook), encoding="utf-8")
    assert refusal(plan).count("no check of 07_label_the_shelves.ipynb decides") == 4
