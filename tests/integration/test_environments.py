"""Environments: every way to get no connection ends in one sentence that helps, and never shows a password."""

import os
import subprocess
import sys
from dataclasses import replace

import psycopg
import pytest

from runbook.database import embedded, environments, target
from runbook.database.address import looked_up
from runbook.errors import TryAgain, UsageError
from runbook.plan.plan import Environment, Plan

CANARY = "c4n4ry"
START = "from pathlib import Path; from runbook.database import embedded; embedded.start(Path())"
VARIABLE = "RUNBOOK_ELSEWHERE_DATABASE_URL"


@pytest.fixture(scope="module")
def server(state):
    return embedded.start(state)


@pytest.fixture(scope="module")
def locked(state, server):
    """A role that must give its password, and the address of the server's socket."""
    rules = state / "postgres" / "pg_hba.conf"
    before = rules.read_text()
    rules.write_text(f"local all locked scram-sha-256\n{before}")
    with psycopg.connect(embedded.url(server, "postgres", "postgres"), autocommit=True) as admin:
        admin.execute("CREATE ROLE locked LOGIN PASSWORD 'right'")
        admin.execute("SELECT pg_reload_conf()")
        yield f"host={admin.info.host} port={admin.info.port} dbname=postgres"
        rules.write_text(before)
        admin.execute("DROP ROLE locked")
        admin.execute("SELECT pg_reload_conf()")


@pytest.fixture
def connect_elsewhere(toy, monkeypatch):
    """Connect to the toy's environment `elsewhere` at an address; close the connection again."""
    plan = Plan.load(toy / "runbook.toml")

    def connect(url: str, plan: Plan = plan) -> None:
        monkeypatch.setenv(VARIABLE, url)
        environments.connect(plan, plan.environment("elsewhere"), "runbook test").close()

    return connect


def refusal(connect, url: str) -> str:
    with pytest.raises((UsageError, TryAgain)) as raised:
        connect(url)
    message = str(raised.value)
    assert CANARY not in message
    assert CANARY not in repr(raised.value.__cause__)
    assert "\n" not in message
    return message


def test_without_an_address_the_variable_is_named(connect_elsewhere):
    message = refusal(connect_elsewhere, "")
    assert "'elsewhere' has no address" in message
    assert VARIABLE in message


@pytest.mark.parametrize(
    "url",
    [
        f"postgres//me:{CANARY}@localhost/db",
        f"postgresql://me:{CANARY}@[::1/db",
        f"postgresql://me:100%{CANARY}@localhost/db",
        f"postgresql://me:{CANARY}@localhost/db?nonsense=1",
        f"host=localhost password='{CANARY}",
        f"host=localhost passwort={CANARY}",
        f"postgresql://me:{CANARY}@localhost/\udcff",
    ],
)
def test_a_malformed_address_is_refused(connect_elsewhere, url):
    assert f"{VARIABLE} is no libpq URL" in refusal(connect_elsewhere, url)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://me:{CANARY}@127.0.0.1:1/db",
        f"postgresql://me:{CANARY}@127.0.0.1:port/db",
        f"postgresql://me:{CANARY}@127.0.0.1:1/db?sslmode=nonsense",
        f"host=/no/such/folder user=me password={CANARY}",
    ],
)
def test_a_server_that_cannot_be_reached_is_said(connect_elsewhere, url):
    message = refusal(connect_elsewhere, url)
    assert message.startswith(f"Cannot connect to environment 'elsewhere' (from {VARIABLE}):")


@pytest.mark.parametrize(
    ("login", "complaint"),
    [
        (f"user=locked password={CANARY}", "password authentication failed"),
        ("user=locked", "no password supplied"),
        (f"user=nobody password={CANARY}", 'role "nobody" does not exist'),
        (f"user=postgres password={CANARY} dbname=nowhere", 'database "nowhere" does not exist'),
    ],
)
def test_a_login_that_is_refused_is_said(connect_elsewhere, locked, login, complaint):
    assert complaint in refusal(connect_elsewhere, f"{locked} {login}")


