"""The rollback: what a task made goes, what others have changed since stays and is named, what would break blocks."""

import html
import io
import re

import pytest
from rich.console import Console

from runbook.batch import outlook, rollback
from runbook.changes import record
from runbook.database.ledger import Ledger
from runbook.errors import GateShut, NotAllowed, UsageError
from runbook.evidence import notebooks
from runbook.evidence.manifest import latest_run
from runbook.plan.plan import Plan
from runbook.plan.rollback_script import rollback_parts

BEFORE = """
ALTER TABLE shelves ENABLE ROW LEVEL SECURITY;
CREATE POLICY readers ON shelves FOR SELECT USING (true);
CREATE INDEX shelves_by_room ON shelves (room);
CREATE FUNCTION hall() RETURNS text LANGUAGE sql RETURN 'hall';
GRANT SELECT ON shelves TO PUBLIC
"""
STATE = "SELECT number, status FROM runbook.tasks ORDER BY started_at DESC LIMIT 1"
LABEL = "SELECT count(*) FROM pg_attribute WHERE attrelid = 'shelves'::regclass AND attname = 'label'"
THEIRS = {
    "nothing": ("SELECT 1", []),
    "a table": ("CREATE TABLE leads (x int PRIMARY KEY)", ["table public.leads (made"]),
    "a column": ("ALTER TABLE shelves ADD COLUMN colour text", ["column public.shelves.colour (made"]),
    "a policy mended": (
        "ALTER POLICY readers ON shelves USING (room <> 'x')",
        ["policy readers on public.shelves (changed"],
    ),
    "a policy replaced": (
        "DROP POLICY readers ON shelves; CREATE POLICY staff ON shelves FOR SELECT USING (true)",
        ["policy readers on public.shelves (dropped", "policy staff on public.shelves (made"],
    ),
    "a right": (
        "REVOKE SELECT ON shelves FROM PUBLIC; GRANT UPDATE (room) ON shelves TO PUBLIC",
        [
            "privilege SELECT on table public.shelves to PUBLIC",
            "privilege UPDATE on column public.shelves.room to PUBLIC",
        ],
    ),
    "an index dropped": ("DROP INDEX shelves_by_room", ["index public.shelves_by_room (dropped"]),
    "a function replaced": (
        "CREATE OR REPLACE FUNCTION hall() RETURNS text LANGUAGE sql RETURN 'foyer'",
        ["function public.hall() (changed"],
    ),
    "an option and a comment": (
        "ALTER TABLE shelves SET (fillfactor = 50); COMMENT ON TABLE shelves IS 'wooden'",
        ["comment on table public.shelves (made", "option fillfactor of table public.shelves (made"],
    ),
    "ours dropped": ("ALTER TABLE shelves DROP COLUMN label", []),
    "ours renamed": ("ALTER TABLE shelves RENAME label TO tag", []),
    "the name taken": (
        "ALTER TABLE shelves DROP COLUMN label; ALTER TABLE shelves ADD COLUMN label int",
        ["column public.shelves.label (made"],
    ),
}
HANGING = {
    "a view": ("CREATE VIEW labels AS SELECT label FROM shelves", ["DROP VIEW public.labels"]),
    "a view on a view": (
        "CREATE VIEW labels AS SELECT label FROM shelves; CREATE VIEW longest AS SELECT max(label) FROM labels",
        ["DROP VIEW public.longest", "DROP VIEW public.labels"],
    ),
    "an index": ("CREATE INDEX by_label ON shelves (room, label)", ["DROP INDEX public.by_label"]),
    "a constraint": (
        "ALTER TABLE shelves ADD CONSTRAINT short CHECK (length(label) < 9)",
        ["ALTER TABLE public.shelves DROP CONSTRAINT short"],
    ),
    "a policy": (
        "CREATE POLICY labelled ON shelves FOR SELECT USING (label IS NOT NULL)",
        ["DROP POLICY labelled ON public.shelves"],
    ),
    "a function's text": (
        "CREATE FUNCTION tag(int) RETURNS text LANGUAGE plpgsql AS "
        "$$ BEGIN RETURN (SELECT label FROM shelves WHERE shelf = $1); END $$",
        ["DROP FUNCTION public.tag(integer)"],
    ),
    "a function's body": (
        "CREATE FUNCTION tag(int) RETURNS text RETURN (SELECT label FROM shelves WHERE shelf = $1)",
        ["DROP FUNCTION public.tag(integer)"],
    ),
}


@pytest.fixture
def migrated(toy, connect, open_notebook, toy_cells):
    """The toy, complete on a baseline with a policy, an index, a function and a grant of its own."""
    connect(toy).execute(BEFORE)
    open_notebook(toy, *toy_cells).close()
    return toy


