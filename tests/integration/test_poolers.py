"""Behind the real pgbouncer: in session mode all works, in transaction mode nothing is even begun."""

import shutil
from contextlib import ExitStack

import psycopg
import pytest

from runbook.database import embedded, snapshot
from runbook.database.target import Target
from runbook.errors import StepFailed
from runbook.plan.plan import Plan
from tests.support.project import copy_toy, missing
from tests.support.servers import pgbouncer

ELSEWHERE = "RUNBOOK_ELSEWHERE_DATABASE_URL"


@pytest.fixture(scope="module")
def library(tmp_path_factory, state):
    """A toy on the embedded server, whose other environment needs no approval, and its URL there."""
    root = copy_toy(tmp_path_factory.mktemp("pooled"), "toy_pooled")
    plan = root / "runbook.toml"
    head, _, _ = plan.read_text().partition("[environments.elsewhere]")
    plan.write_text(f'{head}[environments.elsewhere]\napproval = "automatic"\n')
    return root, embedded.provide(root, Plan.load(plan).environment("local"))


@pytest.fixture
def pooled(library, tmp_path_factory):
    """Start a pgbouncer in a mode before the embedded server; return the toy's URL through it."""
    if not shutil.which("pgbouncer"):
        missing("pgbouncer")
    with ExitStack() as stack:
        yield lambda mode, only="": stack.enter_context(
            pgbouncer(tmp_path_factory.mktemp("pgbouncer"), library[1], mode, only)
        )


def tables(url: str, *schemas: str) -> set[str]:
    with psycopg.connect(url) as connection:
        found = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text = ANY (%s)", [list(schemas)]
        )
        return {name for (name,) in found}


def settings(url: str) -> set[tuple[str, str]]:
    query = "SELECT name, setting FROM pg_settings WHERE source = 'session' AND name <> 'application_name'"
    with psycopg.connect(url) as connection:
        return set(connection.execute(query).fetchall())


def test_in_transaction_mode_nothing_is_begun(library, pooled, runbook):
    root, direct = library
    before = tables(direct, "public", "runbook")
    url = pooled("transaction")
    theirs = settings(url)
    done = runbook(root, "run", "--environment", "elsewhere", **{ELSEWHERE: url})
    assert (done.returncode, done.stdout) == (2, "")
    (said,) = done.stderr.splitlines()
    assert "through a pooler in transaction mode" in said
    assert "the port of its session mode (on Supabase 5432 instead of 6543)" in said
    assert ELSEWHERE in said
    assert tables(direct, "public", "runbook") == before
    assert settings(url) == theirs, "whoever gets the process next finds it as it was"


@pytest.mark.slow
def test_in_session_mode_all_works(library, pooled, runbook):
    root, _ = library
    session, transaction = pooled("session"), pooled("transaction")
    here, live = ("--environment", "elsewhere"), ("verify", "--live")
    for command, url, code in (
        (("run", *here), session, 0),
        (live, transaction, 2),
        (live, session, 0),
        (("rollback", *here), transaction, 2),
        (("rollback", *here), session, 0),
    ):
        done = runbook(root, *command, **{ELSEWHERE: url})
        assert done.returncode == code, done.stdout + done.stderr
        assert ("a pooler in transaction mode" in done.stderr) is (code == 2)


def test_a_pooler_that_leads_to_one_database_only_gets_nothing_restored_into_it(library, pooled):
    root, direct = library
    before = tables(direct, "public")
    url = pooled("session", "dbname=toy_pooled")
    with psycopg.connect(url, autocommit=True) as connection:
        with pytest.raises(StepFailed, match="leads to one database whatever is asked for"):
            snapshot.back_up(connection, Target.at(url), ["shelves"], root / "shelves.dump")
        assert not connection.execute("SELECT datname FROM pg_database WHERE datname ~ 'scratch'").fetchall()
    assert tables(direct, "public") == before
