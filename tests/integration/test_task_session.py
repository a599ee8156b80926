"""The session: what `begin` asks for, what checks leave in the ledger, how a gate opens and shuts."""

import json
import os
import threading

import psycopg
import pytest

from runbook.database import embedded
from runbook.errors import GateShut, NotAllowed, StepFailed, TargetHeld, UsageError

CRITERION, TRIGGER = "Every shelf has a label", "A shelf without a label"
DECIDES = f"-- criterion: {CRITERION}\n-- trigger: {TRIGGER}\n"
PASSING = f"%%check nothing is missing: no rows\n{DECIDES}SELECT 1 WHERE false"
FAILING = f"%%check something is missing: no rows\n{DECIDES}SELECT 1"
DRY_RUN, SHOWN = 'task.dry_run([], ["shelves"])', "This is a dry run of the last 24 hours"
LOCAL = 'environment: str = "local"  # an environment of runbook.toml'


def status(notebook) -> str:
    return notebook.task.ledger.states()[7].status


@pytest.fixture
def personas(begun):
    """The toy's notebook with two personas of a role that must not write, told apart by a setting."""
    url = embedded.url(embedded.start(begun.task.plan.root), "toy", "postgres")
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute("DO $$ BEGIN IF to_regrole('reader') IS NULL THEN CREATE ROLE reader; END IF; END $$")
        admin.execute("GRANT reader TO librarian; GRANT SELECT ON shelves TO reader")
    begun.run(
        "task.persona('A', 'reader', app__room='room 1')",
        "task.persona('B', 'reader', app__room='room 2')",
    )
    return begun


@pytest.mark.parametrize(
    "probe",
    [
        "task.attempt(None, READ)",
        "task.plans({'claims': READ})",
        "task.measure('claims', READ, 5)",
        "task.compare('claims', READ, READ, samples=5, persona=('A', None))",
    ],
)
def test_json_that_a_probe_has_set_is_json_in_the_probes_after_it(personas, probe):
    personas.run(
        """task.persona('A', '', app__claims='{"room": "room 1"}')""",
        "READ = \"SELECT current_setting('app.claims', true)::jsonb\"",
        "assert task.attempt('A', 'SELECT')",
        "assert task.connection.execute(\"SELECT current_setting('app.claims', true)\").fetchone() == ('',)",
        f"assert not hasattr({probe}, 'sqlstate')",
    )


def test_text_that_is_no_json_stays_none(personas):
    personas.run("task.persona('A', '', app__claims='{}')", "refused = task.attempt('A', \"SELECT '{'::jsonb\")")
    assert personas.run("refused.sqlstate") == "22P02"


def test_a_notebook_run_cell_by_cell_opens_its_gate(open_notebook, toy, toy_cells):
    notebook = open_notebook(toy, *toy_cells)
    assert "Gate open · Task 7" in notebook.said
    assert status(notebook) == "complete"
    assert notebook.rows("SELECT count(*) FROM shelves WHERE label = 'S' || shelf") == [(300,)]


def test_running_any_cell_again_is_harmless(open_notebook, toy, toy_cells):
    notebook = open_notebook(toy, *(cell for cell in toy_cells for _ in range(2)))
    notebook.run(*toy_cells[1:])
    assert status(notebook) == "complete"
    assert notebook.rows("SELECT count(*) FROM shelves WHERE label = 'S' || shelf") == [(300,)]


def test_the_header_says_where_and_what(begun):
    for part in ("Task 7 · Label the shelves", "environment local", "task 1 of 1", "estimate 1 min", "risk low"):
        assert part in begun.said


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="Linux alone has this policy")
def test_a_notebook_gives_way_to_the_servers_sessions(begun):
    assert begun.run("import os; os.sched_getscheduler(0) == os.SCHED_BATCH")


@pytest.mark.parametrize(
    ("cells", "complaint"),
    [
        ([], "declares no parameter 'environment'"),
        (['environment: str = "moon"'], "no environment 'moon'"),
        (['environment: str = "elsewhere"'], "RUNBOOK_ELSEWHERE_DATABASE_URL"),
        (['environment: str = "local"\nworkers: int = "2"'], "'workers' must be of type int"),
        (['environment: str = "local"', "# Parameters\nwrokers = 3"], "no parameter 'wrokers'"),
        (
            ['environment: str = "local"\nworkers: int = 2', '# Parameters\nworkers = "3"'],
            "'workers' must be of type int",
        ),
        (['environment: str = "local"\nworkers: int = 0'], "'workers' must be from 1 to 64, not 0"),  # the file's limit
        (['environment: str = "local"', "# Parameters\nworkers = 65"], "'workers' must be from 1 to 64, not 65"),
    ],
)
def test_begin_refuses_wrong_parameters(open_notebook, toy, cells, complaint):
    notebook = open_notebook(toy, *cells)
    with pytest.raises(UsageError, match=complaint):
        notebook.run("import runbook\nrunbook.begin(7)")


