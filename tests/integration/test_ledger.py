"""The ledger: made once whoever comes at the same moment, brought up to date on old targets, locked by no stranger."""

import threading

import psycopg
import pytest

from runbook.database import embedded, ledger_schema, lock, pauses
from runbook.database.ledger import Ledger
from runbook.errors import TargetHeld, TryAgain


@pytest.fixture
def library(toy, connect):
    return connect(toy)


def tables(connection: psycopg.Connection) -> set[str]:
    found = connection.execute(
        "SELECT relname::text FROM pg_class WHERE relnamespace = to_regnamespace('runbook')::oid"
    )
    return {name for (name,) in found}


def test_sessions_that_come_at_the_same_moment_make_one_ledger(toy, connect):
    sessions, failures = [connect(toy) for _ in range(6)], []

    def make(session: psycopg.Connection) -> None:
        try:
            ledger_schema.prepare(session)
        except Exception as error:
            failures.append(error)

    threads = [threading.Thread(target=make, args=[session]) for session in sessions]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
    assert ledger_schema.is_current(sessions[0])


def test_a_ledger_made_by_other_sql_is_brought_up_to_date_and_keeps_what_it_holds(library):
    ledger = Ledger(library, "toy")
    ledger.prepare()
    ledger.open_run("before", "local", "test", "", {})
    library.execute("UPDATE runbook.version SET digest = 'other'; DROP TABLE runbook.copies")
    assert ledger.exists()
    ledger.prepare()
    assert "copies" in tables(library)
    assert ledger.run_entry("before")["operator"] == "test"


def test_nobody_who_takes_advisory_locks_holds_up_the_ledger(library, toy, connect):
    stranger = connect(toy)
    stranger.execute("SELECT pg_advisory_lock(hashtext('runbook ledger'))")
    library.execute("SET statement_timeout = '10s'")
    ledger_schema.prepare(library)
    assert ledger_schema.is_current(library)


def test_a_pause_ends_where_all_tables_are_published(library, toy):
    Ledger(library, "toy").prepare()
    with psycopg.connect(embedded.url(embedded.start(toy), "toy", "postgres"), autocommit=True) as platform:
        platform.execute("CREATE PUBLICATION everything FOR ALL TABLES")
    assert pauses.begin(library, "toy", "Ada")
    assert pauses.end(library, "toy")


def test_every_table_of_the_ledger_has_a_key(library):
    Ledger(library, "toy").prepare()
    without = library.execute(
        """
        SELECT relname::text FROM pg_class
        WHERE relnamespace = 'runbook'::regnamespace AND relkind = 'r'
          AND NOT EXISTS (SELECT FROM pg_index WHERE indrelid = pg_class.oid AND indisprimary)
        """
    ).fetchall()
    assert without == []


def test_no_stranger_holds_up_a_run(library, toy):
    superuser = embedded.url(embedded.start(toy), "toy", "postgres")
    with psycopg.connect(superuser, autocommit=True) as admin:
        admin.execute("DROP ROLE IF EXISTS tenant; CREATE ROLE tenant LOGIN")
    with psycopg.connect(embedded.url(embedded.start(toy), "toy", "tenant"), autocommit=True) as tenant:
        tenant.execute("SELECT pg_advisory_lock(hashtext('runbook'), hashtext('toy'))")
        lock.take(library, "toy")
        for statement in ("BEGIN; LOCK TABLE runbook.holders", "SELECT * FROM runbook.holders FOR UPDATE"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                tenant.execute(statement)
            tenant.execute("ROLLBACK")
    assert lock.is_held(library, "toy")


def test_who_is_in_the_way_of_the_lock_is_named_in_time(library, toy, connect):
    Ledger(library, "toy").prepare()
    lock.take(library, "toy")
    lock.release(library, "toy")
    lock.take(library, "toy")
    somebody = connect(toy)
    somebody.execute("SET application_name = 'psql of Bob'")
    somebody.execute("BEGIN; SELECT * FROM runbook.holders FOR UPDATE")
    library.execute("SET lock_timeout = '100ms'")
    with pytest.raises(TryAgain, match=f"locked by psql of Bob \\(backend {somebody.info.backend_pid}\\)"):
        lock.take(library, "toy")
    somebody.execute("ROLLBACK")


def test_a_dead_sessions_lock_is_taken_over(library, toy, connect):
    dead = connect(toy)
    lock.take(dead, "toy")
    with pytest.raises(TargetHeld):
        lock.take(library, "toy")
    dead.close()
    library.execute("SELECT pg_terminate_backend(backend, 5000) FROM runbook.holders")
    lock.take(library, "toy")
