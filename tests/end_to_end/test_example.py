"""The example of another kind: laid out by `runbook new`, it runs online, gives everything back, catches its faults."""

import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest

from runbook.authoring.new import lay_out
from runbook.database import embedded
from runbook.evidence import manifest
from runbook.plan import static_check
from runbook.plan.plan import Plan
from tests.support.project import ROOT

EXAMPLE = ROOT / "examples" / "split-names"
TASKS = ("Split the name", "Require the first name")
OWN = {"README.md", "runbook.toml", "sql/baseline/schema.sql"}  # what its author has written himself
STATES = {
    "columns": "SELECT attrelid::regclass::text, attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped"
    " AND attrelid IN ('users'::regclass, 'orders'::regclass, 'logins'::regclass) ORDER BY 1, attnum",
    "triggers": "SELECT tgname FROM pg_trigger WHERE NOT tgisinternal",
    "functions": "SELECT proname FROM pg_proc WHERE pronamespace = 'public'::regnamespace",
    "indexes": "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    "constraints": "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint"
    " WHERE connamespace = 'public'::regnamespace ORDER BY 1",
    "users": "SELECT md5(string_agg((id, email, name)::text, '' ORDER BY id)) FROM users",
    "orders": "SELECT md5(string_agg(o::text, '' ORDER BY id)) FROM orders AS o",
}


@pytest.fixture
def example(tmp_path: Path, state: Path) -> Path:
    """A copy of the example, on a fresh baseline."""
    left = shutil.ignore_patterns("local", ".runbook", "__pycache__", "*.ipynb_checkpoints")
    root = Path(shutil.copytree(EXAMPLE, tmp_path / "split-names", ignore=left))
    embedded.reset(root, Plan.load(root / "runbook.toml").environment("local"))
    return root


def found(connection: psycopg.Connection) -> dict[str, list[tuple]]:
    return {what: connection.execute(query).fetchall() for what, query in STATES.items()}


@contextmanager
def application(root: Path) -> Iterator[list[str]]:
    """Let users sign up, change their name and order something, again and again; yield what went wrong."""
    wrong: list[str] = []
    ended, begun = threading.Event(), threading.Event()

    def work() -> None:
        environment = Plan.load(root / "runbook.toml").environment("local")
        with psycopg.connect(embedded.provide(root, environment), autocommit=True) as connection:
            place = 0
            while not ended.is_set() and not wrong:
                place += 1
                try:
                    connection.execute(
                        "WITH made AS (INSERT INTO users (email, name) VALUES (%s, 'Live Traffic') RETURNING id)"
                        " INSERT INTO orders (user_id, cents) SELECT id, 1 FROM made",
                        [f"live{place}@example.org"],
                    )
                    connection.execute("UPDATE users SET name = 'Renamed ' || id WHERE id = %s", [place % 20000 + 1])
                except psycopg.Error as error:
                    wrong.append(str(error))
                begun.set()
                ended.wait(0.01)

    worker = threading.Thread(target=work)
    worker.start()
    try:
        assert begun.wait(60)
        yield wrong
    finally:
        ended.set()
        worker.join()


def test_nothing_is_wrong_with_the_example():
    assert static_check.flaws(Plan.load(EXAMPLE / "runbook.toml")) == []


def test_what_its_author_did_not_write_is_as_it_was_laid_out(tmp_path):
    made = lay_out(tmp_path, EXAMPLE.name, TASKS)
    laid_out = {path.relative_to(made).as_posix() for path in made.rglob("*") if path.is_file()}
    kept = {name for name in laid_out - OWN if "/01_" not in name and "/02_" not in name}
    assert {"notebooks/00_prepare.ipynb", "tests/test_runbook.py", ".github/workflows/runbook.yml"} <= kept
    assert not [name for name in sorted(kept) if (EXAMPLE / name).read_bytes() != (made / name).read_bytes()]


@pytest.mark.slow
def test_it_runs_while_the_application_goes_on_and_gives_everything_back(example, runbook, connect):
    connection = connect(example)
    before = found(connection)
    with application(example) as wrong:
        run = runbook(example, "run")
    assert (run.returncode, wrong) == (0, []), run.stdout + run.stderr
    assert manifest.read_manifest(manifest.latest_run(Plan.load(example / "runbook.toml")))["status"] == "complete"
    names = "SELECT count(*), count(*) FILTER (WHERE concat_ws(' ', first_name, last_name) = name) FROM users"
    everybody, in_step = connection.execute(names).fetchone()
    assert everybody == in_step > 20000
    connection.execute("DELETE FROM orders WHERE cents = 1")
    connection.execute("DELETE FROM users WHERE name = 'Live Traffic'")
    live = found(connection)
    back = runbook(example, "rollback", "--yes")
    assert back.returncode == 0, back.stdout + back.stderr
    assert "On a copy the rollback wrote" in back.stdout
    after = found(connection)
    same = ("columns", "triggers", "functions", "indexes", "constraints", "orders")
    assert {what: after[what] for what in same} == {what: before[what] for what in same}
    assert after["users"] == live["users"]  # nobody's change of a name was lost


@pytest.mark.slow
def test_its_faults_are_caught(example, runbook):
    injected = runbook(example, "inject-faults")
    assert injected.returncode == 0, injected.stdout + injected.stderr
    assert "8 caught · 0 missed · 0 false alarm" in injected.stdout
