"""What comes of a call is told from what customers do at the same time."""

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
def customers(url: str, organization: str) -> Iterator[None]:
    """Debit one organization without a pause, from sessions of their own."""
    stop, calls = threading.Event(), [0, 0]

    def call(number: int) -> None:
        with psycopg.connect(url, autocommit=True) as connection:
            while not stop.is_set():
                connection.execute("SELECT consume_credits_rpc(%s, 'ai_chat', 1)", [organization])
                calls[number] += 1

    threads = [threading.Thread(target=call, args=(number,)) for number in range(len(calls))]
    for thread in threads:
        thread.start()
    try:
        wait_until(lambda: all(calls))
        yield
    finally:
        stop.set()
        for thread in threads:
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
        with customers(url, row[0]):
            for _ in range(5):
                tried = owner.execute(check.encode()).fetchall()
                owner.rollback()
                assert [one[-1] for one in tried] == [True] * 4, tried
