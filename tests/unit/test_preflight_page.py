"""What a preflight says on a terminal and as a page."""

import io

import pytest
from rich.console import Console
from tests.support.project import ROOT

from runbook.batch.preflight import Preflight
from runbook.plan.finding import UNACCEPTED, Finding
from runbook.plan.plan import Plan
from runbook.policy.approval_required import ADVICE
from runbook.report import preflight_page

ROWS = [("ada", 16, "insert what is missing")]


@pytest.fixture(scope="module")
def plan():
    return Plan.load(ROOT / "runbook.toml")


@pytest.fixture
def found():
    finding = Finding(UNACCEPTED, 1, "the books agree", "found 1 row", ("name", "used", "what_to_do"), tuple(ROWS), 1)
    lacking = f"This content is not approved: nobody has approved it. {ADVICE} `runbook approve --environment staging`."
    return Preflight("staging", [finding], unauthorized=lacking).summary()


def on_a_terminal(plan, found) -> str:
    console = Console(file=io.StringIO(), width=200)
    preflight_page.show(plan, found, console)
    return console.file.getvalue()


@pytest.mark.parametrize("say", [on_a_terminal, lambda plan, found: preflight_page.as_html(plan, found, {})])
def test_one_command_comes_next_and_accepts_what_must_be(plan, found, say):
    said = say(plan, found)
    assert said.count("runbook approve") == 1
    assert "--accept" in said
    assert "nobody has approved it." in said


def test_the_values_of_a_row_stand_under_their_names(plan, found):
    lines = [line.strip() for line in on_a_terminal(plan, found).splitlines()]
    assert lines[lines.index("name · used") + 1] == "ada · 16 · → insert what is missing"
