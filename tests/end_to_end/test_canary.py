"""Secrets: a canary in every way a password or token can be given, and the places where none may ever be seen.

The server asks for the password, so a way that is not taken fails. The tools of PostgreSQL are called through scripts
that write their arguments down, and a thread reads the list of processes and of sessions all the while.
"""

import json
import re
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import psutil
import psycopg
import pytest

from runbook.database import embedded, privileges
from tests.support.project import Command, copy_toy
from tests.support.receiver import Receiver

CANARY = "c4n4ry-0f-4-p4ssw0rd"
TOKEN = "sbp_c4n4ry-0f-4-t0k3n"
HOOK = "c4n4ry-0f-4-h00k"
SECRETS = (CANARY, TOKEN, HOOK)
DATABASE, USER = "toy_canary", "librarian"
RUN = ("run", "--environment", "elsewhere")
SHIM = '#!/bin/sh\necho "$0" "$@" >> {log}\nexec {real} "$@"\n'


class Target(NamedTuple):
    """A toy whose environment `elsewhere` asks for a password."""

    root: Path
    state: Path
    address: str
    admin: psycopg.Connection


@pytest.fixture(scope="module")
def target(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    root = copy_toy(tmp_path_factory.mktemp("canary"), DATABASE)
    plan = root / "runbook.toml"
    plan.write_text(plan.read_text().replace('approval = "required"\nprotected = true', 'approval = "automatic"'))
    server = embedded.start(root)
    rules = state / "postgres" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local {DATABASE} {USER} scram-sha-256\n{before}")
    with psycopg.connect(embedded.url(server, DATABASE, "postgres"), autocommit=True) as admin:
        admin.execute(f"ALTER ROLE {USER} PASSWORD '{CANARY}'")
        admin.execute("SELECT pg_reload_conf()")
        yield Target(root, state, f"host={admin.info.host} port={admin.info.port} dbname={DATABASE} user={USER}", admin)
        rules.write_text(before)
        admin.execute(f"ALTER ROLE {USER} PASSWORD NULL")
        admin.execute("SELECT pg_reload_conf()")


class Watch:
    """Reads the arguments of all processes and the texts of all sessions until it is left."""

    def __init__(self, target: Target) -> None:
        self.target, self.seen = target, set[str]()
        self._left = threading.Event()
        self._thread = threading.Thread(target=self._look)

    def _look(self) -> None:
        sessions = "SELECT concat_ws(' ', application_name, query) FROM pg_stat_activity WHERE pid <> pg_backend_pid()"
        while not self._left.wait(0.05):
            self.seen |= {" ".join(one.info["cmdline"] or []) for one in psutil.process_iter(["cmdline"])}
            self.seen |= {row[0] for row in self.target.admin.execute(sessions)}

    def __enter__(self) -> "Watch":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._left.set()
        self._thread.join()


def places(target: Target, *folders: Path) -> Iterator[tuple[str, str]]:
    """Yield what a run leaves behind: where, and the text."""
    for folder in (target.root, *folders):
        for path in folder.rglob("*"):
            if path.is_file():
                yield str(path), path.read_bytes().decode("utf-8", "replace")
    yield "the log of the server", (target.state / "postgres" / "log").read_text("utf-8", "replace")
    tables = "SELECT format('%I.%I', schemaname, tablename) FROM pg_tables WHERE schemaname = 'runbook'"
    for (table,) in target.admin.execute(tables).fetchall():
        yield f"the ledger, {table}", str(target.admin.execute(f"SELECT t::text FROM {table} AS t").fetchall())


def leaks(found: Iterator[tuple[str, str]]) -> list[str]:
    return [place for place, text in found for secret in SECRETS if secret in text]


def ways(target: Target, folder: Path) -> dict[str, dict[str, str]]:
    """Return each way to give the password: name → environment variables."""
    address = "RUNBOOK_ELSEWHERE_DATABASE_URL"
    passwords, services = folder / "pgpass", folder / "services"
    passwords.write_text(f"*:*:*:{USER}:{CANARY}\n")
    passwords.chmod(0o600)
    services.write_text(f"[canary]\n{target.address.replace(' ', chr(10))}\npassword={CANARY}\n")
    return {
        "URL": {
            address: re.sub(
                r"host=(\S+) port=(\d+) dbname=(\w+) user=(\w+)",
                rf"postgresql://\4:{CANARY}@/\3?host=\1&port=\2",
                target.address,
            )
        },
        "PGPASSWORD": {address: target.address, "PGPASSWORD": CANARY},
        "PGPASSFILE": {address: target.address, "PGPASSFILE": str(passwords)},
        "PGSERVICEFILE": {address: "service=canary", "PGSERVICEFILE": str(services)},
    }


@pytest.mark.parametrize(
    "way",
    [
        "URL",
        pytest.param("PGSERVICEFILE", marks=pytest.mark.slow),
    ],
)
def test_a_run_shows_no_secret_anywhere(
    target: Target, runbook: Command, tmp_path: Path, tmp_path_factory: pytest.TempPathFactory, way: str
) -> None:
    tools, log, home = tmp_path / "bin", tmp_path / "arguments", tmp_path / "home"
    for folder in (tools, home):
        folder.mkdir()
    for name in ("pg_dump", "pg_restore"):
        (tools / name).write_text(SHIM.format(log=log, real=privileges.programs() / name))
        (tools / name).chmod(0o755)
    hook = Receiver(500, 500, 500, 500)
    given = {
        **ways(target, tmp_path_factory.mktemp("secrets"))[way],
        "RUNBOOK_WEBHOOK_URL": f"{hook.url}/{HOOK}",
        "SUPABASE_ACCESS_TOKEN": TOKEN,
        "RUNBOOK_PG_BIN": str(tools),
        "HOME": str(home),
        "IPYTHONDIR": str(home),
        "TMPDIR": str(home),
    }
    try:
        with Watch(target) as watch:
            result = runbook(target.root, *RUN, **given)
    finally:
        hook.close()
    said = result.stdout + result.stderr
    assert result.returncode == 0, said
    assert hook.requests
    assert "pg_dump" in log.read_text()
    assert [text for text in watch.seen if "forkserver" in text]
    assert [text for text in watch.seen if text.startswith("runbook ") and " task 7" in text]
    seen = [("what it said", said), *(("the lists of processes and sessions", text) for text in watch.seen)]
    assert leaks(iter([*seen, *places(target, tmp_path)])) == []


@pytest.mark.parametrize("way", ["PGPASSWORD", "PGPASSFILE"])
def test_a_refused_login_shows_no_secret(
    target: Target, runbook: Command, tmp_path_factory: pytest.TempPathFactory, way: str
) -> None:
    given = ways(target, tmp_path_factory.mktemp("secrets"))[way]
    assert runbook(target.root, "status", "--environment", "elsewhere", **given).returncode == 0
    target.admin.execute(f"ALTER ROLE {USER} PASSWORD 'another'")
    try:
        result = runbook(target.root, *RUN, **given)
    finally:
        target.admin.execute(f"ALTER ROLE {USER} PASSWORD '{CANARY}'")
    assert result.returncode == 75
    assert "password authentication failed" in result.stderr
    assert "Traceback" not in result.stderr
    assert leaks(iter([("what it said", result.stdout + result.stderr)])) == []


@pytest.mark.parametrize(
    "parameter",
    [
        ("password", CANARY),
        ("environment", f"postgresql://{USER}:{CANARY}@localhost/{DATABASE}"),
        (f"postgresql://{USER}:{CANARY}@localhost/{DATABASE}", "x"),
        ("workers", CANARY),
        ("workers", f"postgresql://{USER}:{CANARY}@localhost/{DATABASE}"),
    ],
)
def test_a_secret_given_as_a_parameter_is_refused_and_not_repeated(
    target: Target, runbook: Command, parameter: tuple[str, str]
) -> None:
    result = runbook(target.root, "run", "-p", *parameter)
    assert result.returncode == 2
    assert "Traceback" not in result.stderr
    assert leaks(iter([("what it said", result.stdout + result.stderr), *places(target)])) == []


def test_a_secret_would_be_found(target: Target, tmp_path: Path) -> None:
    (tmp_path / "manifest.json").write_text(json.dumps({"operator": TOKEN}))
    with target.admin.transaction(force_rollback=True):
        target.admin.execute("CREATE SCHEMA IF NOT EXISTS runbook")
        target.admin.execute(f"CREATE TABLE runbook.leak AS SELECT '{HOOK}' AS address")
        found = leaks(places(target, tmp_path))
    assert found == [str(tmp_path / "manifest.json"), "the ledger, runbook.leak"]
