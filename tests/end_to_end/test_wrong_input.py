"""Wrong input: one clear sentence, the right exit code, no password in it, and nothing changed.

Usage and dependencies are in test_batch.py, every way an address can be wrong in test_environments.py.
"""

import shutil
import signal
import socket
import threading
from pathlib import Path

import psycopg
import pytest
from click.testing import CliRunner, Result

from runbook.cli import main
from runbook.database import lock
from runbook.database.ledger import Ledger
from runbook.evidence import manifest
from runbook.plan.plan import Plan
from tests.support.project import copy_toy
from tests.support.servers import Server, folder, free_port
from tests.support.toy import NAME

CANARY = "c4n4ry"
ELSEWHERE = "RUNBOOK_ELSEWHERE_DATABASE_URL"


@pytest.fixture(scope="module")
def server(tmp_path_factory):
    """A server with a role `visitor` that may read and nothing else."""
    one = Server(folder(tmp_path_factory.mktemp("elsewhere"), "primary"), CANARY)
    one.initialize()
    with one.running():
        with psycopg.connect(one.address(), autocommit=True) as admin:
            admin.execute(f"CREATE ROLE visitor LOGIN PASSWORD '{CANARY}'")
        yield one


@pytest.fixture(scope="module")
def standby(server):
    """A standby of the server."""
    copy = Server(folder(server.data.parent, "standby"), CANARY)
    copy.call("pg_basebackup", "-R", "--checkpoint=fast", "--no-sync", "-d", server.address(dbname="replication"))
    with copy.running():
        yield copy


@pytest.fixture(scope="module")
def old_server():
    """Something that says it is PostgreSQL 14."""

    def serve() -> None:
        with listener.accept()[0] as client:
            client.recv(4096)
            client.sendall(b"R\0\0\0\x08\0\0\0\0")  # logged in
            client.sendall(b"S\0\0\0\x18server_version\x0014.9\0")
            client.sendall(b"Z\0\0\0\x05I")  # ready
            client.recv(4096)

    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=serve, daemon=True).start()
        port = listener.getsockname()[1]
        yield f"host=127.0.0.1 port={port} user=me password={CANARY} sslmode=disable gssencmode=disable"


@pytest.fixture(scope="module")
def toys(tmp_path_factory, state):
    """A toy that was never run, on a database of its own."""
    return copy_toy(tmp_path_factory.mktemp("wrong"), "toy_wrong")


@pytest.fixture
def ask(toys, monkeypatch):
    """Give a command about `elsewhere`, or about a folder."""
    handler = signal.getsignal(signal.SIGTERM)

    def call(*arguments: str, address: str = "", root: Path = toys) -> Result:
        monkeypatch.chdir(root)
        monkeypatch.setenv(ELSEWHERE, address)
        result = CliRunner().invoke(main, arguments)
        assert result.exception is None or isinstance(result.exception, SystemExit)
        assert CANARY not in result.output
        return result

    yield call
    signal.signal(signal.SIGTERM, handler)


def sentence(result: Result, code: int) -> str:
    assert (result.exit_code, result.stdout) == (code, "")
    (said,) = result.stderr.splitlines()
    assert said.startswith("runbook: ")
    return said


RUN = ("run", "--environment", "elsewhere")
COLUMNS = "“every column the migration relies on stands, with its type”"
DECIDE = ("--environment", "elsewhere", "--by", "Ada", "--statement", "Go")


@pytest.mark.parametrize(
    "command",
    [
        RUN,
        ("status", "--environment", "elsewhere"),
        ("preflight", "--environment", "elsewhere"),
        ("rollback", "--environment", "elsewhere"),
        ("approve", *DECIDE),
        ("reject", *DECIDE),
    ],
    ids=lambda command: command[0],
)
def test_a_server_that_is_down(ask, command):
    said = sentence(ask(*command, address=f"host=127.0.0.1 port={free_port()} user=me password={CANARY}"), 75)
    assert said.startswith(f"runbook: Cannot connect to environment 'elsewhere' (from {ELSEWHERE}):")
    assert "Connection refused" in said


def test_a_preflight_of_a_plan_that_asks_nothing_first_says_that_nobody_has_approved_it(ask, server):
    found = ask("preflight", "--environment", "elsewhere", address=server.address())
    assert (found.exit_code, "nobody has approved it" in " ".join(found.stdout.split())) == (4, True)


def test_the_list_of_verbs_is_said_whole(ask):
    said = ask("--help").stdout
    assert "..." not in said.partition("Commands:")[2]
    assert "every finding about the target, and what a run would do; change nothing" in " ".join(said.split())


def test_a_malformed_address(ask):
    assert f"{ELSEWHERE} is no libpq URL" in sentence(ask(*RUN, address=f"postgres//me:{CANARY}@host/db"), 2)


def test_verify_names_the_run_it_takes_and_one_that_is_newer_and_not_sealed(ask, tmp_path, toys):
    root = shutil.copytree(toys, tmp_path / "copy")
    for run, left in (("20260101T000000.000Z", "manifest.json"), ("20260102T000000.000Z", "events.jsonl")):
        (root / "outputs" / "local" / run).mkdir(parents=True)
        (root / "outputs" / "local" / run / left).write_text("{}")
    newer, taken = ask("verify", root=root).stdout.splitlines()
    assert "20260102T000000.000Z is newer and not sealed" in newer
    assert taken.endswith("20260101T000000.000Z:")