def test_begin_takes_parameters_that_were_corrected_in_the_same_kernel(open_notebook, toy, toy_cells):
    notebook = open_notebook(toy, toy_cells[0] + '\nfloors: int = "two"')
    with pytest.raises(UsageError, match="'floors' must be of type int"):
        notebook.run("import runbook\ntask = runbook.begin(7)")
    notebook.run(toy_cells[0] + "\nfloors: int = 2", "task = runbook.begin(7)")
    assert notebook.task.parameters["floors"] == 2


def test_begin_refuses_a_task_the_plan_does_not_have(open_notebook, toy, toy_cells):
    notebook = open_notebook(toy, toy_cells[0])
    with pytest.raises(UsageError, match="no task 8"):
        notebook.run("import runbook\nrunbook.begin(8)")


def test_an_error_is_said_in_one_line_without_a_traceback(open_notebook, toy):
    notebook = open_notebook(toy)
    with pytest.raises(UsageError):
        notebook.run("import runbook\nrunbook.begin(7)")
    assert "Traceback" not in notebook.said
    assert len(notebook.said.strip().splitlines()) == 1


def test_begin_refuses_a_task_before_what_it_needs(open_notebook, project):
    notebook = open_notebook(project, LOCAL)
    with pytest.raises(NotAllowed, match=r"Task 3 needs Task 2 complete on 'local'.*--from 2"):
        notebook.run("import runbook\nrunbook.begin(3)")


def test_a_second_session_is_refused_and_told_who_holds_the_target(open_notebook, begun, toy, toy_cells):
    holder = begun.task.ledger.connection.info.backend_pid
    second = open_notebook(toy, toy_cells[0])
    with pytest.raises(
        TargetHeld, match=rf"runbook interactive-\S+ task 7 ledger \(backend {holder}\), connected since"
    ):
        second.run(toy_cells[1])


def test_the_lock_does_not_survive_its_dead_holder(open_notebook, begun, toy, toy_cells, connect):
    holder = begun.task.ledger.connection.info.backend_pid
    connect(toy).execute("SELECT pg_terminate_backend(%s, 10000)", [holder])
    second = open_notebook(toy, *toy_cells[:2])
    assert status(second) == "running"


def test_a_concluded_task_lets_others_in(open_notebook, toy, toy_cells):
    open_notebook(toy, *toy_cells)
    assert status(open_notebook(toy, *toy_cells[:2])) == "running"


def test_a_check_is_remembered_with_what_it_decides(begun):
    begun.run(PASSING)
    kept = begun.rows("SELECT name, expected, actual, passed, criterion, trigger FROM runbook.checks")
    assert kept == [("nothing is missing", "no rows", "no rows", True, CRITERION, TRIGGER)]
    assert "✓ PASS  nothing is missing: expected no rows, found no rows" in begun.said


def test_a_failing_check_shuts_the_gate_and_says_what_to_do(begun):
    with pytest.raises(GateShut) as raised:
        begun.run(FAILING)
    for part in (
        "“something is missing”: expected no rows, found 1 row",
        f"rollback trigger “{TRIGGER}”",
        "mend the cause, and run this notebook again",
        "`runbook rollback --environment local --to 7`",
    ):
        assert part in str(raised.value)
    assert "✗ FAIL" in begun.said
    assert status(begun) == "failed"
    assert begun.rows("SELECT passed FROM runbook.checks") == [(False,)]


def test_a_failing_check_says_what_its_row_says_to_do(begun):
    with pytest.raises(GateShut, match=r"found 2 rows\. .* What to do: oil it\. Next: "):
        begun.run(FAILING + " AS hinge, 'oil it' AS what_to_do UNION ALL SELECT 2, 'leave it'")


def test_a_failed_check_keeps_the_gate_shut(begun):
    with pytest.raises(GateShut):
        begun.run(FAILING)
    begun.run(PASSING)
    with pytest.raises(GateShut, match="check “something is missing”"):
        begun.run("task.conclude()")
    assert status(begun) == "failed"


