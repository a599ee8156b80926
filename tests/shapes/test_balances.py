"""Balances that refuse what a rollback would write there: it goes on, and names whom that concerns."""

from concurrent.futures import ThreadPoolExecutor
from uuid import UUID

import psycopg
import pytest

from runbook.plan.finding import ADAPTED
from tests.shapes.generator import pieces, together
from tests.support.databases import Database
from tests.support.draw import Drawing, Moment

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


# Each had used 200 of 1,000. What others do while it has four pools, what it consumes then, and what its old pool says
# in the end: total, used, remaining.
DEBIT = "SELECT consume_credits_rpc(id, 'ai_chat', 3) FROM organizations WHERE id = {0}"
REFUND = (
    "UPDATE organization_credits SET used_credits = used_credits - 5, remaining_credits = remaining_credits + 5"
    " WHERE organization_id = {0}"
)
AGAIN = (
    "DELETE FROM credit_actions WHERE organization_id = {0}; DELETE FROM organizations WHERE id = {0};"
    " INSERT INTO organizations (id, name, plan_name, total_credits) VALUES ({0}, 'Reborn', 'starter', 1000)"
)
MEANWHILE = {
    "nothing": (DEBIT, (1000, 203, 797)),
    "a refund": (f"{REFUND}; {DEBIT}", (1000, 198, 802)),
    "a new month": (
        "UPDATE organization_credits SET used_credits = 0, remaining_credits = total_credits"
        f" WHERE organization_id = {{0}}; {DEBIT}",
        (1000, 3, 997),
    ),
    "credits bought": (
        "UPDATE organization_credits SET total_credits = total_credits + 9, remaining_credits = remaining_credits + 9"
        f" WHERE organization_id = {{0}}; {DEBIT}",
        (1009, 203, 806),
    ),
    "nobody knows what was used": (
        f"UPDATE organization_credits SET used_credits = NULL WHERE organization_id = {{0}}; {DEBIT}",
        (1000, 3, 797),
    ),
    "no balance any more": (f"DELETE FROM organization_credits WHERE organization_id = {{0}}; {DEBIT}", (3, 3, 0)),
    "born again": (f"{AGAIN}; {DEBIT}", (1000, 3, 997)),
    "born again with a balance": (
        f"{AGAIN}; INSERT INTO organization_credits VALUES ({{0}}, 1000, 0, 1000); {DEBIT}",
        (1000, 3, 997),
    ),
}
BOOKED = {"nothing", "a refund", "a new month", "credits bought"}  # that make sense where a trigger keeps the balance
HAD = """
    ALTER TABLE organization_credits ALTER used_credits DROP NOT NULL;
    INSERT INTO organizations (id, name, plan_name, total_credits, created_at)
    SELECT lpad(number::text, 32, '0')::uuid, 'Had ' || number, 'starter', 1000, '2025-01-01'
    FROM generate_series(1, 99) AS number;
    INSERT INTO organization_credits
    SELECT id, 1000, 200, 800 FROM organizations WHERE name ~ '^Had';
    INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description, created_at)
    SELECT id, 'ai_chat', 200, 'Consumed', '2025-06-01' FROM organizations WHERE name ~ '^Had'
"""
OLD_POOLS = "SELECT organization_id, total_credits, used_credits, remaining_credits FROM organization_credits"


UNDER_WAY = UUID(int=0x99)  # refunded while a rollback folds it back
BORN = UUID(int=0x100)  # … and this one gets a balance
BIRTH = (
    f"INSERT INTO organizations (id, name, plan_name, total_credits) VALUES ({{0}}, 'Born', 'starter', 1000); {DEBIT}"
)
WAITED_FOR = "SELECT pid FROM pg_locks WHERE NOT granted AND pg_backend_pid() = ANY (pg_blocking_pids(pid))"


def write_under_way(moment: Moment) -> None:
    """Refund one and make a balance for another; commit each once the first batch of the rollback waits for it."""
    if moment.way == "down" and moment.source.startswith("%%backfill"):
        with (
            psycopg.connect(moment.database.owner) as refunding,
            psycopg.connect(moment.database.owner) as making,
            ThreadPoolExecutor(1) as pool,
        ):
            refunding.execute(REFUND.format(f"'{UNDER_WAY}'").encode())
            making.execute("INSERT INTO organization_credits VALUES (%s, 1000, 0, 1000)", [BORN])
            folding = pool.submit(moment.database.apply, "SELECT runbook.fold_back('(0,0)', '(4294967295,0)')")
            for other in (refunding, making):
                while not folding.done() and not other.execute(WAITED_FOR).fetchall():
                    pass
                other.commit()
            with pytest.raises(psycopg.errors.SerializationFailure):  # upon which a batch is done again
                folding.result()


@pytest.mark.slow
@pytest.mark.parametrize("booked", [False, True], ids=["by the function", "by a trigger"])
def test_an_old_balance_holds_what_others_did_to_it_meanwhile_and_each_debit_once(
    drawing: Drawing, booked: bool
) -> None:
    acts = {UUID(int=n): MEANWHILE[what] for n, what in enumerate(MEANWHILE, 1) if what in BOOKED or not booked}
    acts |= {UNDER_WAY: MEANWHILE["nothing"], BORN: (BIRTH, (1000, 3, 997))}
    found = {}

    def between(database: Database, way: str, task: int) -> None:
        if (way, task) == ("up", 2):
            for organization, (act, _) in acts.items():
                database.apply(act.format(f"'{organization}'"))
        if (way, task) == ("down", 2):
            with psycopg.connect(database.owner) as owner:
                found.update({row[0]: row[1:] for row in owner.execute(OLD_POOLS)})

    shape = together([pieces()["balance_booked_by_actions"]]).sql if booked else ""
    given = {"dry_run": False, "carry_over_usage": not booked}
    draw = drawing.draw(HAD, shape, given=given, between=between, watch=write_under_way, last=2)
    assert [one.stop for one in draw.back] == [None, None, None], draw.verdict
    due = {organization: due for organization, (_, due) in acts.items()} | {UNDER_WAY: MEANWHILE["a refund"][1]}
    assert {organization: found[organization] for organization in acts} == due


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


@pytest.mark.slow
def test_an_organization_with_more_credits_than_a_call_can_ask_for_is_no_sample(drawing: Drawing) -> None:
    first = "(SELECT id FROM organizations ORDER BY id LIMIT 1)"
    shape = together([pieces()["counters_beyond_integer"]])
    draw = drawing.draw(
        shape.sql.replace("name = 'Edge case: largest total'", f"id = {first}"),
        given={"dry_run": False},
    )
    assert draw.is_complete, draw.verdict
