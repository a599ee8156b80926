"""A function answers as it was written, whatever the order of its arguments, its types and the names in its answer."""

import psycopg
import pytest

from tests.shapes.generator import pieces, together
from tests.support.databases import Database
from tests.support.draw import Drawing

ONE = "(SELECT id FROM organizations WHERE sms_credits > 9 ORDER BY id LIMIT 1)"
LEFT = f"SELECT sms_credits - sms_used_credits FROM organizations WHERE id = {ONE}"
CALLS = {
    "function_reordered": (f"SELECT ok, balance_left, note FROM consume_credits_rpc(2, 'sms_send', {ONE}::text)", True),
    "function_composite": (
        f"SELECT done, remaining_credits, verdict FROM consume_credits_rpc({ONE}, 'sms_send', 2)",
        True,
    ),
    "function_out": (f"SELECT NULL, balance, NULL FROM consume_credits_rpc({ONE}, 'sms_send', 2) AS balance", None),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", CALLS)
def test_a_function_answers_in_its_own_form(drawing: Drawing, name: str) -> None:
    call, done = CALLS[name]
    found = []

    def look(database: Database, way: str, task: int) -> None:
        if (way, task) == ("up", 2):
            with psycopg.connect(database.owner) as owner:
                owner.execute("SET ROLE service_role")
                answer = owner.execute(call.encode()).fetchone()
                found.append((answer, (done, owner.execute(LEFT.encode()).fetchone()[0], None)))

    draw = drawing.draw(together([pieces()[name]]).sql, given={"dry_run": False}, between=look, last=2)
    assert found, draw.verdict
    assert found[0][0] == found[0][1]


@pytest.mark.slow
def test_a_refusal_in_words_is_about_whoever_asks(drawing: Drawing) -> None:
    found = []

    def ask(database: Database, way: str, task: int) -> None:
        if (way, task) == ("up", 2):
            with psycopg.connect(database.owner) as owner:
                owner.execute("SET ROLE service_role")
                whose = owner.execute(ONE.removeprefix("(").removesuffix(")").encode()).fetchone()[0]
                left = owner.execute(LEFT.encode()).fetchone()[0]
                no, yes = (
                    owner.execute(f"SELECT consume_credits_rpc({ONE}, 'sms_send', {n})".encode()).fetchone()[0]
                    for n in (1234567, 2)
                )
                found.append((no, yes, whose, left))

    draw = drawing.draw(
        together([pieces()["function_refuses_in_words"]]).sql, between=ask, last=2, given={"dry_run": False}
    )
    assert found, draw.verdict
    no, yes, whose, left = found[0]
    assert (yes["success"], yes["left"]) == (True, left - 2)
    assert no == {
        "success": False,
        "organization": str(whose),
        "left": left,
        "error": f"{left} of 1234567 credits",
    }


@pytest.mark.slow
def test_an_answer_that_nobody_can_make_is_named_before_anything_changes(drawing: Drawing) -> None:
    draw = drawing.draw(together([pieces()["function_answers_a_text"]]).sql, last=0)
    assert draw.is_blocked, draw.verdict
    told = [str(row) for task in draw.tasks for one in task.findings for row in one.rows]
    assert any("four pools cannot give its result, text" in one for one in told)
