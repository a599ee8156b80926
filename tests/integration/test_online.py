"""Online: a change waits briefly for its locks, nobody queues behind it, and what was cut off is taken up again."""

import threading
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import psycopg
import pytest

from runbook.database import embedded, pauses
from runbook.errors import GateShut, StepFailed, TryAgain, UsageError
from runbook.notebook.backfill import backfill
from runbook.notebook.backfill.throttle import Throttle
from runbook.query import lock_retry
from tests.support.beside import PATIENCE, in_background, wait_until

ADD_COLUMN = "%%sql --retry\nALTER TABLE shelves ADD COLUMN colour text"
COLUMN = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'shelves' AND column_name = 'colour'"
LABEL = """%%backfill shelves
WITH labelled AS (
    UPDATE shelves SET label = 'L' || shelf
    WHERE ctid >= current_setting('runbook.first')::tid
      AND ctid < current_setting('runbook.last')::tid
      AND label IS NULL
    RETURNING shelf
)
INSERT INTO journal SELECT shelf FROM labelled"""
COUNTED = (
    LABEL.replace("RETURNING shelf", "RETURNING shelf, label")
    + """ RETURNING shelf)
SELECT
    count(*) AS rows, count(*) AS labels_due, count(*) FILTER (WHERE label = 'L' || shelf) AS labels,
    (SELECT count(*) FROM logged) AS entries, count(*) AS entries_due
FROM labelled"""
).replace(")\nINSERT", "), logged AS (INSERT")
# Each takes 3 ms before its first row
SLOW_TO_BEGIN = """, begun AS (INSERT INTO batches SELECT clock_timestamp() FROM pg_sleep(0.003))
INSERT INTO journal"""
# Who took part: one row per batch
HANDS = LABEL.replace(
    "INSERT INTO journal SELECT shelf FROM labelled",
    """, done AS (
    INSERT INTO hands SELECT DISTINCT current_setting('application_name') FROM labelled
)
SELECT count(*) AS rows, max(pg_sleep(0.005)::text) IS NULL AS slept FROM labelled""",
)
SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event = 'PgSleep'"
CRITERION = "Every shelf has a label"
LEFT_OUT = "SELECT count(*) FROM shelves WHERE label IS NULL"
DONE_ONCE = "SELECT count(*) = count(DISTINCT shelf), count(*) = (SELECT count(*) FROM shelves) FROM journal"
KEEPS_A_LOG = """
    CREATE TABLE public.tags (tag text);
    CREATE FUNCTION public.keep_tag() RETURNS event_trigger LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN INSERT INTO public.tags VALUES (TG_TAG); END $$;
    CREATE EVENT TRIGGER keep_log ON ddl_command_start EXECUTE FUNCTION public.keep_tag();
"""
UNIQUE = "%%concurrently\nCREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS One_Shelf_Per_Room ON shelves (room);"
INDEX = "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('one_shelf_per_room')"


class Traffic:
    """Reads and writes a table without a pause, and counts."""

    def __init__(self, connection: psycopg.Connection) -> None:
        self.connection, self.calls, self.stopped = connection, 0, threading.Event()
        connection.execute(f"SET statement_timeout = '{PATIENCE}s'")

    def __call__(self) -> None:
        while not self.stopped.is_set():
            self.connection.execute("SELECT count(*) FROM shelves")
            self.connection.execute("UPDATE shelves SET room = room WHERE shelf = 7")
            self.calls += 1

    def goes_on(self) -> None:
        """Wait until a call that begins after this moment has ended."""
        seen = self.calls
        wait_until(lambda: self.calls > seen + 1)


@pytest.fixture
def idle_reader(toy, connect):
    """A transaction somebody left open after reading the table."""
    connection = connect(toy)
    connection.execute("BEGIN; SELECT FROM shelves")
    return connection


@pytest.fixture
def pause(monkeypatch):
    """Replace the pause between two attempts."""

    def with_(action: Callable[[float], None]) -> None:
        monkeypatch.setattr(lock_retry, "time", SimpleNamespace(sleep=action))

    return with_


@pytest.fixture
def journalled(begun):
    """The toy with more shelves, in many heap blocks, and a journal of what the backfill did."""
    begun.run(
        "%%sql\nINSERT INTO shelves SELECT n, repeat('room ', 20) || n FROM generate_series(301, 3000) AS n",
        "%%sql\nALTER TABLE shelves ADD COLUMN label text",
        "%%sql\nCREATE TABLE journal (shelf integer)",
    )
    return begun