def test_a_check_that_was_mended_opens_the_gate(begun):
    with pytest.raises(GateShut):
        begun.run(FAILING)
    begun.run(FAILING.replace("SELECT 1", "SELECT 1 WHERE false"), "task.conclude()")
    assert status(begun) == "complete"


@pytest.mark.parametrize(
    ("decided", "undecided"),
    [([], f"criterion “{CRITERION}”"), ([f"-- criterion: {CRITERION}"], f"trigger “{TRIGGER}”")],
)
def test_a_gate_with_something_undecided_is_shut(begun, decided, undecided):
    for head in decided:
        begun.run(f"%%check half of it: no rows\n{head}\nSELECT 1 WHERE false")
    with pytest.raises(GateShut, match=undecided):
        begun.run("task.conclude()")
    assert "? undecided" in begun.said
    assert status(begun) == "failed"


@pytest.mark.parametrize(
    ("cell", "complaint"),
    [
        ("%%check idle: no rows\nSELECT 1 WHERE false", "decides nothing"),
        (
            "%%check a: no rows\n-- criterion: Every shelf is blue\nSELECT 1",
            "no success criterion 'Every shelf is blue'",
        ),
        ("%%check a: no rows\n-- trigger: Rain\nSELECT 1", "no rollback trigger 'Rain'"),
        (f"%%check a\n{DECIDES}SELECT 1", "%%check NAME: EXPECTATION"),
        (f"%%check a: few rows\n{DECIDES}SELECT 1", "'few rows' is not understood"),
        (f"%%check a: no rows\n{DECIDES}-- as: nobody\nSELECT 1", "Nobody is named 'nobody'"),
    ],
)
def test_a_check_that_makes_no_sense_is_refused_and_not_remembered(begun, cell, complaint):
    with pytest.raises(UsageError, match=complaint):
        begun.run(cell)
    assert begun.rows("SELECT count(*) FROM runbook.checks") == [(0,)]


def test_a_check_whose_query_is_refused_fails(begun):
    with pytest.raises(GateShut, match=r"found error 42P01: relation .nowhere. does not exist"):
        begun.run(f"%%check a: no rows\n{DECIDES}SELECT 1 FROM nowhere")


def test_a_refusal_can_be_what_is_expected(begun):
    begun.run(f"%%check no room no shelf: error 23502\n{DECIDES}INSERT INTO shelves VALUES (0, NULL)")
    assert begun.rows("SELECT passed FROM runbook.checks") == [(True,)]


def test_a_check_changes_nothing(begun):
    begun.run(f"%%check a full room: = 0\n{DECIDES}DELETE FROM shelves; SELECT count(*) FROM shelves")
    assert begun.rows("SELECT count(*) FROM shelves") == [(300,)]


def test_a_persona_acts_with_its_role_and_settings_and_leaves_no_trace(personas):
    query = "SELECT current_user, current_setting('app.room')"
    assert list(personas.run(f"%%sql --as A\n{query}")) == [("reader", "room 1")]
    assert list(personas.run(f"%%sql --as B\n{query}")) == [("reader", "room 2")]
    found = personas.run("%%sql\nSELECT current_user, coalesce(current_setting('app.room', true), '')")
    assert list(found) == [("librarian", "")]


def test_a_persona_is_refused_what_its_role_may_not(personas):
    with pytest.raises(StepFailed, match="42501"):
        personas.run("%%sql --as A\nDELETE FROM shelves")
    assert personas.rows("SELECT count(*) FROM shelves") == [(300,)]


def test_access_is_held_against_what_was_declared(personas):
    personas.run(
        "import pandas as pd",
        "statements = {'shelves · read': 'TABLE shelves', 'shelves · delete': 'DELETE FROM shelves'}",
        "declared = pd.DataFrame({'A': ['300', '300'], 'B': ['300', 'denied']}, index=list(statements))",
        "found = task.access(statements, declared)",
    )
    found = personas.run("list(found[['operation', 'persona', 'outcome', 'right']].itertuples(index=False, name=None))")
    assert found == [
        ("read", "A", "300", True),
        ("read", "B", "300", True),
        ("delete", "A", "denied", False),
        ("delete", "B", "denied", True),
    ]
    personas.run("declared.loc[:] = 'as found'", "found = task.access(statements, declared)")
    assert personas.run("set(found['right'])") == {True}
    with pytest.raises(UsageError, match="shelves · delete"):
        personas.run("task.access(statements, declared.head(1))")


