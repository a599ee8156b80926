"""What comes of a call is told from what a customer does at the same time."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psycopg
import pytest

from runbook.plan import cells
from runbook.plan.plan import Plan
from tests.support.baseline import baseline
from tests.support.beside import wait_until

STATUS = 1
MADE_OF = ("consumption_forms AS", "pg_temp.books")
CHECK = "each action type is debited, to the credit and with its audit rows"
BUSIEST = "SELECT organization_id FROM organization_credits ORDER BY remaining_credits DESC LIMIT 1"


@contextmanager
def customer(url: str, organization: str) -> Iterator[None]:
    """Debit one organization again and again, from another session."""
    stop, called = threading.Event(), threading.Event()

    def call() -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("SELECT consume_credits_rpc(%s, 'ai_chat', 1)", [organization])
                called.set()
                connection.execute("SELECT pg_sleep(0.01)")

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


def test_a_call_is_judged_by_what_it_did_itself(plan: Plan, url: str) -> None:
    found = cells.read_cells(plan.task(STATUS).notebook)
    (check,) = (one.body for one in found if one.magic and one.magic[1].startswith(CHECK))
    with psycopg.connect(url) as owner:
        row = owner.execute(BUSIEST).fetchone()
        assert row is not None
        owner.execute("SELECT set_config('runbook.sample', %s, false)", [str(row[0])])
        for one in found:
            if any(text in one.body for text in MADE_OF):
                owner.execute(one.body.encode())
        owner.commit()
        with customer(url, row[0]):
            for _ in range(20):
                tried = owner.execute(check.encode()).fetchall()
                owner.rollback()
                assert [one[-1] for one in tried] == [True] * 4, tried
