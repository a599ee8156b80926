"""Everything that decides what a run does, changed one by one after its approval, and what does not decide."""

import json
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, replace

import psycopg
import pytest

from runbook.batch.approve import Approver, record_decision
from runbook.database import embedded, environments
from runbook.database.ledger import Ledger
from runbook.errors import NotApproved
from runbook.plan import fingerprint, installed
from runbook.plan.plan import Plan
from runbook.policy import approval_required
from tests.support.project import copy_toy
from tests.support.toy import NAME, add_second_task

DATABASE = "toy_decides"
RUN = "20261130T120000.000Z"
FIRST, LATER = f"notebooks/{NAME}", "notebooks/08_again.ipynb"
NOTE, SCHEMA = "# Task\n\n**Operator's note**", "the schema of the target changed"
SAVED = ({"collapsed": True, "jupyter": {"source_hidden": True}}, [{"output_type": "stream", "name": "x", "text": "y"}])


@dataclass
class Subject:
    """A task on its target, as an approval is asked for it."""

    plan: Plan
    ledger: Ledger
    target: object
    run_id: str = RUN
    is_of_batch: bool = True

    def __post_init__(self):
        self.environment, self.definition = self.plan.environment("local"), self.plan.tasks[-1]
        self.parameters = {"environment": "local"}

    def schema(self):
        from runbook.database import snapshot

        return snapshot.schema_dump(self.target)


@pytest.fixture(scope="module")
def approved(tmp_path_factory, state):
    """The root of a toy of two tasks, approved, its first task complete."""
    root = copy_toy(tmp_path_factory.mktemp("decides"), DATABASE)
    add_second_task(root)
    plan = root / "runbook.toml"
    plan.write_text(plan.read_text().replace('approval = "automatic"', 'approval = "required"'))
    # What a notebook has that somebody works with
    change_notebook(root / FIRST, lambda cells: cells[0].update(source=f"{NOTE} _(who, when)_"))
    record_decision(Plan.load(plan), "local", Approver("Ada", "Seen"), {})
    with subject(root) as task:
        task.ledger.open_run(RUN, "local", "ben", "", {})
        task.ledger.start_task(RUN, 7)
        task.ledger.finish_task(RUN, 7, "complete")
    return root


@contextmanager
def subject(root):
    plan = Plan.load(root / "runbook.toml")
    target = environments.find(plan, plan.environment("local"))
    with target.connect("test") as connection:
        yield Subject(plan, Ledger(connection, plan.name), target)


def change_notebook(path, change):
    notebook = json.loads(path.read_text())
    change(notebook["cells"])
    path.write_text(json.dumps(notebook))


def refusals(root, *, is_target=False, given=None):
    """What is said at the start of a run, between two tasks, and where the target is first changed; empty: nothing."""
    said = []
    with subject(root) as task:
        if given:
            task.ledger.open_run(RUN, "local", "ben", "", given)
        asked = (task.plan, task.environment, task.ledger.connection, task.target.identity, given or {})
        moments = [
            lambda: approval_required.ask_first(*asked),
            lambda: approval_required.require_approval(task),
            lambda: approval_required.require_approval(task, task.schema()),
        ]
        for moment in moments[2:] if is_target else moments:
            try:
                moment()
                said.append("")
            except NotApproved as refusal:
                said.append(str(refusal))
    return said


def code(cells):
    return [cell for cell in cells if cell["cell_type"] == "code"]


def written(name, text="x = 1\n"):
    def change(root):
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((path.read_text() if path.exists() else "") + text)

    return change


def noted(name, change):
    return lambda root: change_notebook(root / name, change)


def planned(was, now):
    def change(root):
        path = root / "runbook.toml"
        assert was in path.read_text()
        path.write_text(path.read_text().replace(was, now, 1))

    return change


def entry(line):
    return planned("[environments.local]", f"[environments.local]\n{line}")


