"""Redaction: personal columns are hidden where the environment is protected, and only from whoever looks."""

import hashlib
import traceback
import uuid
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import pytest

from runbook import server_words
from runbook.database import embedded
from runbook.errors import StepFailed
from runbook.evidence import manifest
from runbook.plan import fingerprint
from runbook.plan.plan import Plan
from runbook.query import redaction
from runbook.query.table import Table
from tests.support.notebook import Notebook, Opener

ADA = uuid.UUID("6512bd43-d9ca-a6e0-2c99-0b0a82652dca")
ROWS = [[ADA, str(ADA).upper(), "Ada Lovelace", 7, None, [ADA], "Ada Lovelace"]]
NAMES = ["user_id", "id", "name", "number", "email", "users", "title"]


@pytest.fixture
def hidden(plan: Plan) -> Iterator[Plan]:
    """A plan that calls all but the last column personal; nothing stays hidden afterwards."""
    yield replace(plan, personal=tuple(NAMES[:-1]))
    redaction.hide_personal(plan, plan.environment("local"))


def test_a_protected_environment_shows_neither_ids_nor_names(hidden: Plan) -> None:
    table = Table(NAMES, ROWS)
    redaction.hide_personal(hidden, replace(hidden.environment("local"), protected=True))
    for text in (repr(table), table._repr_html_()):
        assert "Ada Lovelace" in text  # the last column is not personal
        assert text.count("Ada") == 1
        assert str(ADA) not in text.lower()
        assert text.count("#3b84a68a") == 3  # one and the same, wherever it stands and however it is written
        assert "A…" in text
        assert "7" in text
    assert table[0][2] == "Ada Lovelace"
    assert table.DataFrame()["user_id"][0] == ADA


def test_an_id_that_is_a_text_is_told_by_its_digest(hidden: Plan) -> None:
    redaction.hide_personal(hidden, replace(hidden.environment("local"), protected=True))
    assert redaction.shown("id", "org_ada") != redaction.shown("id", "org_bob")
    assert redaction.shown("user_id", "org_ada") == "#" + hashlib.sha256(b"org_ada").hexdigest()[:8]


def test_an_environment_that_is_not_protected_shows_all(hidden: Plan) -> None:
    redaction.hide_personal(hidden, hidden.environment("local"))
    assert str(ADA) in repr(Table(NAMES, ROWS))


def test_what_the_inventory_calls_personal_is_hidden(plan: Plan) -> None:
    """The notebook's own classification and the plan agree."""
    source = plan.task(5).notebook.read_text(encoding="utf-8")
    for column in ("user_id", "ip_address", "user_agent", "description", "name", "contact_email"):
        assert column in source
        assert column in plan.personal


@pytest.mark.parametrize(("environment", "shown"), [("local", "room 1"), ("elsewhere", "r…")])
def test_a_notebook_hides_by_its_environment(
    open_notebook: Opener,
    toy: Path,
    toy_cells: list[str],
    monkeypatch: pytest.MonkeyPatch,
    hidden: Plan,
    environment: str,
    shown: str,
) -> None:
    path = toy / "runbook.toml"
    text = path.read_text().replace('approval = "required"', 'approval = "automatic"')
    path.write_text(text.replace("[runbook]\n", '[runbook]\npersonal = ["room"]\n', 1))
    plan = Plan.load(path)
    monkeypatch.setenv("RUNBOOK_CONFIRM", fingerprint.plan_digest(plan))
    monkeypatch.setenv("RUNBOOK_ELSEWHERE_DATABASE_URL", embedded.provide(toy, plan.environment("local")))
    notebook = open_notebook(toy, toy_cells[0].replace('"local"', f'"{environment}"'), toy_cells[1])
    table = notebook.task.rows("SELECT 'room 1' AS room, 'room 1' AS place")
    assert repr(table).count(shown) >= 1
    assert repr(table).count("room 1") == (2 if environment == "local" else 1)
    assert table[0][0] == "room 1"


SEEN = "ada@example.org"
LEAKS = {
    "a check": (
        "ALTER TABLE shelves ADD CHECK (room NOT LIKE '%@%') NOT VALID",
        "UPDATE shelves SET shelf = shelf",
        ("23514", "shelves_room_check"),
    ),
    "a key": ("SELECT 1", "INSERT INTO shelves SELECT * FROM shelves WHERE room ~ '@'", ("23505", "shelves_pkey")),
    "a value": ("SELECT 1", "SELECT room::integer FROM shelves WHERE room ~ '@'", ("22P02", 'type integer: "…"')),
    "a function": (
        "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'not %', OLD.room; END $$;"
        "CREATE TRIGGER no BEFORE UPDATE ON shelves FOR EACH ROW WHEN (OLD.room ~ '@') EXECUTE FUNCTION no()",
        "UPDATE shelves SET shelf = shelf",
        ("P0001", "a function of the target raised it"),
    ),
    "the end of a transaction": (
        "CREATE TABLE rooms (room text PRIMARY KEY); INSERT INTO rooms SELECT DISTINCT room FROM shelves;"
        "ALTER TABLE shelves ADD FOREIGN KEY (room) REFERENCES rooms DEFERRABLE INITIALLY DEFERRED",
        "DELETE FROM rooms WHERE room ~ '@'",
        ("23503", "shelves_room_fkey"),
    ),
}