def test_an_earlier_attempts_checks_are_forgotten_when_the_task_begins_again(begun, toy_cells):
    with pytest.raises(GateShut):
        begun.run(FAILING)
    begun.run(toy_cells[1])
    assert begun.rows("SELECT count(*) FROM runbook.checks") == [(0,)]
    assert status(begun) == "running"


def test_a_rollback_proves_that_everything_was_given_back(open_notebook, toy, toy_cells):
    open_notebook(toy, *toy_cells)
    undo = open_notebook(toy, toy_cells[0], "import runbook\ntask = runbook.begin(7, undo=True)")
    with pytest.raises(GateShut, match=r"1 object of this task not given back[^\n]*\ncolumn public.shelves.label"):
        undo.run("task.conclude()")
    assert status(undo) == "failed"
    undo.run("task = runbook.begin(7, undo=True)", "task.drop_made()", "task.conclude()")
    assert status(undo) == "rolled_back"


def test_a_rollback_drops_constraints_of_any_name_and_of_domains(begun, toy, connect):
    connect(toy).execute("CREATE DOMAIN colour AS text")
    begun.run(
        "%%sql\nALTER TABLE shelves ADD CONSTRAINT \"one on one\" CHECK (room <> '');"
        "ALTER DOMAIN colour ADD CONSTRAINT \"not on Sunday\" CHECK (VALUE <> '')"
    )
    begun.run("task = runbook.begin(7, undo=True)", "task.drop_made()", "task.conclude()")
    assert status(begun) == "rolled_back"


def test_what_a_task_writes_down_it_reads_back(begun):
    begun.run("task.write('figures', {'rows': 3, 'seconds': 0.5})")
    assert begun.run("task.read('figures')") == {"rows": 3, "seconds": 0.5}
    with pytest.raises(StepFailed, match="holds no 'nothing'"):
        begun.run("task.read('nothing')")


@pytest.mark.parametrize(
    ("call", "value"),
    [
        ("task.value('SELECT count(*) FROM shelves')", 300),
        ("len(task.rows('TABLE shelves'))", 300),
        ("list(task.frame('SELECT 1 AS one').columns)", ["one"]),
    ],
)
def test_values_are_read_in_one_line(begun, call, value):
    assert begun.run(call) == value


@pytest.mark.parametrize(
    "call", ["task.value('TABLE shelves')", "task.rows('SET work_mem = 64')", "task.rows('SELEC')"]
)
def test_what_returns_no_value_raises(begun, call):
    with pytest.raises(StepFailed):
        begun.run(call)


def test_a_command_is_run_or_its_skipping_is_said(begun):
    begun.run("task.command(['echo', 'hello'])")
    assert "hello" in begun.said
    begun.run("task.command(['never', ''], skip='nothing was asked for')")
    assert "Skipped, nothing was asked for: never …" in begun.said


@pytest.mark.parametrize(
    ("arguments", "complaint"), [(["false"], "exit code 1"), (["no-such-command"], "is not installed here")]
)
def test_a_command_that_fails_stops_the_step(begun, arguments, complaint):
    with pytest.raises(StepFailed, match=complaint):
        begun.run(f"task.command({arguments})")


def test_a_measured_figure_is_remembered(begun):
    begun.run("found = task.measure('a read', 'SELECT 1', samples=20)")
    assert begun.run("found.summary()['n']") == 20
    assert begun.run("task.read('a read')['median']") > 0
    begun.run("both = task.compare('twice', 'SELECT 1', 'SELECT pg_sleep(0.005)', samples=20)")
    assert begun.run("both.exceeds(20)")
    assert not begun.run("task.compare('same', 'SELECT 1', 'SELECT 1', samples=20).exceeds(1000)")


def test_a_figure_is_taken_until_it_is_known_closely_enough(begun):
    assert begun.run("task.measure('a read', 'SELECT 1', samples=5, until='< 100000 %').summary()['n']") == 5
    assert begun.run("task.measure('a read', 'SELECT 1', samples=5, until='< 0.0001 %').summary()['n']") == 50


def test_a_slowdown_is_looked_at_closely_before_it_counts(begun):
    compare = "len(task.compare('twice', 'SELECT 1', 'SELECT pg_sleep(0.05)', samples=5, until='{}').before.samples)"
    assert begun.run(compare.format("< 100000 %")) == 5
    assert begun.run(compare.format("< 10 %")) == 50


def test_a_measured_write_leaves_no_trace(begun):
    begun.run("task.measure('a write', 'DELETE FROM shelves', samples=5)")
    assert begun.rows("SELECT count(*) FROM shelves") == [(300,)]


