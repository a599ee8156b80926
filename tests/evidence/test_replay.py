"""Live verification: an untouched target holds, each kind of drift is named, and nothing can be changed by it."""

import nbformat
import psycopg
import pytest

from runbook.evidence import attachments, replay
from runbook.evidence.drift import Drift
from runbook.evidence.manifest import read_manifest
from runbook.evidence.verify import _schema
from runbook.query.send import Persona
from runbook.query.session_record import SessionRecord
from tests.support.toy import NAME

CHECK = "check “no shelf is without a label”: expected no rows, found 1 row; the run had found no rows"


@pytest.fixture
def target(finished):
    with finished.connect() as connection:
        yield connection


@pytest.fixture
def session(target):
    record = SessionRecord([(1, "least", "5"), (3, "least", "500")], [(2, "ada", Persona("", (("app.who", "ada"),)))])
    return replay.ReplaySession(target, record)


def test_an_untouched_target_holds(finished, verify):
    said = verify(finished.folder, live=True)
    assert said.code == 0, said.lines
    assert said.lines[-1] == "✓ on 'local', read-only: 4 checks and 2 tables hold; the schema is as the run left it"
    assert said.lines[-2].startswith("– not run again: 1 Python cell; Python looks at files")


def test_a_run_looks_again_at_its_own_end(finished):
    held = read_manifest(finished.folder)["held"]
    assert (held["checks"], held["tables"], held["drifts"]) == (4, 2, [])


@pytest.mark.parametrize(
    ("drift", "mend", "words"),
    [
        ("UPDATE shelves SET label = NULL WHERE shelf = 7", "UPDATE shelves SET label = 'S7' WHERE shelf = 7", CHECK),
        (
            "UPDATE shelves SET room = 'room 9' WHERE shelf = 7",
            "UPDATE shelves SET room = 'room 0' WHERE shelf = 7",
            "the table is another: first “| room 0 | 41 |”, was “| room 0 | 42 |”",
        ),
        (
            "ALTER TABLE shelves RENAME COLUMN label TO sign",
            "ALTER TABLE shelves RENAME COLUMN sign TO label",
            "found error 42703: column \"label\" does not exist",
        ),
        (
            "ALTER TABLE shelves ALTER COLUMN room TYPE varchar(20)",
            "ALTER TABLE shelves ALTER COLUMN room TYPE text",
            "the schema is not the one the run left, at: CREATE TABLE public.shelves (",
        ),
        (
            "CREATE INDEX by_room ON shelves (room)",
            "DROP INDEX by_room",
            "the schema is not the one the run left, at: CREATE INDEX by_room ON public.shelves",
        ),
        (
            "GRANT SELECT ON shelves TO PUBLIC",
            "REVOKE SELECT ON shelves FROM PUBLIC",
            "the schema is not the one the run left, at: GRANT SELECT ON TABLE public.shelves TO PUBLIC;",
        ),
        (
            "ALTER TABLE shelves ENABLE ROW LEVEL SECURITY",
            "ALTER TABLE shelves DISABLE ROW LEVEL SECURITY",
            "at: ALTER TABLE public.shelves ENABLE ROW LEVEL SECURITY;",
        ),
        (
            "ALTER TABLE shelves RENAME TO racks",
            "ALTER TABLE racks RENAME TO shelves",
            'found error 42P01: relation "shelves" does not exist',
        ),
    ],
    ids=["value", "table", "column renamed", "column altered", "index", "grant", "row security", "dropped"],
)  # fmt: skip
def test_each_kind_of_drift_is_named(finished, verify, target, drift, mend, words):
    target.execute(drift)
    try:
        said = verify(finished.folder, live=True)
    finally:
        target.execute(mend)
    assert said.code == 1
    assert words in "\n".join(said.problems)


def test_the_session_has_what_each_cell_had(session):
    session.go_to(2)
    assert session.send("SELECT current_setting('runbook.least')", None, 2).tables[0][0][0] == "5"
    assert session.send("SELECT 1", "ada", 2).message == "nobody was named 'ada'"
    session.go_to(4)
    assert session.send("SELECT current_setting('runbook.least')", None, 4).tables[0][0][0] == "500"
    assert session.send("SELECT current_setting('app.who')", "ada", 4).tables[0][0][0] == "ada"


@pytest.mark.parametrize(
    "text",
    [
        "DELETE FROM shelves",
        "COMMIT; DELETE FROM shelves",
        "ROLLBACK; BEGIN; DELETE FROM shelves; COMMIT",
        "CREATE TABLE other (x integer)",
        "CREATE TEMP TABLE other AS SELECT 1",
        "DO $$ BEGIN DELETE FROM shelves; END $$",
        "SELECT nextval('counter')",
    ],
)
def test_nothing_can_be_written(session, target, text):
    answer = session.send(text, None, 1)
    assert (type(answer).__name__, answer.sqlstate) in {("Refused", "25006"), ("Refused", "42P01")}
    assert target.execute("SELECT count(*) FROM shelves").fetchone() == (300,)


