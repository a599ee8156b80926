"""The window of a run: what is left of it, when that is said, and in whose words."""

import io
import json
import threading
from dataclasses import replace
from pathlib import Path

import pytest
from rich.console import Console

from runbook.batch.announcer import Announcer
from runbook.batch.window import Window, leaves, step_of
from runbook.plan.checklist import MESSAGES
from runbook.plan.plan import Plan

TOY = Plan.load(Path(__file__).parents[1] / "toy" / "runbook.toml")


@pytest.fixture
def announcer(tmp_path, plan):
    """An announcer of the plan that writes to memory; `said()` is what it has journaled, by kind."""
    one = Announcer(plan, tmp_path / "events.jsonl", Console(file=io.StringIO()))

    def said(kind: str) -> list[str]:
        events = map(json.loads, one.journal.read_text(encoding="utf-8").splitlines())
        return [event["message"] for event in events if event["event"] == kind]

    one.said = said
    return one


def test_the_minutes_of_the_lowest_steps_add_up_to_the_task(plan):
    assert [sum(step.minutes for step in leaves(task)) for task in plan.tasks] == [task.minutes for task in plan.tasks]


def test_the_window_is_the_tasks_and_the_buffer(plan):
    assert Window(plan, plan.tasks).minutes == sum(task.minutes for task in plan.tasks) + plan.buffer_minutes
    assert Window(plan, plan.tasks[4:]).minutes == 45 + 30 + 15


def test_what_a_copy_has_shown_to_take_longer_is_believed(plan):
    window = Window(plan, plan.tasks, {"Task 2": 7200.0, "Task 3": 1.0})
    assert window.minutes == 225 + 15 + 30
    assert window.estimate_of(plan.task(2)) == "90 min (as in the dry run: 120 min)"
    assert window.estimate_of(plan.task(3)) == "30 min"


def test_what_is_left_is_the_rest_of_the_task_and_those_after_it(plan):
    window, task = Window(plan, plan.tasks), plan.task(2)
    assert window.left(task, None) == 90 + 30 + 45 + 30
    assert window.left(task, step_of(task, "2.2.2 · Verify Migration Integrity")) == 15 + 30 + 105


@pytest.mark.parametrize(
    ("elapsed", "minutes"),
    [
        (30 + 30, 15 + 15),  # on time: the step's own minutes, and the buffer
        (30 + 30 + 10, 15 + 5),
        (30 + 30 + 15, 15),
        (30 + 30 + 15.2, 15),  # kernels and clocks take a moment
        (30 + 30 + 16, 0),
    ],
)
def test_it_is_said_as_soon_as_what_is_left_no_longer_fits(plan, elapsed, minutes):
    task = plan.task(2)
    step = step_of(task, "2.2.1 · Migrate Organization Credits")
    assert Window(plan, plan.tasks).warns_in(task, step, elapsed) == pytest.approx(minutes)


@pytest.mark.parametrize(
    "heading", ["2.1 · Schema Migration", "The access matrix", "Both ways, on a copy", "Task 2 · X"]
)
def test_a_heading_above_the_steps_is_no_step(plan, heading):
    assert step_of(plan.task(2), heading) is None


def test_a_step_that_has_taken_its_minutes_is_named_once(announcer, plan):
    task = plan.task(2)
    steps = tuple(replace(step, minutes=0) if step.number == "2.1.2" else step for step in task.steps)
    rung = threading.Event()
    with announcer.task(replace(task, steps=steps)) as watch:
        say, watch.announcer.say = announcer.say, lambda *words, **facts: (say(*words, **facts), rung.set())
        rung.clear()
        watch.cell(3, 20, "2.1.2 · Create Credit Allocation Function")
        assert rung.wait(60)
        watch.cell(4, 20, "2.1.2 · Create Credit Allocation Function")
        watch.cell(5, 20, "2.1.3 · Create Indexes for Performance")
    assert announcer.said("step") == [
        "Task 2: step 2.1.2 · Create Credit Allocation Function has taken its 0 min and goes on."
    ]


def test_the_window_is_escalated_once_in_a_run(announcer, plan):
    announcer.window = Window(plan, plan.tasks)
    for number in (1, 2):
        with announcer.task(plan.task(number)) as watch:
            watch.window_over()
    (said,) = announcer.said("escalation")
    assert "estimated at 210 min, no longer fits the window of 240 min" in said


def test_a_task_beyond_its_limit_is_escalated_in_the_words_of_the_plan(announcer, plan):
    with announcer.task(plan.task(3)) as watch:
        watch.late()
    (said,) = announcer.said("escalation")
    assert said.startswith(f"ESCALATION · {plan.checklist.escalations['overtime']} · Task 3 exceeds 150 %")


def test_announcements_have_the_form_of_the_plan(tmp_path):
    journal = tmp_path / "events.jsonl"
    forms = {**MESSAGES, "start": "Now {number}: {name}, for {duration}", "complete": "Done {number}: {deliverables}"}
    toy = replace(TOY, checklist=replace(TOY.checklist, messages=forms))
    announcer = Announcer(toy, journal, Console(file=io.StringIO()))
    (task,) = toy.tasks
    with announcer.task(task) as watch:
        watch.cell(1, 2, "7.1 · Add the label")
    announcer.complete(task, {"Labelled shelves": "300 shelves", "A list": ""})
    announcer.issue(task, "It fell.", "Lift it.")
    announcer.escalate(task, "trigger", "Look.")
    said = [json.loads(line)["message"] for line in journal.read_text(encoding="utf-8").splitlines()]
    assert [words for words in said if words != "7.1 · Add the label"] == [
        "Now 7: Label the shelves, for 1 min",
        "Task 7: 25 %, 7.1 · Add the label",
        "Task 7: 50 %, 7.1 · Add the label",
        "Done 7: Labelled shelves: 300 shelves; A list",
        "Task 7: It fell. (Lift it.)",
        "ESCALATION · An alarm rang · Look.",
    ]