@pytest.fixture
def protected(
    toy: Path, toy_cells: list[str], monkeypatch: pytest.MonkeyPatch, open_notebook: Opener
) -> Iterator[Callable[[str], Notebook]]:
    """Opens the toy on a protected environment, once somebody has an e-mail address for a room."""
    path = toy / "runbook.toml"
    text = path.read_text().replace('approval = "required"', 'approval = "automatic"')
    path.write_text(text.replace("[runbook]\n", '[runbook]\npersonal = ["room"]\n', 1))
    plan = Plan.load(path)
    url = embedded.provide(toy, plan.environment("local"))
    monkeypatch.setenv("RUNBOOK_CONFIRM", fingerprint.plan_digest(plan))
    monkeypatch.setenv("RUNBOOK_ELSEWHERE_DATABASE_URL", url)

    def opened(before: str) -> Notebook:
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("UPDATE shelves SET room = %s WHERE shelf = (SELECT min(shelf) FROM shelves)", [SEEN])
            connection.execute(before.encode())
        return open_notebook(toy, toy_cells[0].replace('"local"', '"elsewhere"'), toy_cells[1])

    yield opened
    server_words.repeat()
    redaction.hide_personal(plan, plan.environment("local"))


@pytest.mark.parametrize("case", LEAKS)
def test_no_row_leaves_a_protected_target_with_an_error(protected: Callable[[str], Notebook], case: str) -> None:
    before, statement, (sqlstate, named) = LEAKS[case]
    notebook = protected(before)
    said = []
    for act in (partial(notebook.run, f"%%sql\n{statement}"), partial(notebook.task.connection.execute, statement)):
        with pytest.raises((StepFailed, psycopg.Error)) as caught:
            act()
        said.append("".join(traceback.format_exception(caught.value)))
    said.append(str(notebook.task.attempt(None, statement)))
    assert sqlstate in said[0]
    assert SEEN not in "".join(said)
    assert [named in words for words in said[:2]] == [True, True]


def test_a_target_that_is_not_protected_tells_all(toy: Path, open_notebook: Opener, toy_cells: list[str]) -> None:
    notebook = open_notebook(toy, *toy_cells[:2])
    with pytest.raises(StepFailed, match=r"Key \(shelf\)=\(1\) already exists"):
        notebook.run("%%sql\nINSERT INTO shelves VALUES (1, 'hall')")


def test_neither_a_notice_nor_a_frame_shows_a_row(protected: Callable[[str], Notebook]) -> None:
    notebook = protected(
        "CREATE FUNCTION tell() RETURNS void LANGUAGE plpgsql AS "
        "$$ BEGIN RAISE NOTICE 'first is %', (SELECT min(room) FROM shelves); END $$"
    )
    notebook.run("%%sql\nSELECT tell()")
    assert SEEN not in notebook.said
    assert "NOTICE: a function of the target" in notebook.said
    notebook.run(
        f"frame = task.frame(\"SELECT room, room AS place FROM shelves WHERE room = '{SEEN}'\")", "print(frame)"
    )
    assert notebook.said.count(SEEN) == 1
    notebook.run("display(frame)")
    assert notebook.said.count(SEEN) == 1
    assert notebook.shell.user_ns["frame"]["room"][0] == SEEN


def test_what_the_cell_itself_raises_is_said_word_for_word(protected: Callable[[str], Notebook]) -> None:
    notebook = protected("SELECT 1")
    body = (
        "RAISE EXCEPTION 'Table % holds counts', 'shelves' "
        "USING HINT = 'Make them 0.', DETAIL = (SELECT min(room) FROM shelves)"
    )
    with pytest.raises(StepFailed) as caught:
        notebook.run(f"%%sql\nDO $$ BEGIN {body}; END $$")
    assert str(caught.value) == "SQL error P0001: Table shelves holds counts · Make them 0."


def test_of_what_a_client_program_says_the_rows_stay_behind(protected: Callable[[str], Notebook]) -> None:
    protected("SELECT 1")
    said = (
        'pg_restore: error: COPY failed for table "shelves": ERROR:  new row violates check constraint "room"\n'
        f'DETAIL:  Failing row contains (1, {SEEN}).\nCONTEXT:  COPY shelves, line 1: "1 {SEEN}"\n'
        f'pg_restore: error: invalid input syntax for type uuid: "{SEEN}"\nCommand was: COPY'
    )
    lines = server_words.of_program(said).splitlines()
    assert lines[0].endswith('violates check constraint "room"')
    assert lines[1:] == ['pg_restore: error: invalid input syntax for type uuid: "…"']


def test_a_manifest_of_a_protected_target_holds_neither_rows_nor_what_cells_were_given(
    protected: Callable[[str], Notebook], toy: Path, tmp_path: Path
) -> None:
    notebook = protected("SELECT 1")
    task, plan = notebook.task, Plan.load(toy / "runbook.toml")
    task.write("rooms", task.rows("SELECT min(room) AS room, count(*) AS shelves FROM shelves"))
    task.setting("first", SEEN)
    task.keep_record()
    assert SEEN in str(task.ledger.notes(task.run_id, 7))
    made = manifest.build_manifest(plan, plan.environment("elsewhere"), task.ledger, task.run_id, tmp_path, "complete")
    assert made["tasks"][0]["notes"]["rooms"] == {"names": ["room", "shelves"], "rows": [["a…", 300]]}
    assert SEEN not in str(made)
    plans = task.rows(f"EXPLAIN SELECT FROM shelves WHERE room = '{SEEN}'")
    assert SEEN not in repr(plans)
    assert "room = '…'" in repr(plans)