def plan_of(root) -> Plan:
    return Plan.load(root / "runbook.toml")


def roll_back(root, open_notebook):
    made = notebooks.rollback_notebook(plan_of(root).task(7))
    return open_notebook(root, *[cell.source for cell in made.cells if cell.cell_type == "code"])


def outlook_of(root, connect):
    return outlook.look_ahead(Ledger(connect(root), "toy"), plan_of(root).tasks)


@pytest.mark.parametrize("case", THEIRS)
def test_what_others_changed_since_stays_and_is_named(migrated, connect, open_notebook, case):
    change, named = THEIRS[case]
    connect(migrated).execute(change)
    back = roll_back(migrated, open_notebook)
    listed = [line for line in back.said.splitlines() if line.startswith("left as it is")]
    assert [said for said in named if not any(said in line for line in listed)] == []
    assert len(listed) == len(named)
    assert "✓ PASS" in back.said
    assert back.rows(STATE) == [(7, "rolled_back")]
    assert back.rows(LABEL) == [(int(case == "the name taken"),)]
    assert record.recorded(back.task.ledger.connection, "toy") == []


@pytest.mark.parametrize("case", HANGING)
def test_what_hangs_on_ours_blocks_with_the_statement_that_clears_it(migrated, connect, open_notebook, case):
    change, statements = HANGING[case]
    connection = connect(migrated)
    connection.execute(change)
    found = outlook_of(migrated, connect)
    assert [one.statement for one in found.obstacles.dependents] == statements
    text = outlook.save_dependents(found, connection, migrated).read_text()
    outlook.drop_dependents(found, connection)
    roll_back(migrated, open_notebook)
    connection.execute("ALTER TABLE shelves ADD COLUMN label text")
    connection.execute(text)  # and what was saved makes it again


def test_what_stood_before_or_names_something_else_does_not_block(migrated, connect):
    connect(migrated).execute(
        "CREATE FUNCTION other() RETURNS text LANGUAGE plpgsql AS $$ BEGIN RETURN 'label'; END $$;"
        "CREATE VIEW rooms AS SELECT room FROM shelves"
    )
    assert outlook_of(migrated, connect).obstacles.lines() == []


def test_what_something_hangs_on_is_not_dropped_with_it(migrated, connect, open_notebook):
    connect(migrated).execute("CREATE VIEW labels AS SELECT label FROM shelves")
    with pytest.raises(NotAllowed, match=r"view public\.labels hangs on column public\.shelves\.label: DROP VIEW"):
        roll_back(migrated, open_notebook)
    assert connect(migrated).execute(LABEL).fetchone() == (1,)


def test_what_is_not_given_back_shuts_the_gate_with_the_difference(toy, connect, open_notebook, toy_cells):
    cells = [*toy_cells[:2], "%%sql\nALTER TABLE shelves ALTER room SET DEFAULT 'hall'"]
    open_notebook(toy, *cells).close()
    with pytest.raises(
        GateShut, match=r"column public.shelves.room\n.*\n.*\n.*\n-text NOT NULL\n\+text DEFAULT 'hall'"
    ):
        roll_back(toy, open_notebook)
    script = toy / "sql" / "rollback" / "07_label_the_shelves.sql"
    script.write_text("ALTER TABLE shelves ALTER room DROP DEFAULT")
    assert roll_back(toy, open_notebook).rows(STATE) == [(7, "rolled_back")]


@pytest.mark.parametrize(
    ("before", "since", "left"),
    [("", "", []), ("50", "", ["fillfactor=50"]), ("", "80", ["fillfactor=80"]), ("50", "80", ["fillfactor=80"])],
)
def test_an_option_gets_its_old_value_back_unless_others_set_it_since(
    toy, connect, open_notebook, toy_cells, before, since, left
):
    connection, setting = connect(toy), "ALTER TABLE shelves SET (fillfactor = {})"
    if before:
        connection.execute(setting.format(before))
    open_notebook(toy, *toy_cells[:2], f"%%sql\n{setting.format(70)}").close()
    if since:
        connection.execute(setting.format(since))
    roll_back(toy, open_notebook)
    assert connection.execute("SELECT reloptions FROM pg_class WHERE relname = 'shelves'").fetchone() == (left or None,)


def test_what_stands_at_a_table_with_an_option_of_ours_is_dropped_by_itself(toy, connect, open_notebook, toy_cells):
    made = (
        "%%sql\nALTER TABLE shelves SET (fillfactor = 70); CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS "
        "'BEGIN RETURN NEW; END'; CREATE TRIGGER look BEFORE UPDATE ON shelves FOR EACH ROW EXECUTE FUNCTION look()"
    )
    open_notebook(toy, *toy_cells[:2], made).close()
    back = roll_back(toy, open_notebook)
    assert back.rows(STATE) == [(7, "rolled_back")]
    assert back.rows("SELECT count(*) FROM pg_trigger WHERE tgrelid = 'shelves'::regclass") == [(0,)]


