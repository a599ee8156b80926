"""Copies of the target: private before the first row, like the target, and gone after a kill and one command."""

import os
import signal
import subprocess
import sys

import psycopg
import pytest
from psycopg import sql

from runbook.database import copies, embedded, ledger_schema, scratch
from runbook.database.surroundings import ALONE, Lack, find_surroundings
from runbook.database.target import Target
from runbook.plan.plan import Plan

LEFT = "SELECT datname FROM pg_database WHERE datname LIKE 'runbook\\_scratch\\_%'"
# Makes a copy of a target and waits to be killed
MAKE = """
import sys
from runbook.database import scratch
from runbook.database.surroundings import ALONE
from runbook.database.target import Target
target = Target.at(sys.argv[1])
with target.connect("runbook test") as connection, scratch.copy(connection, target, ALONE) as made:
    print(made.identity.database, flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def target(toy):
    return Target.at(embedded.provide(toy, Plan.load(toy / "runbook.toml").environment("local")))


@pytest.fixture
def admin(toy):
    with psycopg.connect(embedded.url(embedded.start(toy), "postgres", "postgres"), autocommit=True) as connection:
        yield connection


def test_a_tenant_enters_no_copy_before_or_after_its_first_row(toy, target, admin, monkeypatch):
    admin.execute("DROP ROLE IF EXISTS tenant; CREATE ROLE tenant LOGIN")
    refusals = []

    def enter(name: str) -> None:
        with pytest.raises(psycopg.OperationalError) as refused:
            psycopg.connect(embedded.url(embedded.start(toy), name, "tenant"))
        refusals.append(str(refused.value))

    execute = psycopg.Connection.execute

    def watched(self, query, *arguments, **options):
        result = execute(self, query, *arguments, **options)
        text = query.as_string(self) if isinstance(query, sql.Composable) else str(query)
        if "CREATE DATABASE" in text or "ON DATABASE" in text or "CONNECTION LIMIT" in text:
            (name,) = execute(admin, LEFT).fetchone()
            enter(name)
        return result

    with target.connect("test") as connection:
        monkeypatch.setattr(psycopg.Connection, "execute", watched)
        with scratch.copy(connection, target, ALONE) as made:
            enter(made.identity.database)
    assert len(refusals) >= 4, "between all statements that make it"


def test_a_role_that_a_session_takes_by_a_setting_makes_a_copy_that_its_user_enters(toy, target, admin):
    admin.execute("ALTER ROLE librarian NOINHERIT; CREATE ROLE taken CREATEDB; GRANT taken TO librarian")
    admin.execute("GRANT ALL ON DATABASE toy TO taken")
    try:
        with target.connect("test") as connection:
            ledger_schema.prepare(connection)
            connection.execute("GRANT USAGE ON SCHEMA runbook TO taken")
            connection.execute("GRANT ALL ON ALL TABLES IN SCHEMA runbook TO taken")
            connection.execute("SET ROLE taken")
            with scratch.scratch_database(connection, target) as made:
                assert admin.execute(LEFT).fetchall() == [(made.identity.database,)]
    finally:
        with psycopg.connect(embedded.url(embedded.start(toy), "toy", "postgres")) as inside:
            inside.execute("DROP OWNED BY taken; DROP ROLE taken; ALTER ROLE librarian INHERIT")


@pytest.mark.slow
def test_what_a_killed_process_has_left_is_named_and_removed_by_the_next_command(toy, target, admin, runbook):
    command = [sys.executable, "-c", MAKE, target.address.conninfo]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=os.environ) as maker:
        name = maker.stdout.readline().strip()
        assert name not in runbook(toy, "status").stdout, "it is in use"
        maker.send_signal(signal.SIGKILL)
    admin.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE application_name = 'runbook test'"
    )
    assert name in runbook(toy, "status").stdout
    done = runbook(toy, "run")
    assert (done.returncode, f"Removed a copy of the target that a dead session had left: {name}" in done.stdout) == (
        0,
        True,
    )
    assert admin.execute(LEFT).fetchall() == []
    with target.connect("test") as connection:
        assert copies.known(connection) == []


def test_a_copy_that_is_in_use_is_swept_by_nobody(target, admin):
    with target.connect("test") as connection, target.connect("test") as other:
        ledger_schema.prepare(connection)
        with scratch.scratch_database(connection, target) as made:
            assert copies.sweep(other) == []
            assert admin.execute(LEFT).fetchall() == [(made.identity.database,)]


@pytest.mark.parametrize(
    "options",
    ["ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'", "LOCALE_PROVIDER builtin BUILTIN_LOCALE 'C.UTF-8' LOCALE 'C'"],
)
def test_a_copy_has_the_targets_encoding_and_locale(admin, target, options):
    admin.execute(f"CREATE DATABASE of_its_own OWNER librarian TEMPLATE template0 {options}")
    try:
        own = Target.at(target.address.beside("of_its_own").conninfo)
        about = "SELECT encoding, datlocprovider, datcollate, datctype, datlocale FROM pg_database WHERE datname = %s"
        with own.connect("test") as connection, scratch.scratch_database(connection, own) as made:
            wanted = admin.execute(about, ["of_its_own"]).fetchone()
            assert admin.execute(about, [made.identity.database]).fetchone() == wanted
    finally:
        admin.execute("DROP DATABASE of_its_own WITH (FORCE)")


def test_only_a_copy_is_dropped(target):
    with target.connect("test") as connection, pytest.raises(ValueError, match="toy is no copy"):
        copies.drop(connection, "toy")


AROUND = """
    CREATE ROLE platform;
    CREATE SCHEMA auth AUTHORIZATION platform;
    CREATE SCHEMA private; CREATE SCHEMA "My hooks"; CREATE SCHEMA vault;
    CREATE TABLE auth.users (id integer PRIMARY KEY, secret text);
    CREATE TABLE auth.members (shelf integer, reader text);
    CREATE FUNCTION auth.everybody(since timestamp with time zone, "Who" auth.users, OUT found integer)
    LANGUAGE sql AS 'SELECT count(*)::integer FROM auth.users';
    COMMENT ON FUNCTION auth.everybody IS 'not needed';
    CREATE FUNCTION auth.reader() RETURNS text LANGUAGE sql STABLE AS $$ SELECT current_setting('test.reader', true) $$;
    GRANT EXECUTE ON FUNCTION auth.everybody, auth.reader() TO librarian WITH GRANT OPTION;
    ALTER TABLE auth.users OWNER TO platform;
    ALTER TABLE auth.members OWNER TO platform;
    ALTER FUNCTION auth.reader() OWNER TO platform;
    CREATE TABLE vault.secrets (id integer);
    CREATE FUNCTION vault.open(shelf integer) RETURNS boolean
    LANGUAGE sql AS 'SELECT EXISTS (SELECT FROM vault.secrets)';
    CREATE TABLE vault.queue (id integer);
    CREATE FUNCTION vault.send() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER
    AS $$ BEGIN INSERT INTO vault.queue VALUES (NEW.id); RETURN NULL; END $$;
    GRANT USAGE ON SCHEMA auth, private, "My hooks", vault TO librarian;
    GRANT SELECT ON auth.members TO librarian;
    GRANT CREATE ON SCHEMA private, "My hooks" TO librarian;
    INSERT INTO auth.members VALUES (1, 'Ada');