def blocked_worker(connection: psycopg.Connection) -> int | None:
    row = connection.execute(
        "SELECT pid FROM pg_stat_activity WHERE application_name LIKE 'runbook % worker %' AND wait_event_type = 'Lock'"
    ).fetchone()
    return row[0] if row else None


def test_a_change_waits_in_short_attempts_while_others_go_on(begun, toy, connect, idle_reader, pause):
    attempts, traffic = [], Traffic(connect(toy))

    def between_attempts(seconds: float) -> None:
        attempts.append(seconds)
        traffic.goes_on()  # nobody is left queued behind the attempt, though its lock is still held
        assert idle_reader.info.transaction_status == psycopg.pq.TransactionStatus.INTRANS
        if len(attempts) == 3:
            idle_reader.execute("COMMIT")

    pause(between_attempts)
    with in_background(traffic):
        try:
            begun.run(ADD_COLUMN)
        finally:
            traffic.stopped.set()
    assert attempts == [0.2, 0.4, 0.8]
    assert begun.said.count("The lock is held by others: trying again") == 3
    assert begun.rows(COLUMN) == [(1,)]


def test_a_session_waits_half_a_second_for_a_lock(begun):
    assert begun.run("task.value('SHOW lock_timeout')") == "500ms"


def test_a_change_gives_up_in_one_sentence_and_has_changed_nothing(begun, idle_reader, pause, monkeypatch):
    monkeypatch.setattr(lock_retry, "ATTEMPTS", 2)
    pause(lambda seconds: None)
    who = f"process {idle_reader.info.backend_pid}, .*idle in transaction"
    with pytest.raises(TryAgain, match=rf"could not be had in 2 attempts.*nothing was changed. Open now: .*{who}"):
        begun.run(ADD_COLUMN)
    assert begun.rows(COLUMN) == [(0,)]


def test_a_backfill_that_gives_up_a_batch_names_whose_transactions_are_open(begun, toy, connect, monkeypatch):
    monkeypatch.setattr(lock_retry, "ATTEMPTS", 2)
    holder = connect(toy)
    holder.execute("BEGIN; SELECT FROM shelves WHERE shelf = 7 FOR UPDATE")
    with pytest.raises(TryAgain, match=f"met a lock.*Open now: .*process {holder.info.backend_pid}, "):
        begun.run(
            "%%backfill shelves\n"
            "UPDATE shelves SET room = room || '!' WHERE ctid >= current_setting('runbook.first')::tid\n"
            "AND ctid < current_setting('runbook.last')::tid AND room NOT LIKE '%!'"
        )


def test_without_retry_a_lock_that_is_held_is_an_error(begun, idle_reader):
    with pytest.raises(StepFailed, match="55P03"):
        begun.run(ADD_COLUMN.replace(" --retry", ""))


def test_another_error_is_not_tried_again(begun, pause):
    pause(lambda seconds: pytest.fail("tried again"))
    with pytest.raises(StepFailed, match="42P01"):
        begun.run(ADD_COLUMN.replace("shelves", "nowhere"))


def test_an_index_left_invalid_is_built_anew(begun, toy, connect):
    with pytest.raises(psycopg.errors.UniqueViolation):
        connect(toy).execute(UNIQUE.partition("\n")[2])
    assert begun.rows(INDEX) == [(False,)]
    begun.run("%%sql\nDELETE FROM shelves WHERE shelf > 7")
    assert [row[1] for row in begun.run(UNIQUE)] == ["built"]
    assert begun.rows(INDEX) == [(True,)]
    assert [row[1] for row in begun.run(UNIQUE)] == ["stood already"]


def test_an_index_that_cannot_be_built_leaves_nothing_behind(begun):
    with pytest.raises(StepFailed, match="23505"):
        begun.run(UNIQUE)
    assert begun.rows(INDEX) == []
    assert begun.run("task.value('SHOW lock_timeout')") == "500ms"


def test_indexes_are_dropped_without_stopping_anybody(begun):
    begun.run("%%concurrently\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_room ON shelves (room)")
    drop = "%%concurrently\nDROP INDEX CONCURRENTLY IF EXISTS by_room"
    assert [[row[1] for row in begun.run(drop)] for _ in range(2)] == [["dropped"], ["was not there"]]


