"""What comes of a call is told from what a customer does at the same time."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import LiteralString

import psycopg
import pytest

from runbook.plan import cells
from runbook.plan.plan import Plan
from tests.support.baseline import baseline
from tests.support.beside import wait_until

STATUS = 1
MADE_OF = ("VIEW key_type AS", "consumption_forms AS", "pg_temp.books")
CHECK = "each action type is debited, to the credit and with its audit rows"
# A call reaches its row late: others debit the organization between the look before it and the call.
LATE = """
    CREATE FUNCTION thought_over() RETURNS TRIGGER LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM pg_sleep(0.01);
        RETURN NULL;
    END $$;
    CREATE TRIGGER thought_over BEFORE UPDATE ON organization_credits
    FOR EACH STATEMENT EXECUTE FUNCTION thought_over();
"""
BUSIEST = "SELECT organization_id FROM organization_credits ORDER BY remaining_credits DESC LIMIT 1"


@contextmanager
def customer(url: str, organization: str, pause: float) -> Iterator[None]:
    """Debit one organization again and again, from another session."""
    stop, called = threading.Event(), threading.Event()

    def call() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("SELECT consume_credits_rpc(%s, 'ai_chat', 1)", [organization])
                called.set()
                connection.execute("SELECT pg_sleep(%s)", [pause])

    thread = threading.Thread(target=call)
    thread.start()
    try:
        wait_until(called.is_set)
        yield
    finally:
        stop.set()
        thread.join()


@pytest.fixture
def url(plan: Plan) -> Iterator[str]:
    """The baseline of a few organizations."""
    with baseline(plan, "tried_calls", 50) as url:
        yield url


@pytest.mark.parametrize(
    ("customers", "pause", "made", "times"),
    [(1, 0.01, "", 20), (3, 0.0, LATE, 1)],
    ids=["with_pauses", "without_a_pause"],
)
def test_a_call_is_judged_by_what_it_did_itself(
    plan: Plan, url: str, customers: int, pause: float, made: LiteralString, times: int
) -> None:
    found = cells.read_cells(plan.task(STATUS).notebook)
    (check,) = (one.body for one in found if one.magic and one.magic[1].startswith(CHECK))
    with psycopg.connect(url) as owner:
        row = owner.execute(BUSIEST).fetchone()
        assert row is not None
        owner.execute("SELECT set_config('runbook.sample', %s, false)", [str(row[0])])
        for one in found:
            if any(text in one.body for text in MADE_OF):
                owner.execute(one.body.encode())
        owner.execute(made)
        owner.commit()
        with ExitStack() as stack:
            for _ in range(customers):
                stack.enter_context(customer(url, row[0], pause))
            for _ in range(times):
                tried = owner.execute(check.encode()).fetchall()
                owner.rollback()
                assert [one[-1] for one in tried] == [True] * 4, tried
