"""The one door to a database: no variable leads elsewhere, and every session is where and how it must be."""

import re
from dataclasses import replace

import psycopg
import pytest
from psycopg import sql

from runbook.database import copies, embedded, lock, scratch, snapshot
from runbook.database.address import looked_up
from runbook.database.settings import SETTINGS
from runbook.database.surroundings import ALONE
from runbook.database.target import Target
from runbook.errors import StepFailed, TargetHeld
from runbook.plan.plan import Plan
from tests.support.servers import Server, folder

SECRET = "c4n4ry"


@pytest.fixture(scope="module")
def other(tmp_path_factory):
    """Another server, with databases named as ours."""
    one = Server(folder(tmp_path_factory.mktemp("other"), "data"), SECRET)
    one.initialize()
    with one.running():
        with psycopg.connect(one.address(), autocommit=True) as admin:
            admin.execute("CREATE ROLE librarian SUPERUSER LOGIN")
            admin.execute("CREATE DATABASE toy")
        one.login("librarian")
        with psycopg.connect(one.address(dbname="toy"), autocommit=True) as admin:
            admin.execute("CREATE TABLE precious AS SELECT 1 AS one")
        yield one


def is_untouched(other) -> bool:
    with psycopg.connect(other.address(dbname="toy")) as connection:
        return connection.execute("SELECT one FROM precious").fetchone() == (1,)


@pytest.fixture
def service(other, tmp_path):
    """The variables of a service that leads to the other server."""
    file = tmp_path / "pg_service.conf"
    told = psycopg.conninfo.conninfo_to_dict(other.address(dbname="toy", hostaddr="127.0.0.1"))
    file.write_text("[crm]\n" + "".join(f"{name}={value}\n" for name, value in told.items()))
    return {"PGSERVICEFILE": str(file), "PGSERVICE": "crm"}


def variables(other) -> dict[str, str]:
    return {
        "PGHOSTADDR": "127.0.0.1",
        "PGHOST": "localhost",
        "PGPORT": str(other.port),
        "PGDATABASE": "toy",
        "PGUSER": "postgres",
        "PGPASSWORD": SECRET,
        "PGREQUIREAUTH": "scram-sha-256",
        "PGOPTIONS": "-c search_path=nowhere -c statement_timeout=1",
    }


@pytest.mark.slow
def test_no_variable_leads_the_demonstration_to_another_server(toy, other, runbook):
    for command in (["reset"], ["run", "--fresh"]):
        done = runbook(toy, *command, **variables(other))
        assert done.returncode == 0, done.stdout + done.stderr
        assert is_untouched(other)


def test_no_service_leads_the_demonstration_to_another_server(toy, other, service, runbook):
    done = runbook(toy, "reset", **service)
    assert done.returncode == 0, done.stderr
    assert is_untouched(other)
    done = runbook(toy, "reset", **{**service, "PGSERVICE": "undefined"})
    assert done.returncode == 0, done.stderr


def test_no_variable_names_the_database_a_run_goes_to(toy, runbook, connect):
    connect(toy).execute("CREATE DATABASE elsewhere")
    assert runbook(toy, "run", RUNBOOK_SCRATCH_DATABASE="elsewhere").returncode == 0
    url = psycopg.conninfo.make_conninfo(connect(toy).info.dsn, dbname="elsewhere")
    with psycopg.connect(url, autocommit=True) as untouched:
        assert untouched.execute("SELECT to_regnamespace('runbook')").fetchone() == (None,)
    connect(toy).execute("DROP DATABASE elsewhere")


def test_nothing_is_dropped_on_a_server_that_is_not_of_this_data_folder(toy, tmp_path, monkeypatch):
    local = Plan.load(toy / "runbook.toml").environment("local")
    monkeypatch.setattr(embedded.Server, "identifier", lambda self: "1")
    with pytest.raises(Exception, match="nothing was done"):
        embedded.reset(toy, local)
    monkeypatch.undo()
    with psycopg.connect(embedded.provide(toy, local)) as library:
        assert library.execute("SELECT count(*) FROM shelves").fetchone() == (300,)


def test_a_service_is_looked_up_once_and_a_copy_is_never_the_target(other, service, monkeypatch):
    for name, value in service.items():
        monkeypatch.setenv(name, value)
    target = Target.at("service=crm")
    assert target.identity.database == "toy"
    with target.connect("test") as connection, scratch.scratch_database(connection, target) as made:
        with made.connect("test") as inside:
            assert inside.info.dbname == made.identity.database != "toy"
            inside.execute("CREATE TABLE of_the_copy ()")
        assert "of_the_copy" in snapshot.schema_dump(made)
        assert "precious" not in snapshot.schema_dump(made)
        assert "precious" in snapshot.schema_dump(target)


def test_a_session_that_is_led_elsewhere_is_closed(other):
    target = Target.at(other.address(dbname="toy"))
    with pytest.raises(StepFailed, match="led to another database: database toy"):
        replace(target, identity=target.copy("somewhere", 1).identity).connect("test")


def test_a_password_of_the_password_file_opens_copies_as_well(other, tmp_path, monkeypatch):
    passwords = tmp_path / "passwords"
    passwords.write_text(f"localhost:{other.port}:toy:postgres:{SECRET}\n")
    passwords.chmod(0o600)
    monkeypatch.setenv("PGPASSFILE", str(passwords))
    target = Target.at(f"postgresql://postgres@localhost:{other.port}/toy")
    with target.connect("test") as connection, scratch.scratch_database(connection, target) as made:
        assert "CREATE TABLE" not in snapshot.schema_dump(made)


