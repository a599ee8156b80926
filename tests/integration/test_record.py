"""The record: what a task makes, changes and drops is written down where it is done, and nothing of others is."""

import pytest

from runbook.changes import objects, record
from runbook.errors import StepFailed
from runbook.query import concurrent_indexes

ADD = "%%sql\nALTER TABLE shelves ADD COLUMN colour text NOT NULL DEFAULT 'red'"
INDEX = "%%concurrently\nCREATE INDEX CONCURRENTLY IF NOT EXISTS shelves_by_room ON shelves (room)"


def kept(notebook, *kinds: str) -> dict[str, tuple[str | None, str | None]]:
    """The record of the task by name, without what merely comes along."""
    found = record.recorded(notebook.task.ledger.connection, "toy", (7,))
    return {one.name: (one.before, one.after) for one in found if one.kind in kinds}


def test_what_a_cell_makes_is_recorded_with_its_definition(begun):
    begun.run(
        ADD, "%%sql\nCREATE VIEW painted AS SELECT colour FROM shelves; CREATE FUNCTION hue() RETURNS int RETURN 1"
    )
    assert kept(begun, "column", "view", "function").keys() == {
        "column public.shelves.colour",
        "view public.painted",
        "function public.hue()",
    }
    assert kept(begun, "column")["column public.shelves.colour"] == (None, "text DEFAULT 'red'::text NOT NULL")
    (column,) = (one for one in record.recorded(begun.task.ledger.connection, "toy") if one.kind == "column")
    assert (
        column.address
        == begun.rows("SELECT 1259, attrelid::bigint, attnum FROM pg_attribute WHERE attname = 'colour'")[0]
    )


def test_what_stood_before_is_recorded_with_both_definitions_and_leaves_when_it_is_given_back(begun):
    begun.run(
        "%%sql\nALTER TABLE shelves ALTER room SET DEFAULT 'hall', SET (fillfactor = 70);"
        "REVOKE DELETE ON shelves FROM librarian"
    )
    right = "privilege DELETE on table public.shelves to librarian by librarian"
    assert kept(begun, "column", "option", "privilege") == {
        "column public.shelves.room": ("text NOT NULL", "text DEFAULT 'hall'::text NOT NULL"),
        "option fillfactor of table public.shelves": (None, "fillfactor=70"),
        right: ("", None),
    }
    begun.run(
        "%%sql\nALTER TABLE shelves ALTER room DROP DEFAULT, RESET (fillfactor);GRANT DELETE ON shelves TO librarian"
    )
    assert kept(begun, "column", "option", "privilege") == {}


def test_what_stood_before_is_not_made_by_giving_it_another_name_or_place(begun, toy, connect):
    connect(toy).execute("CREATE FUNCTION hall() RETURNS int RETURN 1; CREATE VIEW rooms AS SELECT room FROM shelves")
    connect(toy).execute("GRANT SELECT ON rooms TO PUBLIC")
    begun.run(
        "%%sql\nALTER FUNCTION hall() SET SCHEMA runbook; CREATE FUNCTION hall() RETURNS int RETURN 2;"
        "CREATE OR REPLACE VIEW rooms AS SELECT room || '' AS room FROM shelves"
    )
    found = kept(begun, "function", "view", "privilege")
    assert found.keys() >= {"function runbook.hall()", "function public.hall()", "view public.rooms"}
    assert found["function runbook.hall()"][0] == "as function public.hall()"
    assert not [name for name, (_, after) in found.items() if name.startswith("privilege") and after is None]
    begun.run(
        "%%sql\nDROP FUNCTION hall(); ALTER FUNCTION runbook.hall() SET SCHEMA public;"
        "CREATE OR REPLACE VIEW rooms AS SELECT room FROM shelves"
    )
    assert kept(begun, "function", "view", "privilege") == {}


def test_what_is_made_and_dropped_again_leaves_no_record(begun):
    begun.run(ADD, "%%sql\nALTER TABLE shelves DROP COLUMN colour")
    assert record.recorded(begun.task.ledger.connection, "toy") == []


def test_what_a_later_task_dropped_stays_on_record_for_its_rollback(begun):
    connection = begun.task.ledger.connection
    begun.run("%%sql\nCREATE INDEX by_room ON shelves (room)")
    before = objects.find_objects(connection)
    with connection.transaction():
        connection.execute("DROP INDEX by_room")
        record.record_transaction(connection, "toy", 8, before)
    begun.run("%%sql\nCREATE TABLE kept (x int)")  # the earlier task is run again
    assert "index public.by_room" in {one.name for one in record.recorded(connection, "toy", (7,))}


@pytest.mark.parametrize(
    "cell",
    [
        "DO $$ BEGIN CREATE TABLE kept (x int); EXCEPTION WHEN OTHERS THEN NULL; END $$",  # in a savepoint
        "BEGIN; CREATE TABLE kept (x int); COMMIT",
        "-- it's done in one; nothing else\nCREATE TABLE kept (x int); -- CREATE TABLE gone (x int)",
        "SELECT 1 AS x INTO kept",
        "SELECT keep()",
    ],
)
def test_however_a_cell_makes_it(begun, cell, toy, connect):
    connect(toy).execute(
        "CREATE FUNCTION keep() RETURNS void LANGUAGE plpgsql AS $$ BEGIN CREATE TABLE kept (x int); END $$"
    )
    begun.run(f"%%sql\n{cell}")
    assert list(kept(begun, "table")) == ["table public.kept"]


def test_what_fails_or_is_rolled_back_is_not_recorded(begun):
    with pytest.raises(StepFailed):
        begun.run("%%sql\nCREATE TABLE lost (x int); SELECT 1/0")
    begun.run("%%sql --probe\nCREATE TABLE lost (x int)")
    assert record.recorded(begun.task.ledger.connection, "toy") == []


def test_what_stood_already_or_others_make_meanwhile_is_not_recorded(begun, toy, connect):
    connect(toy).execute("CREATE TABLE theirs (x int); CREATE TABLE taken (x int)")
    other = connect(toy)
    other.autocommit = False
    other.execute("CREATE TABLE under_way (x int)")
    begun.run("%%sql\nCREATE TABLE IF NOT EXISTS taken (x int); CREATE TABLE ours (x int)")
    other.commit()
    assert list(kept(begun, "table")) == ["table public.ours"]


def test_what_cannot_run_in_a_transaction_runs_alone(begun):
    begun.run("%%sql\nVACUUM shelves", "%%sql\nCREATE INDEX CONCURRENTLY shelves_by_label ON shelves (room, shelf)")
    assert list(kept(begun, "index")) == ["index public.shelves_by_label"]


def test_an_index_is_recorded_before_it_is_built(begun, toy, connect):
    begun.run(INDEX)
    assert list(kept(begun, "index")) == ["index public.shelves_by_room"]
    with pytest.raises(StepFailed, match="duplicated"):
        begun.run(INDEX.replace("shelves_by_room", "shelves_once").replace("CREATE INDEX", "CREATE UNIQUE INDEX"))
    assert list(kept(begun, "index")) == ["index public.shelves_by_room"]  # nothing was left of it


def test_whoever_is_killed_while_an_index_is_built_leaves_it_on_record(begun, monkeypatch):
    monkeypatch.setattr(concurrent_indexes, "carry_out", lambda connection, _: connection.close())
    begun.run(INDEX)
    (index,) = record.recorded(begun.task.ledger.connection, "toy")
    assert (index.name, index.address) == ("index public.shelves_by_room", record.NOWHERE)