# What is changed → how, and what must be said of it.
DECIDES = {
    "a cell": (noted(FIRST, lambda cells: code(cells)[2].update(source="%%sql\nSELECT 1")), f"{FIRST} changed"),
    "a cell of a later task": (noted(LATER, lambda cells: code(cells)[2].update(source="1")), f"{LATER} changed"),
    "the order of cells": (noted(FIRST, lambda cells: cells.append(cells.pop(3))), f"{FIRST} changed"),
    "a cell's tag": (
        noted(FIRST, lambda cells: code(cells)[2]["metadata"].update(tags=["skip-execution"])), f"{FIRST} changed",
    ),
    "a rollback": (written("sql/rollback/07_label_the_shelves.sql", "-- more\n"), "07_label_the_shelves.sql changed"),
    "more SQL": (written("sql/finish/07.sql"), "sql/finish/07.sql is new"),
    "a fault": (written("sql/faults/07_more.py"), "sql/faults/07_more.py is new"),
    "a module beside the notebooks": (written("notebooks/shelving.py"), "notebooks/shelving.py is new"),
    "a module that shadows another": (written("notebooks/psycopg/__init__.py"), "notebooks/psycopg/__init__.py is new"),
    "a compiled one": (written("notebooks/pandas.pyc"), "notebooks/pandas.pyc is new"),
    "one that papermill would find": (written("runbook.py"), "runbook.py is new"),
    "a package there": (written("json/__init__.py"), "json/__init__.py is new"),
    "an Edge Function": (written("supabase/functions/lend/index.ts"), "supabase/functions/lend/index.ts is new"),
    "a pin": (written("constraints.txt"), "constraints.txt is new"),
    "expected results": (written("outputs/expected/07.ipynb"), "outputs/expected/07.ipynb is new"),
    "a criterion": (planned("Every shelf has a label", "Some shelf has a label"), "runbook.toml changed"),
    "the order of tasks": (planned("needs = [7]", "needs = []"), "runbook.toml changed"),
    "what is personal": (planned('name = "toy"\n', 'name = "toy"\npersonal = ["shelf"]\n'), "runbook.toml changed"),
    "how many approve": (entry("approvers = 2"), "approvers of local is new"),
    "who approves": (
        entry('approver_keys = ["SHA256:' + "a" * 43 + '"]'),
        "approver_keys of local is new",
    ),
    "its protection": (entry("protected = true"), "protected of local is new"),
}  # fmt: skip
LEAVES = {
    "an operator's note": noted(FIRST, lambda cells: cells[0].update(source=f"{NOTE} Ben, today")),
    "outputs and counts": noted(FIRST, lambda cells: code(cells)[1].update(execution_count=7, outputs=SAVED[1])),
    "folding": noted(FIRST, lambda cells: cells[1]["metadata"].update(SAVED[0])),
    "another environment": written("runbook.toml", '\n[environments.more]\napproval = "required"\n'),
    "another environment's entry": planned("[environments.elsewhere]", "[environments.elsewhere]\napprovers = 7"),
    "a remark in the plan": written("runbook.toml", "\n# a remark\n"),
    "a page": written("docs/notes.md"),
    "a text beside SQL": written("sql/notes.txt"),
    "an earlier run": written("outputs/local/1/manifest.json", "{}"),
    "a notebook of no task": written("notebooks/Untitled.ipynb", "{}"),
    "what JupyterLab keeps": written("notebooks/.ipynb_checkpoints/a.py"),
    "what Python compiles": written("notebooks/__pycache__/a.cpython-311.pyc"),
}  # fmt: skip


@pytest.fixture
def copied(approved, tmp_path):
    """The approved toy, to change."""
    return shutil.copytree(approved, tmp_path / "toy")


@pytest.mark.parametrize("what", DECIDES)
def test_each_change_of_what_decides_voids_the_approval_and_is_named(copied, what):
    change, words = DECIDES[what]
    change(copied)
    assert [words in said and "since Ada approved it" in said for said in refusals(copied)] == [True] * 3


@pytest.mark.parametrize("what", LEAVES)
def test_each_change_of_what_decides_nothing_leaves_it(copied, what):
    LEAVES[what](copied)
    assert refusals(copied) == ["", "", ""]