def test_an_index_is_dropped_where_an_event_trigger_keeps_a_log(begun):
    begun.run("%%concurrently\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_room ON shelves (room)")
    (name,) = begun.rows("SELECT current_database()")[0]
    server = embedded.start(begun.run("task.plan.root"))
    with psycopg.connect(embedded.url(server, name, "postgres"), autocommit=True) as admin:
        admin.execute(KEEPS_A_LOG.encode())
    found = begun.run("%%concurrently\nDROP INDEX CONCURRENTLY IF EXISTS by_room")
    assert [row[1] for row in found] == ["dropped"]


def test_what_a_later_task_decided_about_an_index_stands(begun):
    build = "%%concurrently --until 7\nCREATE INDEX CONCURRENTLY IF NOT EXISTS by_room ON shelves (room)"
    states = {word: [row[1] for row in begun.run(build) or []] for word in ("running",)}
    drop = "%%concurrently\nDROP INDEX CONCURRENTLY IF EXISTS by_room"
    for word in ("complete", "rolled back"):
        begun.run(drop, f"task.ledger.finish_task(task.run_id, 7, {word!r})")
        states[word] = [row[1] for row in begun.run(build) or []]
    assert states == {"running": ["built"], "complete": [], "rolled back": ["built"]}


@pytest.mark.parametrize(("task", "complaint"), [("four", "number of a task"), ("9", "no task 9")])
def test_an_index_waits_for_a_task_of_the_plan(begun, task, complaint):
    with pytest.raises(UsageError, match=complaint):
        begun.run(f"%%concurrently --until {task}\nDROP INDEX CONCURRENTLY IF EXISTS by_room")


@pytest.mark.parametrize(
    "statement", ["CREATE INDEX by_room ON shelves (room)", "DROP TABLE shelves", "DROP INDEX by_room"]
)
def test_only_what_stops_nobody_is_taken(begun, statement):
    with pytest.raises(UsageError, match="CONCURRENTLY"):
        begun.run(f"%%concurrently\n{statement}")


def test_a_backfill_does_every_row_once(journalled):
    journalled.run(LABEL)
    assert journalled.rows(LEFT_OUT) == [(0,)]
    assert journalled.rows(DONE_ONCE) == [(True, True)]
    assert journalled.run("task.read('backfill shelves')['rows']") == 3000


def test_a_backfill_run_again_does_nothing(journalled):
    journalled.run(LABEL, LABEL)
    assert journalled.rows(DONE_ONCE) == [(True, True)]


def test_a_killed_backfill_has_done_whole_batches_and_is_taken_up_again(journalled, toy, connect):
    other, blocker = connect(toy), connect(toy)
    blocker.execute("BEGIN; SELECT FROM shelves WHERE shelf = 1500 FOR UPDATE")

    def kill() -> None:
        worker = wait_until(lambda: blocked_worker(other))
        other.execute("SELECT pg_terminate_backend(%s, 10000)", [worker])

    with in_background(kill), pytest.raises(StepFailed, match="connection"):
        journalled.run(LABEL)
    assert journalled.rows("SELECT count(*) FROM journal") == journalled.rows(
        "SELECT count(*) FROM shelves WHERE label IS NOT NULL"
    )
    assert journalled.rows(LEFT_OUT) != [(0,)]
    blocker.execute("ROLLBACK")
    journalled.run(LABEL)
    assert journalled.rows(LEFT_OUT) == [(0,)]
    assert journalled.rows(DONE_ONCE) == [(True, True)]


def test_a_batch_that_waits_for_a_row_soon_lets_go_of_the_others(journalled, toy, connect):
    other, blocker, customer = connect(toy), connect(toy), connect(toy)
    blocker.execute("BEGIN; SELECT FROM shelves WHERE shelf = 1500 FOR UPDATE")
    customer.execute("SET lock_timeout = '4s'")

    def call() -> None:
        try:
            wait_until(lambda: blocked_worker(other))
            customer.execute("UPDATE shelves SET room = room WHERE shelf BETWEEN 1480 AND 1499")
        finally:
            blocker.execute("ROLLBACK")

    with in_background(call):
        journalled.run(LABEL)
    assert journalled.rows(DONE_ONCE) == [(True, True)]