def test_a_part_that_drops_what_was_made_is_one_transaction(toy, connect, open_notebook, toy_cells):
    script = toy / "sql" / "rollback" / "07_label_the_shelves.sql"
    script.write_text("-- %%sql --retry --drop-made\n-- Say what was\nSELECT count(label) AS labels FROM shelves")
    made = notebooks.rollback_notebook(plan_of(toy).task(7))
    assert not [cell for cell in made.cells if cell.source == "task.drop_made()"]
    open_notebook(toy, *toy_cells).close()
    back = roll_back(toy, open_notebook)
    assert back.rows(LABEL) == [(0,)]
    assert back.task.ledger.read_note("dropped") == ["ALTER TABLE public.shelves DROP COLUMN label"]


def test_the_report_tells_what_was_given_back_and_what_was_left(migrated, connect):
    connect(migrated).execute("CREATE TABLE leads (x int PRIMARY KEY)")
    script = migrated / "sql" / "rollback" / "07_label_the_shelves.sql"
    count = "SELECT count(*) AS shelves, count(to_jsonb(s) ->> 'label') AS labelled FROM shelves AS s"
    script.write_text(
        f'-- %%sql --note "shelves before"\n{count};\n-- %%sql --retry --drop-made\nSELECT 1;\n'
        f'-- %%sql --note "shelves after"\n{count}'
    )
    said = io.StringIO()
    code = rollback.roll_back(plan_of(migrated), "local", rollback.RollbackRequest(yes=True), Console(file=said))
    assert code == 0, said.getvalue()
    page = (latest_run(plan_of(migrated)) / "report.html").read_text()
    told = html.unescape(re.sub(r"<[^>]+>", " ", page[page.index("given-back") :]))
    for words in (
        "everything of this task is given back",
        "ALTER TABLE public.shelves DROP COLUMN label",
        "table public.leads : made since",
        "labelled 300 0 -300",
    ):
        assert words in " ".join(told.split()), words


def test_what_was_made_is_dropped_on_the_rollback_alone(toy, open_notebook, toy_cells):
    with pytest.raises(UsageError, match="--drop-made` is for the rollback"):
        open_notebook(toy, *toy_cells, "%%sql --drop-made\nSELECT 1")


@pytest.mark.slow
def test_up_and_down_ten_times_leaves_nothing_but_dropped_columns(migrated, connect, open_notebook, toy_cells):
    dump = connect(migrated).execute("SELECT definition FROM runbook.schemas").fetchone()
    for _ in range(10):
        roll_back(migrated, open_notebook).close()
        open_notebook(migrated, *toy_cells).close()
    back = roll_back(migrated, open_notebook)
    assert back.rows("SELECT definition FROM runbook.schemas") == [dump]
    assert back.rows("SELECT count(*) FROM pg_attribute WHERE attrelid = 'shelves'::regclass AND attisdropped") == [
        (11,)
    ]


def test_a_script_in_parts_is_a_cell_each(toy, open_notebook, toy_cells, connect):
    script = toy / "sql" / "rollback" / "07_label_the_shelves.sql"
    script.write_text(
        "-- Two parts.\n\n-- %%sql --retry\n-- Note it\nCREATE TABLE IF NOT EXISTS noted (x int);\n"
        "-- %%backfill shelves: every label is taken away\n"
        "WITH taken AS (UPDATE shelves SET label = NULL WHERE ctid >= current_setting('runbook.first')::tid"
        " AND ctid < current_setting('runbook.last')::tid AND label IS NOT NULL RETURNING 1)"
        " SELECT count(*) AS rows, count(*) AS labels, count(*) AS labels_due FROM taken\n"
    )
    assert [part.magic for part in rollback_parts(plan_of(toy).task(7))] == ["sql", "backfill"]
    open_notebook(toy, *toy_cells).close()
    back = roll_back(toy, open_notebook)
    assert back.task.ledger.read_note("backfill shelves")["rows"] == 300
    assert back.rows("SELECT to_regclass('noted')") == [(None,)]  # made in a rollback, it goes as well


def test_sql_before_the_first_part_is_refused(toy):
    (toy / "sql" / "rollback" / "07_label_the_shelves.sql").write_text("SELECT 1;\n-- %%sql\nSELECT 2")
    with pytest.raises(UsageError, match="SQL stands before the first part"):
        rollback_parts(plan_of(toy).task(7))