def test_the_right_password_connects(connect_elsewhere, locked, monkeypatch, tmp_path):
    connect_elsewhere(f"{locked} user=locked password=right")
    passwords = tmp_path / "pgpass"
    passwords.write_text("*:*:*:locked:right")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    connect_elsewhere(f"{locked} user=locked")


def test_a_session_is_not_what_a_platform_made_of_the_role(toy, locked, monkeypatch):
    monkeypatch.setenv(VARIABLE, f"{locked} user=locked password=right")
    plan = Plan.load(toy / "runbook.toml")
    with psycopg.connect(f"{locked} user=postgres") as admin:
        admin.execute("ALTER ROLE locked SET statement_timeout = 10; ALTER ROLE locked SET search_path = elsewhere")
    with environments.connect(plan, plan.environment("elsewhere"), "runbook test") as connection:
        connection.execute("SELECT pg_sleep(0.05)")
        assert connection.execute("SELECT current_schema(), current_setting('search_path')").fetchone() == (
            "public",
            "public",
        )
        for setting in ("max_parallel_workers_per_gather", "max_parallel_maintenance_workers"):  # a core is enough
            assert connection.execute(f"SHOW {setting}").fetchone() == ("0",)


def test_a_server_that_vanishes_is_missed_within_a_minute(toy, locked, monkeypatch):
    monkeypatch.setenv(VARIABLE, f"{locked} user=locked password=right keepalives_idle=7")
    plan = Plan.load(toy / "runbook.toml")
    with environments.connect(plan, plan.environment("elsewhere"), "runbook test") as connection:
        known = connection.info.get_parameters()
    assert known["keepalives_idle"] == "7", "what the URL says itself counts"
    assert int(known["keepalives_interval"]) * int(known["keepalives_count"]) <= 30
    assert int(known["tcp_user_timeout"]) <= 60_000


def test_a_server_too_old_is_refused(connect_elsewhere, locked, monkeypatch):
    monkeypatch.setattr(target, "OLDEST_SERVER", 990000)
    message = refusal(connect_elsewhere, f"{locked} user=postgres password={CANARY}")
    assert "'elsewhere' runs PostgreSQL 18" in message
    assert "needs 99 or newer" in message


def test_a_connection_shows_who_it_is_and_commits_at_once(toy):
    plan = Plan.load(toy / "runbook.toml")
    with environments.connect(plan, plan.environment("local"), "runbook 1 task 7") as connection:
        assert connection.autocommit
        assert connection.execute("SHOW application_name").fetchone() == ("runbook 1 task 7",)
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"failed for {CANARY}", "failed for …"),
        ("at postgresql://me:other@host/db", "at postgresql://me:…@host/db"),
        ("two\n  lines", "two lines"),
    ],
)
def test_a_password_is_cut_out_of_any_text(text, shown):
    assert looked_up(f"postgresql://me:{CANARY}@host/db").redact(text) == shown


def test_a_baseline_that_fails_leaves_no_database(toy, server):
    (toy / "sql" / "library.sql").write_text("CREATE TABLE half (); SELECT 1 / 0")
    local = replace(Plan.load(toy / "runbook.toml").environment("local"), database="half_done")
    with pytest.raises(UsageError, match=r"library\.sql fails: division by zero"):
        embedded.provide(toy, local)
    with psycopg.connect(embedded.url(server, "postgres", "postgres")) as admin:
        assert not admin.execute("SELECT FROM pg_database WHERE datname = 'half_done'").fetchall()


def test_a_folder_that_cannot_be_made_is_said(tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("RUNBOOK_STATE", str(tmp_path / "file"))
    with pytest.raises(UsageError, match="RUNBOOK_STATE"):
        embedded.start(tmp_path)


def test_whoever_starts_a_server_at_the_same_moment_has_the_same(tmp_path):
    environment = {**os.environ, "RUNBOOK_STATE": str(tmp_path)}
    command = [sys.executable, "-c", START]
    starting = [subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    said = [process.communicate(timeout=120)[1] for process in starting]
    assert [process.returncode for process in starting] == [0, 0, 0], said


def test_the_url_variable_is_the_environments_name():
    assert Environment("elsewhere").url_variable == VARIABLE