def test_rows_that_are_added_and_moved_meanwhile_are_done_too(journalled, toy, connect):
    other, writer = connect(toy), connect(toy)
    writer.execute("BEGIN; UPDATE shelves SET room = repeat('moved ', 20) WHERE shelf BETWEEN 1500 AND 1600")

    def write() -> None:
        wait_until(lambda: blocked_worker(other))
        writer.execute("INSERT INTO shelves SELECT n, 'added' FROM generate_series(3001, 4000) AS n; COMMIT")

    with in_background(write):
        journalled.run(LABEL)
    assert journalled.rows(LEFT_OUT) == [(0,)]
    assert journalled.rows(DONE_ONCE) == [(True, True)]
    assert journalled.rows("SELECT count(*) FROM shelves WHERE room LIKE 'moved%' OR room = 'added'") == [(1101,)]


@pytest.mark.parametrize("setting", ["runbook.first", "runbook.last"])
def test_a_backfill_that_is_not_bound_to_its_batch_is_refused(journalled, setting):
    with pytest.raises(UsageError, match=f"current_setting\\('{setting}'\\)"):
        journalled.run(LABEL.replace(f"current_setting('{setting}')::tid", "'(0,0)'::tid"))
    assert journalled.rows("SELECT count(*) FROM journal") == [(0,)]


def test_a_backfill_that_does_the_same_rows_for_ever_is_stopped(journalled, monkeypatch):
    monkeypatch.setattr(backfill, "MOST_PASSES", 2)
    with pytest.raises(StepFailed, match="must leave out the rows it has done"):
        journalled.run(LABEL.replace("AND label IS NULL", ""))


@pytest.mark.parametrize(
    ("name", "value", "complaint"),
    [
        ("workers", 0, "workers must be 1 or more"),
        ("batch_ms", 0, "batch_ms must be 1 or more"),
        ("batch_blocks", 0, "batch_blocks must be 1 or more"),
        ("gentle_ms", -1, "gentle_ms must be 0 or more"),
        ("rest", -0.5, "rest must be 0 or more"),
    ],
)
def test_a_backfill_without_workers_or_blocks_is_refused(journalled, name, value, complaint):
    journalled.task.parameters[name] = value
    with pytest.raises(UsageError, match=complaint):
        journalled.run(LABEL)


def test_a_batch_that_loses_something_is_rolled_back_and_ends_the_backfill(journalled):
    journalled.task.parameters.update(workers=1, batch_blocks=1)
    journalled.run(
        "%%sql\nCREATE FUNCTION lose() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
        "IF NEW.shelf = 1500 THEN NEW.label := 'lost'; END IF; RETURN NEW; END $$; "
        "CREATE TRIGGER lose BEFORE UPDATE ON shelves FOR EACH ROW EXECUTE FUNCTION lose()"
    )
    with pytest.raises(StepFailed, match=r"labels would be \d+, due are \d+: that batch is rolled back"):
        journalled.run(COUNTED)
    assert journalled.rows("SELECT count(*) FROM shelves WHERE shelf = 1500 AND label IS NULL") == [(1,)]
    assert journalled.rows("SELECT max(shelf) < 1500, max(shelf) > 300 FROM shelves WHERE label IS NOT NULL") == [
        (True, True)
    ]
    assert journalled.rows("SELECT count(*) FROM shelves WHERE label IS NOT NULL") == journalled.rows(
        "SELECT count(*) FROM journal"
    )


def test_what_the_batches_return_adds_up(journalled):
    journalled.run(COUNTED)
    found = journalled.run("task.read('backfill shelves')")
    assert (found["rows"], found["labels"], found["labels_due"]) == (3000, 3000, 3000)
    assert found["history"][-1]["labels"] == 3000


def test_a_named_backfill_decides_a_check(journalled):
    named = COUNTED.replace("shelves\n", f"shelves: every label is given\n-- criterion: {CRITERION}\n", 1)
    journalled.run(named)
    wrong = named.replace("AS labels,", "- 1 AS labels,")
    journalled.run("%%sql\nUPDATE shelves SET label = NULL")
    with pytest.raises(GateShut, match=r"every label is given.*expected = as due, found in the batch from"):
        journalled.run(wrong)
    checks = "SELECT name, passed FROM runbook.checks WHERE name = 'every label is given'"
    assert journalled.rows(checks) == [("every label is given", False)]


@pytest.mark.parametrize("select", ["1 AS labels", "1 AS rows, 1 AS x_due", "1 AS rows FROM labelled"])
def test_a_batch_that_returns_something_else_is_refused_and_undone(journalled, select):
    with pytest.raises(UsageError, match="returns one row"):
        journalled.run(COUNTED.partition("\nSELECT\n")[0] + f" SELECT {select}")
    assert journalled.rows(LEFT_OUT) == [(3000,)]