def test_a_dry_run_is_made_once_for_the_same_scripts_and_schema(begun, connect, toy):
    first = begun.run(DRY_RUN)
    assert [(row[0], row[-1]) for row in first] == [("up", None), ("down", True), ("up again", None)]
    assert SHOWN not in begun.said
    connect(toy).execute("UPDATE shelves SET room = room || '!' WHERE shelf = 1")  # as traffic does
    assert begun.run(DRY_RUN) == first
    assert SHOWN in begun.said
    begun.run("task.parameters['workers'] = 1", DRY_RUN)  # no script reads it
    assert SHOWN in begun.said


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE runbook.tasks SET status = 'rolled_back'; ALTER TABLE shelves ADD COLUMN oak boolean",
        "UPDATE runbook.notes SET value = jsonb_set(value, '{made_at}', "
        "to_jsonb((value->>'made_at')::timestamptz - '86401 s'::interval)) "
        "WHERE name = 'dry run 7'",
    ],
    ids=["the schema", "the day"],
)
def test_a_dry_run_is_made_anew_where_it_is_another(begun, connect, toy, change):
    begun.run(DRY_RUN)
    connect(toy).execute(change)
    begun.run(DRY_RUN)
    assert SHOWN not in begun.said


def test_a_dry_run_that_failed_is_made_anew_whatever_made_it_fail(begun, toy):
    (toy / "sql" / "rollback" / "07_label_the_shelves.sql").write_text("ALTER TABLE shelves ALTER room DROP NOT NULL")
    assert [row[-1] for row in begun.run(DRY_RUN)] == [None, False, None]
    begun.run(DRY_RUN)
    assert SHOWN not in begun.said


def test_a_copy_is_not_asked_to_take_back_what_is_done_for_good(begun, toy):
    path = toy / "notebooks" / "07_label_the_shelves.ipynb"
    notebook = json.loads(path.read_text(encoding="utf-8"))
    cell = {"cell_type": "code", "id": "sold", "metadata": {"tags": ["apply"]}, "execution_count": None, "outputs": []}
    notebook["cells"].insert(3, cell | {"source": "%%sql\nDELETE FROM shelves WHERE shelf = 1"})
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert [row[-1] for row in begun.run(DRY_RUN)] == [None, False, None]
    cell["metadata"]["tags"].append("for-good")
    path.write_text(json.dumps(notebook), encoding="utf-8")
    assert [row[-1] for row in begun.run(DRY_RUN)] == [None, True, None]


def test_a_dry_run_is_made_anew_where_the_scripts_read_another_parameter(begun):
    begun.run(DRY_RUN, "task.parameters['prefix'] = 'T'", DRY_RUN)
    assert SHOWN not in begun.said


def test_an_earlier_task_tries_a_later_one_with_the_parameters_it_will_have(begun):
    later = DRY_RUN.replace(")", ", ahead=True)")
    begun.run(
        "from dataclasses import replace",
        "task.plan = replace(task.plan, tasks=(replace(task.plan.task(7), number=8),))",
    )
    assert [row[-1] for row in begun.run(later)] == [None, True, None]
    begun.run("task.parameters['prefix'] = 'T'", later)  # this task's own, not the later one's
    assert SHOWN in begun.said
    begun.task.ledger.connection.execute("""UPDATE runbook.runs SET parameters = '{"prefix": "T"}'""")
    begun.run(later)
    assert SHOWN not in begun.said


@pytest.mark.parametrize(
    "probe",
    [
        f"%%check every shelf can be written: some rows\n{DECIDES}UPDATE shelves SET room = 1",
        "%%sql --probe\nUPDATE shelves SET room = 1",
        "task.measure('writing', 'UPDATE shelves SET room = 1', samples=2)",
        "task.compare('writing', 'UPDATE shelves SET room = 1', 'UPDATE shelves SET room = 2', samples=2)",
        "task.plans({'writing': 'UPDATE shelves SET room = 1'})",
    ],
    ids=["check", "sql", "measure", "compare", "plans"],
)
def test_a_probe_that_meets_a_customers_lock_is_tried_again(begun, probe):
    with begun.task.target.connect("a customer") as customer:
        customer.execute("BEGIN")
        customer.execute("SELECT FROM shelves LIMIT 1 FOR UPDATE")
        ending = threading.Timer(1, customer.rollback)
        ending.start()
        begun.run(probe)
        ending.join()
    assert "The lock is held by others: trying again in 0.2 s." in begun.said
