"""The transport of `%%sql`: a cell reaches the server as it stands, and means what psql would make of it."""

import re
from datetime import date

import psycopg
import pytest

from runbook.errors import StepFailed, UsageError
from runbook.query import send

TRAPS = [
    "'^[0-9]{5}$'",
    "'{expr} {{expr}} {prefix}'",
    "'$name $prefix $1 $$'",
    "':name :prefix ::text'",
    "'100 % %s %% %(name)s'",
    "E'back\\\\slash'",
    "'%%sql nested'",
    "'!ls ?help; -- no comment'",
    "'ünïcödé 💳'",
    "$tag$it's {all} $verbatim$ here$tag$",
]
MORE = "INSERT INTO shelves SELECT max(shelf) + 1, 'attic' FROM shelves"
ATTIC = "SELECT count(*) FROM shelves WHERE room = 'attic'"


def test_literals_are_stored_verbatim(begun):
    begun.run("name = expr = 'expanded'", "%%sql\nCREATE TABLE kept (literal text)")
    with psycopg.connect(begun.task.connection.info.dsn) as plain:
        for literal in TRAPS:
            begun.run(f"%%sql\nTRUNCATE kept; INSERT INTO kept VALUES ({literal})")
            assert begun.rows("TABLE kept") == plain.execute(f"SELECT {literal}".encode()).fetchall()


def test_a_time_without_a_value_in_python_is_read_as_text(begun):
    times = "SELECT '-infinity'::timestamptz, 'infinity'::timestamp, '0044-03-15 BC'::date, '2025-10-12'::date"
    assert begun.rows(times) == [("-infinity", "infinity", "0044-03-15 BC", date(2025, 10, 12))]


def test_what_a_cell_rolls_back_is_gone(begun):
    begun.run(f"%%sql\nBEGIN; {MORE}; ROLLBACK")
    assert begun.rows(ATTIC) == [(0,)]


def test_what_a_cell_commits_stays(begun):
    begun.run(f"%%sql\nBEGIN; {MORE}; COMMIT")
    assert begun.rows(ATTIC) == [(1,)]


def test_several_statements_are_one_transaction(begun):
    with pytest.raises(StepFailed, match="22012"):
        begun.run(f"%%sql\n{MORE}; SELECT 1 / 0")
    assert begun.rows(ATTIC) == [(0,)]


def test_set_local_lasts_as_long_as_its_transaction(begun):
    found = begun.run("%%sql\nBEGIN; SET LOCAL work_mem = '7MB'; SELECT current_setting('work_mem'); ROLLBACK")
    assert list(found) == [("7MB",)]


def test_every_result_is_shown_and_the_last_returned(begun):
    found = begun.run("%%sql\nSELECT 'first' AS a; SELECT 'second' AS b")
    assert list(found) == [("second",)]
    assert "first" in begun.said


def test_what_returns_nothing_shows_no_table(begun):
    begun.run("%%sql\nCREATE FUNCTION pg_temp.nothing() RETURNS void LANGUAGE sql AS ''")
    assert begun.run("%%sql\nSELECT pg_temp.nothing() AS empty, pg_temp.nothing()") is None
    assert "empty" not in begun.said
    assert len(begun.run("%%sql\nSELECT pg_temp.nothing(), 1 AS one")) == 1


def test_a_result_is_kept_under_a_name(begun):
    begun.run("%%sql kept <<\nSELECT 1 AS one")
    assert list(begun.run("kept.DataFrame()")["one"]) == [1]


def test_an_index_is_built_concurrently(begun):
    begun.run("%%sql\nCREATE INDEX CONCURRENTLY by_room ON shelves (room)")
    assert begun.rows("SELECT indisvalid FROM pg_index WHERE indexrelid = 'by_room'::regclass") == [(True,)]


def test_a_procedure_may_commit(begun):
    begun.run(
        "%%sql\nCREATE PROCEDURE twice() LANGUAGE plpgsql AS $$ BEGIN\n"
        f"{MORE}; COMMIT; {MORE}; ROLLBACK; {MORE}; COMMIT;\nEND $$",
        "%%sql\nCALL twice()",
    )
    assert begun.rows(ATTIC) == [(2,)]


def test_an_open_transaction_is_undone_and_said(begun):
    begun.run(f"%%sql\nBEGIN; {MORE}")
    assert "The cell ended inside a transaction: rolled back." in begun.said
    assert begun.rows(ATTIC) == [(0,)]


def test_an_open_transaction_is_undone_after_an_error_too(begun):
    begun.run(f"%%sql\n{MORE}")
    with pytest.raises(StepFailed):
        begun.run("%%sql\nBEGIN; DELETE FROM shelves; SELECT 1 / 0")
    assert begun.run("%%sql\nSELECT count(*) FROM shelves")[0][0] == 301