def test_a_batch_that_returns_a_figure_of_the_backfill_is_refused_and_undone(journalled):
    with pytest.raises(UsageError, match="named like one of its figures: rested"):
        journalled.run(COUNTED.replace("AS labels,", "AS labels, 0 AS rested,"))
    assert journalled.rows(LEFT_OUT) == [(3000,)]


@pytest.fixture
def progress(monkeypatch):
    """The words the progress line showed so far."""
    words, shown = [], backfill.show_progress
    monkeypatch.setattr(backfill, "show_progress", lambda *given: (words.append(given[-1]), shown(*given))[1])
    return words


def test_a_backfill_waits_while_it_is_paused_and_then_goes_on(journalled, toy, connect, progress):
    other, plan = connect(toy), journalled.task.plan.name
    assert pauses.begin(other, plan, "night shift")
    assert not pauses.begin(other, plan, "day shift")

    def let_go() -> None:
        wait_until(lambda: any("paused by night shift" in words for words in progress))
        assert other.execute(LEFT_OUT).fetchone() == (3000,)
        assert pauses.end(other, plan)

    with in_background(let_go):
        journalled.run(LABEL)
    assert journalled.rows(DONE_ONCE) == [(True, True)]
    assert journalled.run("task.read('backfill shelves')['waited']") > 0
    assert not pauses.end(other, plan)


def test_a_backfill_waits_while_others_keep_the_server_busy(journalled, toy, connect, progress):
    journalled.task.parameters["most_active"] = 1
    busy, other = [connect(toy), connect(toy)], connect(toy)

    def let_go() -> None:
        wait_until(lambda: any("2 sessions are at work, at most 1 are allowed" in words for words in progress))
        assert other.execute(LEFT_OUT).fetchone() == (3000,)
        for connection in busy:
            connection.cancel()

    def sleep(connection: psycopg.Connection) -> None:
        with pytest.raises(psycopg.errors.QueryCanceled):
            connection.execute(f"SELECT pg_sleep({PATIENCE})")

    with in_background(lambda: sleep(busy[0])), in_background(lambda: sleep(busy[1])), in_background(let_go):
        wait_until(lambda: other.execute(SLEEPING).fetchone() == (2,))
        journalled.run(LABEL)
    assert journalled.rows(DONE_ONCE) == [(True, True)]


@pytest.fixture
def two_hands(journalled):
    """Two workers whose batches take one block and 5 ms, and a table that says whose each batch was."""
    journalled.task.parameters.update(workers=2, batch_blocks=1)
    journalled.run("%%sql\nCREATE TABLE hands (worker text)")
    journalled.run("%%sql\nALTER TABLE shelves SET (autovacuum_enabled = off)")  # it would be one of the others
    return journalled


def hands(notebook: Any) -> int:
    return notebook.rows("SELECT count(DISTINCT worker) FROM hands")[0][0]


@pytest.mark.parametrize(("gentle_ms", "workers"), [pytest.param(20, 1, marks=pytest.mark.slow), (0, 2)])
def test_while_others_are_at_work_one_worker_goes_alone_and_rests(
    two_hands, toy, connect, progress, gentle_ms, workers
):
    two_hands.task.parameters.update(gentle_ms=gentle_ms, rest=0.2)
    traffic = Traffic(connect(toy))
    with in_background(traffic):
        try:
            traffic.goes_on()
            two_hands.run(HANDS)
        finally:
            traffic.stopped.set()
    assert two_hands.rows(LEFT_OUT) == [(0,)]
    assert hands(two_hands) == workers
    assert (two_hands.run("task.read('backfill shelves')['rested']") > 0) == (workers == 1)
    assert any("gently" in words for words in progress) == (workers == 1)


def test_batches_that_cost_much_by_themselves_are_few_while_others_are_at_work(journalled, toy, connect):
    journalled.task.parameters.update(workers=1, gentle_ms=0.5, rest=0.1)
    journalled.run("%%sql\nCREATE TABLE batches (at timestamptz)")
    traffic = Traffic(connect(toy))
    with in_background(traffic):
        try:
            traffic.goes_on()
            journalled.run(LABEL.replace("INSERT INTO journal", SLOW_TO_BEGIN))
        finally:
            traffic.stopped.set()
    assert journalled.rows(DONE_ONCE) == [(True, True)]
    ((batches,),) = journalled.rows("SELECT count(*) FROM batches")
    assert batches < 1000, "a third of the rows"