def test_the_package_and_the_versions_decide(approved, tmp_path, monkeypatch):
    package = shutil.copytree(installed.PACKAGE, tmp_path / "package")
    monkeypatch.setattr(installed, "PACKAGE", package)
    assert refusals(approved) == ["", "", ""]
    for name in ("query/send.py", "database/ledger.sql", "report/templates/report.html.j2"):
        kept = (package / name).read_bytes()
        (package / name).write_bytes(kept + b"\n")
        assert all(f"runbook/{name} changed since" in said for said in refusals(approved))
        (package / name).write_bytes(kept)
    versions = installed.versions()
    monkeypatch.setattr(installed, "versions", lambda: versions | {"papermill": "0.1", "Python": "2.7"})
    assert all("Python changed from" in said and "papermill changed from" in said for said in refusals(approved))


def test_parameters_decide(approved):
    assert all("the parameter prefix is new since" in said for said in refusals(approved, given={"prefix": "X"}))
    with subject(approved) as task:
        task.ledger.connection.execute("UPDATE runbook.runs SET parameters = '{}'")
    assert refusals(approved) == ["", "", ""]


# As the superuser on the target; what undoes it; what must be said, or nothing.
ON_TARGET = {
    "a column": ("ALTER TABLE shelves ADD c int", "ALTER TABLE shelves DROP c", SCHEMA),
    "a policy": ("CREATE POLICY p ON shelves USING (true)", "DROP POLICY p ON shelves", SCHEMA),
    "a right": ("GRANT ALL ON shelves TO PUBLIC", "REVOKE ALL ON shelves FROM PUBLIC", SCHEMA),
    "a function": (
        "CREATE FUNCTION f() RETURNS int LANGUAGE sql RETURN 1", "DROP FUNCTION f()", SCHEMA,
    ),
    "an extension": (
        "CREATE SCHEMA s; CREATE EXTENSION pg_stat_statements SCHEMA s", "DROP SCHEMA s CASCADE",
        "the extensions of the target changed from",
    ),
    "an event trigger": (
        "CREATE SCHEMA s; CREATE FUNCTION s.e() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';"
        "CREATE EVENT TRIGGER e ON ddl_command_end EXECUTE FUNCTION s.e()",
        "DROP EVENT TRIGGER e; DROP SCHEMA s CASCADE",
        "the event triggers of the target changed from none to e ddl_command_end",
    ),
    "rows": ("INSERT INTO shelves SELECT * FROM shelves LIMIT 0; ANALYZE shelves", "SELECT 1", ""),
    "settings": (
        f"ALTER DATABASE {DATABASE} SET search_path = nowhere", f"ALTER DATABASE {DATABASE} RESET search_path", "",
    ),
    "another schema": ("CREATE SCHEMA others", "DROP SCHEMA others", ""),
    "another role": ("CREATE ROLE librarians", "DROP ROLE librarians", ""),
}  # fmt: skip


@pytest.mark.parametrize("what", ON_TARGET)
def test_what_decides_of_the_target_is_looked_at_before_it_is_changed(approved, what):
    change, undo, words = ON_TARGET[what]
    with psycopg.connect(
        embedded.url(embedded.start(approved), DATABASE, embedded.SUPERUSER), autocommit=True
    ) as target:
        target.execute(change)
        try:
            (said,) = refusals(approved, is_target=True)
        finally:
            target.execute(undo)
    assert (f"{words}" in said) if words else said == ""


def test_an_approval_does_not_go_along_to_another_database(approved):
    with subject(approved) as task:
        other = replace(task.target, identity=replace(task.target.identity, oid=1))
        with pytest.raises(NotApproved, match="the target changed from database toy_decides"):
            approval_required.require_approval(replace(task, target=other))


def test_a_fault_injection_since_decides(copied):
    path = fingerprint.injection_record(Plan.load(copied / "runbook.toml"), "local")
    path.parent.mkdir(parents=True)
    path.write_text(json.dumps({"digest": "0" * 64, "counts": {"missed": 1}}))
    (said,) = refusals(copied, is_target=True)
    assert "the fault injection on local changed from not done to 1 missed" in said
