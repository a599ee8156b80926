"""Balances that refuse what a rollback would write there: it goes on, and names whom that concerns."""

import psycopg
import pytest

from runbook.plan.finding import ADAPTED
from tests.shapes.generator import pieces, together
from tests.support.databases import Database
from tests.support.draw import Drawing

CALLS = """
    SET ROLE service_role;
    SELECT consume_credits_rpc(id, 'ai_chat', 400), consume_credits_rpc(id, 'whatsapp_message', 300),
        consume_credits_rpc(id, 'email_send', 300)
    FROM organizations WHERE id = (
        SELECT organization_id FROM organization_credits JOIN organizations AS o ON o.id = organization_id
        WHERE plan_name = 'starter' AND o.total_credits = 1000 AND used_credits > 0 ORDER BY 1 LIMIT 1
    );
    SELECT consume_credits_rpc(id, 'ai_chat', 7) FROM organizations WHERE name = 'Edge case: inactive';
    RESET ROLE;
    INSERT INTO organizations (name, plan_name, total_credits) VALUES ('Born', 'starter', 1000)
"""
BALANCES = """
    SELECT name, c.total_credits, used_credits - COALESCE(logged, 0), remaining_credits
    FROM organizations AS o
    LEFT JOIN organization_credits AS c ON c.organization_id = o.id
    LEFT JOIN (
        SELECT organization_id, SUM(credits_consumed) AS logged FROM credit_actions GROUP BY organization_id
    ) AS actions ON actions.organization_id = o.id
    WHERE name IN ('Born', 'Edge case: inactive') OR logged > c.total_credits
    ORDER BY name ~ '^(Born|Edge)', name
"""


@pytest.mark.slow
def test_debt_that_a_balance_refuses_and_a_balance_that_cannot_be_made_do_not_stop_a_rollback(
    drawing: Drawing,
) -> None:
    shape = together(pieces()[name] for name in ("columns_balance_in_bounds", "columns_balance_of_a_period"))
    found = []

    def between(database: Database, way: str, task: int) -> None:
        if (way, task) == ("up", 2):
            database.apply(CALLS)
        if (way, task) == ("down", 2):
            with psycopg.connect(database.owner) as owner:
                found.extend(owner.execute(BALANCES).fetchall())

    draw = drawing.draw(shape.sql, given={"dry_run": False}, between=between, last=2)
    assert [one.stop for one in draw.back] == [None, None, None], draw.verdict
    indebted, born, other = found
    assert (indebted[1], indebted[3]) == (1000, 0)
    assert indebted[2] < 0, "it consumed more than it had"
    assert born == ("Born", None, None, None)
    assert other[2] == 0, "every call is counted where the balance allows it"
    adapted = {row[0] for task in draw.tasks for one in task.findings if one.kind == ADAPTED for row in one.rows}
    assert {"constraint owes nothing", "organization_credits.period_start"} <= adapted


GIVEN_BACK = """
    SELECT consume_credits_rpc(organization_id, 'ai_chat', 3) FROM organization_credits WHERE used_credits > 20;
    UPDATE organization_credits SET used_credits = used_credits - 5, remaining_credits = remaining_credits + 5
    WHERE used_credits > 20
"""
KEPT = """
    SELECT used_credits + remaining_credits = total_credits, used_credits - logged, count(*)
    FROM organization_credits
    JOIN (
        SELECT organization_id, SUM(credits_consumed) AS logged FROM credit_actions GROUP BY organization_id
    ) AS actions USING (organization_id)
    WHERE used_credits <> logged GROUP BY 1, 2
"""


@pytest.mark.slow
def test_credits_that_were_given_back_on_the_old_balance_meanwhile_stay_given(drawing: Drawing) -> None:
    found = []

    def between(database: Database, way: str, task: int) -> None:
        if (way, task) == ("up", 2):
            database.apply(GIVEN_BACK)
        if (way, task) == ("down", 2):
            with psycopg.connect(database.owner) as owner:
                found.extend(owner.execute(KEPT).fetchall())

    draw = drawing.draw("", given={"dry_run": False}, between=between, last=2)
    assert [one.stop for one in draw.back] == [None, None, None], draw.verdict
    assert [(is_right, more) for is_right, more, _ in found] == [(True, -5)]


# Of an organization whose old pool nothing has changed since
LEFT = """
    CREATE TABLE runbook.folded_back (
        organization_id UUID PRIMARY KEY, used NUMERIC NOT NULL, since NUMERIC NOT NULL, due NUMERIC NOT NULL,
        total NUMERIC, had_pool BOOLEAN NOT NULL, is_born BOOLEAN NOT NULL
    );
    INSERT INTO runbook.folded_back
    SELECT id, 77, 77, 77, 1000, true, false FROM organizations WHERE name = 'Edge case: inactive'
"""
USED = "SELECT SUM(used_credits), COUNT(*) FROM organization_credits"
TOLD = "SELECT value FROM runbook.notes WHERE name = 'credits folded back'"


@pytest.mark.slow
def test_what_a_killed_rollback_left_is_not_taken_for_what_a_later_one_found(drawing: Drawing) -> None:
    found = []

    def between(database: Database, way: str, task: int) -> None:
        if (way, task) == ("up", 2):
            database.apply(LEFT)
        if (way, task) in (("up", 1), ("down", 2)):
            with psycopg.connect(database.owner) as owner:
                found.append((owner.execute(USED).fetchone(), owner.execute(TOLD).fetchall()))

    draw = drawing.draw("", given={"dry_run": False}, between=between, last=2)
    assert [one.stop for one in draw.back] == [None, None, None], draw.verdict
    (before, _), (after, told) = found
    assert after == before
    ((value,),) = told
    assert (value["credits"], value["of_them_used"]) == (0, 0)
    assert before is not None
    assert value["organizations"] >= before[1]


WRITES = {
    "a debit of what remains": ("remaining_credits = remaining_credits - 1", True),
    "a debit by the book": ("used_credits = used_credits + 1, remaining_credits = remaining_credits - 1", True),
    "credits bought": ("total_credits = total_credits + 5, remaining_credits = remaining_credits + 5", False),
    "a smaller plan": ("total_credits = total_credits - 1, remaining_credits = remaining_credits - 1", False),
    "a new month": ("used_credits = 0, remaining_credits = total_credits", False),
}
USUAL = "total_credits < 100000 AND remaining_credits > 0 AND used_credits > 0"


@pytest.mark.slow
def test_an_old_balance_refuses_a_debit_of_either_column_and_nothing_else(drawing: Drawing) -> None:
    refused = {}

    def between(database: Database, way: str, task: int) -> None:
        if (way, task) != ("up", 2):
            return
        with psycopg.connect(database.owner) as owner:
            for what, (change, _) in WRITES.items():
                try:
                    owner.execute(f"UPDATE organization_credits SET {change} WHERE {USUAL}".encode())
                    refused[what] = False
                except psycopg.errors.ObjectNotInPrerequisiteState:
                    refused[what] = True
                owner.rollback()

    draw = drawing.draw(given={"dry_run": False}, between=between, last=2)
    assert draw.is_complete, draw.verdict
    assert refused == {what: expected for what, (_, expected) in WRITES.items()}