def test_workers_connect_without_sessions_beside_which_would_pass_for_others_at_work(journalled, monkeypatch):
    monkeypatch.setattr(embedded, "provide", lambda *_: pytest.fail("a session of nobody's name"))
    journalled.run(LABEL)
    assert journalled.rows(DONE_ONCE) == [(True, True)]


def test_a_batch_may_be_a_part_of_a_block(journalled):
    journalled.task.parameters.update(workers=1, gentle_ms=0.001)  # others are taken to be there until one has looked
    journalled.run(
        "%%sql\nCREATE TABLE firsts (first text)",
        "%%sql\nANALYZE shelves",
        LABEL.replace(
            "INSERT INTO journal SELECT shelf FROM labelled",
            ", noted AS (INSERT INTO firsts SELECT current_setting('runbook.first') FROM labelled)"
            "INSERT INTO journal SELECT shelf FROM labelled",
        ),
    )
    assert journalled.rows("SELECT count(*) > 0 FROM firsts WHERE first NOT LIKE '%,0)'") == [(True,)]
    assert journalled.rows(DONE_ONCE) == [(True, True)]


def test_a_backfill_goes_over_a_table_nobody_has_analyzed(journalled):
    journalled.run(
        "%%sql\nCREATE TABLE fresh WITH (autovacuum_enabled = off) AS SELECT shelf, room, label FROM shelves",
        LABEL.replace("shelves", "fresh"),
    )
    assert journalled.rows("SELECT reltuples FROM pg_class WHERE relname = 'fresh'") == [(-1,)]
    assert journalled.rows("SELECT count(*) FROM fresh WHERE label IS NULL") == [(0,)]


@pytest.mark.parametrize(
    ("added", "complaint"),
    [("; SELECT 1", "42601: cannot insert multiple commands"), (" WHERE", "42601.*at line 8: INSERT")],
)
def test_what_is_not_one_statement_is_refused_before_the_first_batch(journalled, added, complaint):
    with pytest.raises(StepFailed, match=complaint):
        journalled.run(LABEL + added)
    assert journalled.rows(LEFT_OUT) == [(3000,)]


def test_where_nobody_else_is_at_work_all_workers_go_and_none_rests(two_hands, monkeypatch):
    # A database that another test makes or drops forces a checkpoint
    monkeypatch.setattr("runbook.notebook.backfill.throttle.CALM", 0.0)
    throttle = Throttle(two_hands.task, "shelves")
    wait_until(lambda: not throttle.reason() and not throttle.gentle_because)
    two_hands.run(HANDS)
    assert hands(two_hands) == 2
    figures = two_hands.run("task.read('backfill shelves')")
    assert figures["rested"] == 0, figures["slowed"]


def test_a_session_that_may_not_be_seen_counts_as_at_work(journalled, toy, connect):
    throttle, task, other = Throttle(journalled.task, "shelves"), journalled.task, connect(toy)
    wait_until(lambda: not throttle.reason() and not throttle.gentle_because)
    task.connection.execute("SET ROLE pg_database_owner")  # which sees its own sessions only
    try:
        throttle.reason()
    finally:
        task.connection.execute("RESET ROLE")
    assert other.info.user == task.connection.info.user
    assert throttle.gentle_because == "others are at work"


def test_a_backfill_waits_while_a_standby_lags(journalled, progress):
    # There is no standby here: a view stands in for it until the backfill has been seen waiting.
    journalled.task.parameters["most_lag_mb"] = 5
    journalled.run("%%sql\nCREATE TEMP TABLE lag AS SELECT '0/0'::pg_lsn AS replay_lsn")
    journalled.run("%%sql\nCREATE TEMP VIEW pg_stat_replication AS SELECT replay_lsn FROM lag")
    catch_up = "UPDATE lag SET replay_lsn = pg_current_wal_lsn()"

    def let_go() -> None:
        wait_until(lambda: any("a standby is" in words and "at most 5 MB" in words for words in progress))
        assert journalled.rows(LEFT_OUT) == [(3000,)]
        journalled.task.connection.execute(catch_up)

    with in_background(let_go):
        journalled.run(LABEL)
    assert journalled.rows(DONE_ONCE) == [(True, True)]


def test_an_error_in_a_batch_is_the_steps_error(journalled):
    with pytest.raises(StepFailed, match="22012"):
        journalled.run(LABEL.replace("'L' || shelf", "(1 / (shelf - 2000))::text"))
    assert journalled.rows("SELECT count(*) FROM shelves WHERE shelf = 2000 AND label IS NULL") == [(1,)]