def test_a_role_left_behind_is_reset_and_said(begun):
    begun.run("%%sql\nSET ROLE librarian")
    assert "left the role librarian set: reset" in begun.said
    assert begun.run("%%sql\nSELECT current_setting('role')")[0][0] == "none"


def test_a_setting_of_the_session_outlives_its_cell(begun):
    begun.run("%%sql\nSET statement_timeout = '77s'")
    assert begun.run("%%sql\nSHOW statement_timeout")[0][0] == "77s"


def test_an_error_says_what_where_and_the_servers_hint(begun):
    with pytest.raises(StepFailed) as raised:
        begun.run("%%sql\nSELECT shelf,\n       rom\nFROM shelves")
    for part in ("42703", 'column "rom" does not exist', "line 2: rom", "shelves.room"):
        assert part in str(raised.value)


def test_the_line_of_an_error_counts_characters_not_bytes(begun):
    with pytest.raises(StepFailed, match="line 3: FROM nowhere"):
        begun.run("%%sql\nSELECT 'ünïcödé 💳💳💳💳💳💳💳💳💳💳💳💳',\n1\nFROM nowhere")


def test_an_error_stops_a_run_of_cells(begun):
    result = begun.shell.run_cell("%%sql\nSELECT nothing FROM nowhere", silent=True)
    assert isinstance(result.error_in_exec, StepFailed)


def test_a_lost_connection_is_an_error_and_not_the_end(begun):
    begun.rows(f"SELECT pg_terminate_backend({begun.task.connection.info.backend_pid}, 5000)")
    with pytest.raises(StepFailed, match="connection"):
        begun.run("%%sql\nSELECT 1")


def test_notices_are_shown(begun):
    begun.run("%%sql\nDO $$ BEGIN RAISE NOTICE 'hear % this', 100; RAISE WARNING 'and that'; END $$")
    assert "NOTICE: hear 100 this" in begun.said
    assert "WARNING: and that" in begun.said


def test_command_tags_are_shown(begun):
    begun.run(f"%%sql\n{MORE}")
    assert "INSERT 0 1" in begun.said


def test_timing_is_shown_on_demand(begun):
    begun.run("%%sql --timing\nSELECT 1")
    assert "Time: " in begun.said


@pytest.mark.parametrize("command", ["\\d shelves", "-- a table\n\\d shelves;"])
def test_a_table_is_described_as_psql_does(begun, command):
    begun.run(f"%%sql\n{command}")
    assert re.search(r"shelf +\| integer +\| +not null", begun.said)
    assert '"shelves_pkey" PRIMARY KEY' in begun.said


@pytest.mark.parametrize(
    ("text", "error"),
    [("\\d nowhere", StepFailed), ("\\nonsense", UsageError), ("\\d shelves\nSELECT 1", UsageError)],
)
def test_a_description_of_nothing_is_an_error(begun, text, error):
    with pytest.raises(error, match=r"nowhere|nonsense|SELECT 1"):
        begun.run(f"%%sql\n{text}")


@pytest.mark.parametrize(
    "items",
    [
        [
            "plain",
            "it's",
            'say "so"',
            "a,b",
            "{x}",
            "back\\slash",
            "",
            "null",
            "NULL",
            " ",
            "ü\n'); DROP TABLE shelves --",
        ],
        [],
        [1, -2.5],
        [True, False],
    ],
)
def test_a_list_reaches_sql_as_an_array_of_the_same_items(begun, items):
    begun.task.setting("items", items)
    kind = type(items[0]) if items else str
    name = {str: "text", bool: "boolean"}.get(kind, "numeric")
    ((found,),) = begun.task.connection.execute(f"SELECT current_setting('runbook.items')::{name}[]").fetchall()
    assert found == items


def test_a_parameter_is_read_by_current_setting(begun):
    found = begun.run(
        "%%sql\nSELECT current_setting('runbook.prefix'), current_setting('runbook.workers')::integer + 1"
    )
    assert list(found) == [("S", 3)]


@pytest.mark.parametrize("line", ["--tming", "--as", "rooms", "a b <<"])
def test_a_line_that_is_not_understood_is_refused(begun, line):
    with pytest.raises(UsageError):
        begun.run(f"%%sql {line}\nSELECT 1")


def test_an_empty_cell_is_harmless(begun):
    assert begun.run("%%sql\n-- nothing to do yet\n") is None


def test_a_login_with_a_role_of_its_own_leaves_nothing_behind(begun):
    begun.run("%%sql\nSET ROLE librarian")
    assert "left the role librarian set" in begun.said
    name = begun.task.connection.execute("SELECT current_database()").fetchone()[0]
    begun.run(f"%%sql\nALTER ROLE librarian IN DATABASE {name} SET role = 'librarian'")
    with psycopg.connect(begun.task.connection.info.dsn, autocommit=True) as connection:
        assert connection.execute("SELECT current_setting('role')").fetchone() == ("librarian",)
        assert send.clean_up(connection) == []
