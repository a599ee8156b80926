"""The signals of a server's health by which a backfill waits or goes gently, each shown by a server that has it."""

from collections.abc import Callable, Iterator
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from runbook.database.ledger import Ledger
from runbook.database.target import Target
from runbook.notebook.backfill.throttle import Throttle
from tests.support.beside import wait_until
from tests.support.servers import Server, folder

pytestmark = pytest.mark.slow

READY = "CREATE TABLE shelves AS SELECT 1 AS shelf; CREATE VIEW slow AS SELECT FROM pg_sleep(0.05)"
FILLED = "SELECT pg_logical_emit_message(TRUE, '', 'one'); SELECT pg_switch_wal()"


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A server of its own, whose archiver has no command yet."""
    server = Server(folder(tmp_path_factory.mktemp("throttle"), "data"), "secret")
    server.initialize()
    with server.running("archive_mode=on", "autovacuum=off"):
        url = server.address(dbname="postgres")
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(READY)
        yield url


@pytest.fixture
def other(url: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def throttle(url: str) -> Iterator[Callable[..., Throttle]]:
    with Target.at(url).connect("runbook throttle") as connection:
        ledger = Ledger(connection, "toy")
        ledger.prepare()

        def with_limits(table: str = "shelves", **limits: float) -> Throttle:
            task: Any = SimpleNamespace(parameters=limits, connection=connection, ledger=ledger)
            return Throttle(task, table)

        yield with_limits


def test_wal_files_that_wait_for_the_archiver(throttle: Callable[..., Throttle], other: psycopg.Connection) -> None:
    subject = throttle(most_unarchived=1)
    for _ in range(3):
        other.execute(FILLED)
    wait_until(lambda: "WAL files wait for the archiver, at most 1 are allowed" in subject.reason())
    other.execute("ALTER SYSTEM SET archive_command = 'true'")
    other.execute("SELECT pg_reload_conf()")
    wait_until(lambda: subject.reason() == "")


def test_a_row_that_is_read_slowly(throttle: Callable[..., Throttle]) -> None:
    assert throttle("shelves", slowest_read_ms=2000.0).reason() == ""
    said = throttle("slow", slowest_read_ms=49.0).reason()
    assert said.startswith("waiting: reading one row takes")
    assert said.endswith("at most 49.0 ms are allowed")


def test_a_table_that_somebody_locks_is_read_slowly(
    throttle: Callable[..., Throttle], other: psycopg.Connection
) -> None:
    with other.transaction():
        other.execute("LOCK TABLE shelves IN ACCESS EXCLUSIVE MODE")
        assert "reading one row takes" in throttle(slowest_read_ms=100.0).reason()
    assert throttle(slowest_read_ms=2000.0).reason() == ""


def test_vacuum_on_its_table(throttle: Callable[..., Throttle], other: psycopg.Connection) -> None:
    subject = throttle()
    with other.transaction():
        other.execute("LOCK TABLE shelves IN SHARE UPDATE EXCLUSIVE MODE")  # as VACUUM has it
        wait_until(lambda: subject.reason() == "" and subject.gentle_because == "VACUUM is at work on shelves")
    wait_until(lambda: subject.reason() == "" and subject.gentle_because == "")


def test_a_checkpoint_that_was_forced(throttle: Callable[..., Throttle], other: psycopg.Connection) -> None:
    subject = throttle()
    wait_until(lambda: subject.reason() == "" and subject.gentle_because == "")
    other.execute("CHECKPOINT")
    wait_until(lambda: subject.reason() == "" and subject.gentle_because == "a checkpoint was forced")
