"""Twins: whatever a later task checks is asked before anything is changed, or the plan says why it cannot be."""

import re

import pytest

from runbook.plan import cells

FINDING = re.compile(r'%%finding \w+: (.+)|task\.finding\("\w+", "([^"]+)"')


@pytest.fixture(scope="module")
def asked(plan):
    """The checks and findings of the tasks that change nothing."""
    quiet = [task for task in plan.tasks if not cells.changes_target(task.notebook)]
    checks = {check.name for task in quiet for check in cells.checks(task.notebook)}
    sources = [cell.source for task in quiet for cell in cells.read_cells(task.notebook)]
    return checks | {"".join(found) for source in sources for found in FINDING.findall(source)}


def changing(plan):
    return [task for task in plan.tasks if cells.changes_target(task.notebook)]


def test_every_check_after_the_first_change_has_a_twin_before_or_a_reason(plan):
    for task in changing(plan):
        checks = {check.name for check in cells.checks(task.notebook) if not check.name.startswith("delivered")}
        twins = [twin.check for twin in task.twins]
        assert sorted(twins) == sorted(checks), f"Task {task.number}"


def test_a_twin_is_asked_before_the_first_change(plan, asked):
    for task in changing(plan):
        for twin in task.twins:
            assert bool(twin.asked_by) != bool(twin.because), twin.check
            assert not set(twin.asked_by) - asked, twin.check


def test_one_question_is_asked_in_the_same_words(plan):
    """Each session makes its own views: what two tasks call by one name is one thing."""
    words = re.compile(r"TEMP VIEW (\w+) AS\n(.+?);?$", re.DOTALL)
    texts: dict[str, set[str]] = {}
    for task in plan.tasks:
        for cell in cells.read_cells(task.notebook):
            for part in cell.body.split("\n\n") if cell.magic else ():
                if found := words.search(part):
                    texts.setdefault(found[1], set()).add(found[2].strip())
    assert not [name for name, said in texts.items() if len(said) > 1]