"""
TABLES_AROUND = """
    CREATE DOMAIN private.amount AS integer CHECK (VALUE >= 0);
    CREATE TYPE private."Kind" AS ENUM ('loan');
    CREATE TABLE private.log (shelf integer, at timestamptz DEFAULT now());
    INSERT INTO private.log VALUES (1);
    CREATE FUNCTION private.note(integer) RETURNS void LANGUAGE sql AS 'INSERT INTO private.log VALUES ($1)';
    CREATE FUNCTION "My hooks"."After"() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN EXECUTE 'SELECT private.note($1)' USING NEW.id; RETURN NULL; END $$;
    CREATE TABLE public.kept (
        id private.amount PRIMARY KEY, kind private."Kind", reader text DEFAULT auth.reader(), owner integer);
    CREATE TRIGGER after AFTER INSERT ON kept FOR EACH ROW EXECUTE FUNCTION "My hooks"."After"();
    CREATE TRIGGER webhook AFTER INSERT ON kept FOR EACH ROW EXECUTE FUNCTION vault.send();
    CREATE POLICY members ON kept USING (EXISTS (SELECT FROM auth.members WHERE shelf = id AND reader = auth.reader()));
    CREATE POLICY opened ON kept USING (vault.open(id));
"""


def test_a_copy_brings_what_the_tables_hang_on_and_names_what_it_cannot(target, admin):
    """Whatever the schema and whoever owns it; no more than that of what is the platform's."""
    with target.connect("test") as connection:
        place = psycopg.conninfo.make_conninfo(admin.info.dsn, dbname=connection.info.dbname)
        with psycopg.connect(place, autocommit=True) as platform:
            platform.execute(AROUND)
        connection.execute(TABLES_AROUND)
        around = find_surroundings(connection, ("public",))
        with scratch.copy(connection, target, around) as made, made.connect("test") as inside:
            inside.execute("INSERT INTO public.kept VALUES (1, 'loan')")
            assert inside.execute("SELECT shelf FROM private.log").fetchall() == [(1,), (1,)]
            assert inside.execute("SELECT reader FROM auth.members").fetchall() == [("Ada",)]
            absent = "SELECT to_regclass('auth.users'), to_regproc('auth.everybody'), to_regclass('vault.secrets')"
            assert inside.execute(absent).fetchone() == (None, None, None)
            policies = inside.execute("SELECT polname FROM pg_policy ORDER BY 1").fetchall()
            assert policies == [("members",), ("opened",)]
        unread = "librarian may not read it"
        assert around.lacks == (
            Lack("table vault.queue", unread, "function vault.send(), trigger webhook on table kept"),
            Lack("table vault.secrets", unread, "function vault.open(integer)"),
        )