# Whatever a role or a database may set for its sessions, and what would go wrong with it
STRANGE = {
    "search_path": "pg_catalog",
    "statement_timeout": "20ms",
    "lock_timeout": "1ms",
    "idle_session_timeout": "1s",
    "idle_in_transaction_session_timeout": "10ms",
    "datestyle": "SQL, DMY",
    "intervalstyle": "sql_standard",
    "timezone": "Asia/Kolkata",
    "default_transaction_isolation": "serializable",
    "default_transaction_read_only": "on",
    "default_transaction_deferrable": "on",
    "row_security": "off",
    "client_encoding": "LATIN1",
    "client_min_messages": "error",
    "quote_all_identifiers": "on",
    "standard_conforming_strings": "off",
    "transform_null_equals": "on",
    "array_nulls": "off",
    "bytea_output": "escape",
    "extra_float_digits": "-5",
    "exit_on_error": "on",
    "xmloption": "document",
    "jit": "on",
    "check_function_bodies": "off",
    "restrict_nonsystem_relation_kind": "view, foreign-table",
}


@pytest.fixture(params=["ALTER ROLE librarian", "ALTER DATABASE toy", "ALTER ROLE librarian IN DATABASE toy"])
def strange(request, toy):
    """The toy's database, where somebody has set everything otherwise."""
    local = Plan.load(toy / "runbook.toml").environment("local")
    url = embedded.provide(toy, local)
    with psycopg.connect(embedded.url(embedded.start(toy), "postgres", "postgres"), autocommit=True) as admin:
        who = sql.SQL(request.param)
        for name, value in STRANGE.items():
            admin.execute(sql.SQL("{} SET {} = {}").format(who, sql.SQL(name), value))
        yield url
        admin.execute(sql.SQL("{} RESET ALL").format(who))


def test_every_session_begins_from_the_same_settings(strange):
    target = Target.at(strange)
    with target.connect("test") as connection:
        found = {name: connection.execute(f"SHOW {name}").fetchone()[0] for name in SETTINGS}
        assert found == SETTINGS
        assert connection.execute("SHOW search_path").fetchone() == ("public",)
        assert connection.execute("SHOW restrict_nonsystem_relation_kind").fetchone() == ("",)
        memory = "SELECT pg_size_bytes(current_setting('shared_buffers')) / pg_size_bytes(current_setting('work_mem'))"
        assert connection.execute(memory).fetchone() == (8,)
        with scratch.scratch_database(connection, target) as made, made.connect("test") as inside:
            assert {name: inside.execute(f"SHOW {name}").fetchone()[0] for name in SETTINGS} == SETTINGS


def test_client_programs_begin_from_the_same_settings(strange):
    target = Target.at(strange)
    with target.connect("test") as connection:
        connection.execute("CREATE TABLE dates AS SELECT 'Żółw'::text AS name, '-1 days +02:03'::interval AS wait")
        assert "CREATE TABLE public.dates" in snapshot.schema_dump(target), "not quoted"
        with scratch.copy(connection, target, ALONE) as made, made.connect("test") as inside:
            assert snapshot.digest(inside, "dates") == snapshot.digest(connection, "dates")


@pytest.mark.parametrize(
    "strange",
    [pytest.param("ALTER ROLE librarian", marks=pytest.mark.slow), "ALTER ROLE librarian IN DATABASE toy"],
    indirect=True,
)
def test_a_run_and_its_rollback_do_not_depend_on_what_others_have_set(strange, toy, runbook):
    for command in ("run", "rollback"):
        done = runbook(toy, command)
        assert done.returncode == 0, done.stdout + done.stderr


def test_no_trigger_is_silent_because_of_a_setting(toy):
    local = Plan.load(toy / "runbook.toml").environment("local")
    url = embedded.provide(toy, local)
    superuser = embedded.url(embedded.start(toy), "toy", "postgres")
    with psycopg.connect(superuser, autocommit=True) as admin:
        admin.execute("ALTER DATABASE toy SET session_replication_role = 'replica'")
        with Target.at(superuser).connect("test") as connection:
            assert connection.execute("SHOW session_replication_role").fetchone() == ("origin",)
    assert url


def test_an_address_shows_no_secret():
    known = [one.keyword.decode() for one in psycopg.pq.Conninfo.get_defaults()]
    secret = [f"{name}={SECRET}" for name in known if re.search("secret|password|_key$", name)]
    found = looked_up(f"postgresql://me:{SECRET}@host/db?{'&'.join(secret)}")
    assert SECRET not in repr(found)
    assert SECRET not in found.for_program()[0]
    assert found.for_program()[1]["PGPASSWORD"] == SECRET
    assert psycopg.conninfo.conninfo_to_dict(found.for_program()[0])["application_name"].startswith("runbook ")


def test_a_session_that_takes_a_role_by_its_address_can_hold_the_target(other):
    with psycopg.connect(other.address(), autocommit=True) as admin:
        admin.execute("CREATE ROLE keeper NOLOGIN CREATEDB; CREATE ROLE deployer LOGIN IN ROLE keeper")
        admin.execute("CREATE DATABASE kept OWNER keeper")
    other.login("deployer")
    target = Target.at(other.address("deployer", dbname="kept", options="-c role=keeper"))
    with target.connect("runbook one") as connection, target.connect("runbook two") as second:
        lock.take(connection, "toy")
        with pytest.raises(TargetHeld):
            lock.take(second, "toy")
        name, _ = copies.make(connection)
        assert [copy.is_used for copy in copies.known(second)] == [True]
        assert copies.drop(connection, name)
