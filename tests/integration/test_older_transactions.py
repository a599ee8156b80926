"""Older transactions: what builds on a change waits for whoever began before it, never without end."""

import time
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psycopg
import pytest

from runbook.errors import TryAgain
from runbook.query import older_transactions
from tests.integration.conftest import Notebook

Connect = Callable[[Path], psycopg.Connection]


def test_a_transaction_that_is_open_is_named_at_the_bound(begun: Notebook, toy: Path, connect: Connect) -> None:
    other = connect(toy)
    other.execute("SET application_name = 'a report'; BEGIN; SELECT FROM shelves")
    with pytest.raises(TryAgain, match=f"process {other.info.backend_pid}, .*a report, idle in transaction"):
        older_transactions.wait(begun.task.connection, 0)


def test_a_prepared_transaction_counts(begun: Notebook) -> None:
    begun.task.connection.execute(
        "CREATE TEMP VIEW pg_prepared_xacts AS"
        " SELECT 'a transfer' AS gid, 'guardian' AS owner, current_database() AS database"
    )
    with pytest.raises(TryAgain, match="the prepared transaction 'a transfer' of guardian"):
        older_transactions.wait(begun.task.connection, 0)


def test_one_that_begins_later_is_not_waited_for(
    begun: Notebook, toy: Path, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    older, younger = connect(toy), connect(toy)
    older.execute("BEGIN; SELECT FROM shelves")

    def meanwhile(_: float) -> None:
        younger.execute("BEGIN; SELECT FROM shelves")
        older.execute("COMMIT")

    monkeypatch.setattr(older_transactions, "time", SimpleNamespace(sleep=meanwhile, monotonic=time.monotonic))
    older_transactions.wait(begun.task.connection, 60)
    assert younger.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS


def test_no_batch_begins_before_they_have_ended(begun: Notebook, toy: Path, connect: Connect) -> None:
    connect(toy).execute("BEGIN; SELECT FROM shelves")
    begun.task.parameters["longest_wait_s"] = 0
    with pytest.raises(TryAgain, match="Nothing was changed"):
        begun.run(
            "%%backfill shelves\n"
            "UPDATE shelves SET room = room || '!' WHERE ctid >= current_setting('runbook.first')::tid\n"
            "AND ctid < current_setting('runbook.last')::tid AND room NOT LIKE '%!'"
        )
    assert begun.rows("SELECT count(*) FROM shelves WHERE room LIKE '%!'") == [(0,)]