def test_only_what_is_temporary_is_made(session, target):
    rest = session.make_temporary(
        "SELECT 1; CREATE TEMP VIEW seen AS SELECT 1 AS x;\n-- also\nCREATE TABLE unseen (x integer);"
        "DROP TABLE IF EXISTS pg_temp.kept; CREATE TEMP TABLE kept AS SELECT 2 AS x;"
    )
    assert session.send("SELECT seen.x + kept.x FROM seen, kept", None, 1).tables[0][0][0] == 3
    assert "unseen" in rest
    assert "pg_temp" not in rest
    assert target.execute("SELECT to_regclass('unseen')").fetchone() == (None,)
    assert session.send("DELETE FROM shelves", None, 1).sqlstate == "25006"


@pytest.mark.parametrize("query", ["SELECT 1 / 0 AS x", "SELECT nextval('counter') AS x"])
def test_a_temporary_table_that_cannot_be_filled_is_not_there(session, query):
    session.make_temporary(f"CREATE TEMP TABLE kept AS {query}")
    assert session.send("SELECT FROM kept", None, 1).sqlstate == "42P01"


def test_what_looks_like_one_statement_and_is_two_is_not_made(session, target):
    session.make_temporary("CREATE TEMP VIEW kept AS SELECT 1 AS declare; DELETE FROM shelves")
    assert target.execute("SELECT count(*) FROM shelves").fetchone() == (300,)


def test_an_altered_notebook_is_not_run(copy, verify):
    notebook = nbformat.read(copy / NAME, 4)
    notebook.cells[6].source += " "
    nbformat.write(notebook, copy / NAME)
    said = verify(copy, live=True)
    assert said.code == 1
    assert said.problems[-1] == "nothing was run on the target: the notebooks are not those of the run"


def test_what_no_longer_holds_at_the_end_of_a_run_is_left_out(finished, copy, verify):
    manifest = read_manifest(copy)
    drift = Drift(7, 6, "superseded")
    with finished.connect() as target:
        target.execute("UPDATE shelves SET label = NULL WHERE shelf = 7")
        try:
            environment = finished.plan.environment("local")
            whole = replay.replay_cells(finished.plan, environment, copy, manifest)
            without = replay.replay_cells(finished.plan, environment, copy, manifest, {(drift.task, drift.cell)})
        finally:
            target.execute("UPDATE shelves SET label = 'S7' WHERE shelf = 7")
    assert [(one.task, one.cell) for one in whole.drifts] == [(7, 6)]
    assert (without.drifts, without.checks) == ([], whole.checks)


@pytest.mark.parametrize(
    ("change", "mend", "moved", "words"),
    [
        (
            "UPDATE shelves SET room = 'room 9' WHERE shelf = 7",
            "UPDATE shelves SET room = 'room 0' WHERE shelf = 7",
            1,
            ["the table is another"],
        ),
        (
            "ALTER TABLE shelves RENAME COLUMN room TO place",
            "ALTER TABLE shelves RENAME COLUMN place TO room",
            0,
            ["the table cannot be read any more: 42703"] * 2,
        ),
    ],
)
def test_a_table_that_may_vary_must_still_be_readable(finished, change, mend, moved, words):
    manifest = read_manifest(finished.folder)
    with finished.connect() as target:
        target.execute(change)
        try:
            outcome = replay.replay_cells(finished.plan, finished.plan.environment("local"), finished.folder, manifest)
        finally:
            target.execute(mend)
    assert outcome.moved == moved
    tables = [drift.words for drift in outcome.drifts if "table" in drift.words]
    assert len(tables) == len(words)
    assert all(word in one for one, word in zip(tables, words, strict=True))


def test_a_lost_connection_is_no_drift(session):
    session.connection.execute("SELECT set_config('lock_timeout', '0', false)")
    with pytest.raises(Exception, match="The connection to the target failed"):
        session.send("SELECT pg_terminate_backend(pg_backend_pid())", None, 1)


def test_a_difference_of_the_schema_is_told_with_its_statement(finished, copy):
    path = copy / attachments.SCHEMA
    path.write_text(path.read_text("utf-8").replace("room text", "room integer"), "utf-8")
    environment = finished.plan.environment("local")
    lines = list(_schema(finished.plan, environment, copy, read_manifest(copy)))
    assert lines[0].endswith("at: CREATE TABLE public.shelves (")
    assert [line.strip() for line in lines[1:]] == ["-     room integer NOT NULL,", "+     room text NOT NULL,"]


def test_psycopg_reports_a_read_only_target(target):
    with pytest.raises(psycopg.errors.ReadOnlySqlTransaction):
        replay.ReplaySession(target, SessionRecord()).connection.execute("DELETE FROM shelves")