@pytest.mark.parametrize("command", [("run", "--note", "A\udcff"), ("reject", "--by", "\udcff", "--statement", "No")])
def test_an_argument_that_is_no_text(ask, command):
    refused = ask(*command)
    assert (refused.exit_code, "is no text in UTF-8" in refused.stderr) == (2, True)


def test_a_wrong_password(ask, server):
    assert "password authentication failed" in sentence(ask(*RUN, address=server.address(password="wrong")), 75)


def test_a_server_too_old(ask, old_server):
    said = sentence(ask(*RUN, address=old_server), 2)
    assert "'elsewhere' runs PostgreSQL 14.9; the runbook needs 15 or newer" in said


@pytest.mark.parametrize("command", [RUN, ("approve", *DECIDE)], ids=lambda command: command[0])
def test_a_role_that_may_not_keep_a_ledger(ask, server, command):
    said = sentence(ask(*command, address=server.address("visitor")), 2)
    assert "cannot keep its ledger here (permission denied for database postgres)" in said
    assert "as a role with CREATE on the database" in said


def test_a_session_that_is_read_only_by_default_is_settled(ask, server):
    options = "-c default_transaction_read_only=on"
    assert "approve" in sentence(ask(*RUN, address=server.address(options=options)), 4)


def test_a_standby_is_refused_and_can_be_looked_at(ask, standby):
    assert "Connect to the primary" in sentence(ask(*RUN, address=standby.address()), 2)
    status = ask("status", "--environment", "elsewhere", address=standby.address())
    assert (status.exit_code, "not run" in status.stdout) == (0, True)


def test_a_ledger_that_may_not_be_read(ask, server, toys):
    with psycopg.connect(server.address(dbname="template1"), autocommit=True) as admin:
        admin.execute("CREATE DATABASE kept")
    with psycopg.connect(server.address(dbname="kept"), autocommit=True) as owner:
        Ledger(owner, "toy").prepare()
    address = server.address("visitor", dbname="kept")
    assert "permission denied for schema runbook" in sentence(ask("status", "-e", "elsewhere", address=address), 1)
    assert "cannot keep its ledger here" in sentence(ask(*RUN, address=address), 2)


@pytest.mark.parametrize("command", ["verify", "report"])
@pytest.mark.parametrize("text", ["", '{"run_id": ', "[]", "{}", '{"tasks": 1}', '{"tasks": [{}], "run_id": ""}'])
def test_a_damaged_manifest(ask, tmp_path, command, text):
    (tmp_path / manifest.MANIFEST).write_text(text)
    said = sentence(ask(command, str(tmp_path)), 2)
    assert str(tmp_path) in said
    assert f"{manifest.MANIFEST} is damaged" in said


@pytest.mark.parametrize(
    ("command", "code", "complaint"),
    [
        (("run", "--fresh", "-p", "wrokers", "3"), 2, "no parameter 'wrokers'"),
        (("run", "--fresh", "--resume"), 2, "give only one of them"),
        (("run", "--fresh"), 75, "Another run holds this target"),
        (("reset",), 75, "Another run holds this target: somebody (backend "),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else None,
)
def test_a_baseline_is_not_reset_under_anybodys_feet(ask, toys, connect, command, code, complaint):
    somebody = connect(toys)
    somebody.execute("SET application_name = 'somebody'")
    lock.take(somebody, "toy")
    somebody.execute("CREATE TABLE kept ()")
    assert complaint in sentence(ask(*command), code)
    somebody.execute("DROP TABLE kept")


@pytest.mark.parametrize("command", ["run", "docs"])
@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": [{"cell_type": 3}]}'])
def test_a_notebook_that_is_none(ask, tmp_path, toys, command, content):
    root = shutil.copytree(toys, tmp_path / "copy")
    (root / "notebooks" / NAME).write_text(content)
    assert "is no notebook: it is not valid JSON with cells" in sentence(ask(command, root=root), 2)


def test_a_place_that_takes_no_evidence(ask, tmp_path, toys):
    root = shutil.copytree(toys, tmp_path / "copy")
    (root / "outputs").write_text("in the way")
    said = sentence(ask("run", root=root), 1)
    assert "A file cannot be read or written ([Errno " in said
    assert "outputs" in said
    assert said.endswith("Next: mend that, then `runbook run --resume`.")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("harm", "task", "said"),
    [
        (
            "ALTER TABLE credit_actions RENAME TO credit_history",
            0,
            "“the three tables stand in the schema that the plan names”",
        ),
        ("ALTER TABLE organization_credits ALTER used_credits TYPE text", 1, COLUMNS),
        ("ALTER TABLE organizations DROP COLUMN status", 1, COLUMNS),
    ],
    ids=["a missing table", "a column of another type", "a missing column"],
)
def test_a_target_of_another_shape(project, runbook, connect, harm, task, said):
    target = connect(project)
    target.execute(harm)
    ledger = Ledger(target, Plan.load(project / "runbook.toml").name)
    ledger.prepare()
    for before in range(task):
        ledger.open_run("earlier", "local", "somebody", "", {})
        ledger.start_task("earlier", before)
        ledger.finish_task("earlier", before, "complete")
    result = runbook(project, "run", "--from", str(task), "--to", str(task))
    assert result.returncode == 1, result.stdout + result.stderr
    assert said in result.stdout
    assert "Traceback" not in result.stdout + result.stderr
