"""Snapshots: digests that see every change and nothing else, backups that are proven, passwords that stay hidden."""

import itertools
import os
import shutil
import subprocess
import time
from pathlib import Path

import psycopg
import pytest

from runbook.database import embedded, scratch, snapshot
from runbook.database.surroundings import ALONE, find_surroundings
from runbook.database.target import Target
from runbook.errors import StepFailed, TryAgain
from runbook.plan.plan import Plan

CANARY = "c4n4ry"


@pytest.fixture
def url(toy):
    return embedded.provide(toy, Plan.load(toy / "runbook.toml").environment("local"))


@pytest.fixture
def target(url):
    return Target.at(url)


@pytest.fixture
def library(toy, connect):
    return connect(toy)


@pytest.fixture
def called(monkeypatch):
    """Every call of a tool: its arguments and what was added to its environment."""
    calls: list[tuple[list[str], dict[str, str]]] = []
    run = subprocess.run

    def record(arguments, **options):
        if "env" in options:  # what only asks for a program's version has none, and is asked once
            calls.append(([str(argument) for argument in arguments], options["env"]))
        return run(arguments, **options)

    monkeypatch.setattr(subprocess, "run", record)
    return calls


def after_the_dump(monkeypatch, change) -> None:
    """Call `change` with the dump's path once pg_dump has written it."""
    tool = snapshot.tools.call

    def then_change(name, url, arguments):
        said = tool(name, url, arguments)
        if name == "pg_dump":
            change(Path(next(one for one in arguments if one.startswith("--file=")).removeprefix("--file=")))
        return said

    monkeypatch.setattr(snapshot.tools, "call", then_change)


def test_a_digest_does_not_depend_on_the_order_of_rows(library):
    before = snapshot.digest(library, "shelves")
    library.execute("CREATE TABLE turned AS SELECT * FROM shelves ORDER BY shelf DESC")
    turned = snapshot.digest(library, "turned")
    assert (turned.rows, turned.digest) == (before.rows, before.digest) == (300, before.digest)


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE shelves SET room = 'another' WHERE shelf = 9",
        "DELETE FROM shelves WHERE shelf = 9",
        "INSERT INTO shelves VALUES (1000, 'new')",
        "UPDATE shelves SET shelf = 1000 WHERE shelf = 9",
        "ALTER TABLE shelves ADD COLUMN label text",
    ],
)
def test_a_digest_sees_every_change(library, change):
    before = snapshot.digest(library, "shelves")
    library.execute(change)
    assert snapshot.digest(library, "shelves") != before


def test_a_backup_is_proven_where_a_restore_puts_inherited_columns_first(library, target, tmp_path):
    library.execute("CREATE TABLE dated (made date DEFAULT '2025-01-01'); CREATE TABLE crates (crate int, made date)")
    library.execute("INSERT INTO crates VALUES (1, '2025-02-03'); ALTER TABLE crates INHERIT dated")
    around = find_surroundings(library, ("public",))
    assert snapshot.back_up(library, target, ["crates"], tmp_path / "crates.dump", around).proven


def test_a_digest_does_not_depend_on_the_session(library):
    library.execute("CREATE TABLE varied AS SELECT now(), 1e15::float8 / 7, 'x'::bytea, '9h'::interval")
    before = snapshot.digest(library, "public.varied")
    library.execute("SET timezone = 'Asia/Tokyo'; SET datestyle = 'German'; SET intervalstyle = 'iso_8601'")
    library.execute("SET extra_float_digits = 0; SET bytea_output = 'escape'")
    assert snapshot.digest(library, "public.varied") == before


def test_a_backup_is_proven_by_restoring_it(library, target, tmp_path):
    path = tmp_path / "deep" / "shelves.dump"
    backup = snapshot.back_up(library, target, ["shelves"], path)
    assert backup.proven
    assert backup.source[0].rows == 300
    assert (backup.path, backup.size) == (path, path.stat().st_size)
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_backup_holds_the_parts_of_a_table_that_lie_in_another_schema(library, target, tmp_path):
    library.execute("""
        CREATE SCHEMA "Old rooms";
        CREATE TABLE "Old rooms"."Shelves" (closed date) INHERITS (public.shelves);
        CREATE TABLE "Old rooms".further () INHERITS ("Old rooms"."Shelves");
        INSERT INTO "Old rooms"."Shelves" (shelf, room) VALUES (1001, 'attic');
        INSERT INTO "Old rooms".further (shelf, room) VALUES (1002, 'attic');
        CREATE TABLE loans (year integer, shelf integer) PARTITION BY LIST (year);
        CREATE TABLE "Old rooms".loans PARTITION OF public.loans DEFAULT;
        INSERT INTO loans VALUES (1999, 1);
    """)
    around = find_surroundings(library, ("public",))
    backup = snapshot.back_up(library, target, ["shelves", "loans"], tmp_path / "shelves.dump", around)
    assert (backup.proven, [one.rows for one in backup.restored]) == (True, [302, 1])


def test_a_copy_asks_for_no_tablespace(library, target, toy):
    """The role may have lost the right to make anything there."""
    admin = embedded.url(embedded.start(toy), library.info.dbname, "postgres")
    with psycopg.connect(admin, autocommit=True) as superuser:
        superuser.execute("SET allow_in_place_tablespaces = on")
        superuser.execute("CREATE TABLESPACE cellar LOCATION ''")
        superuser.execute("CREATE TABLE public.wine (bottle integer) TABLESPACE cellar")
        superuser.execute("ALTER TABLE public.wine OWNER TO librarian")
        try:
            around = find_surroundings(library, ("public",))
            with scratch.copy(library, target, around) as made, made.connect("test") as inside:
                assert inside.execute("SELECT count(*) FROM public.wine").fetchone() == (0,)
        finally:
            superuser.execute("DROP TABLE public.wine")
            superuser.execute("DROP TABLESPACE cellar")


def test_a_backup_over_an_older_file_is_nobody_elses_to_read(library, target, tmp_path):
    path = tmp_path / "shelves.dump"
    path.write_text("older")
    path.chmod(0o644)
    assert snapshot.back_up(library, target, ["shelves"], path).proven
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_backup_of_a_live_table_is_one_snapshot(library, target, tmp_path, monkeypatch, toy, connect):
    writer = connect(toy)
    after_the_dump(monkeypatch, lambda path: writer.execute("DELETE FROM shelves"))
    assert snapshot.back_up(library, target, ["shelves"], tmp_path / "shelves.dump").proven


def test_a_restore_that_differs_is_noticed(library, target, tmp_path, monkeypatch):
    library.execute("CREATE TABLE other AS SELECT shelf, 'elsewhere' AS room FROM shelves")
    other = tmp_path / "other.dump"
    snapshot.back_up(library, target, ["other"], other)
    library.execute("DROP TABLE other; ALTER TABLE shelves RENAME TO other")
    after_the_dump(monkeypatch, lambda path: shutil.copy(other, path))
    backup = snapshot.back_up(library, target, ["other"], tmp_path / "shelves.dump")
    assert not backup.proven
    assert backup.restored[0].rows == 300


def test_a_damaged_backup_is_noticed(library, target, tmp_path, monkeypatch):
    after_the_dump(monkeypatch, lambda path: path.write_bytes(path.read_bytes()[:-200]))
    with pytest.raises(StepFailed, match="pg_restore failed"):
        snapshot.back_up(library, target, ["shelves"], tmp_path / "shelves.dump")


def test_a_table_that_is_not_there_cannot_be_backed_up(library, target, tmp_path):
    with pytest.raises((StepFailed, psycopg.errors.UndefinedTable), match="nowhere"):
        snapshot.back_up(library, target, ["nowhere"], tmp_path / "nowhere.dump")


@pytest.mark.parametrize("fails", [False, True])
def test_no_scratch_database_is_left(library, target, tmp_path, monkeypatch, fails):
    if fails:
        after_the_dump(monkeypatch, lambda path: path.write_bytes(b""))
    try:
        snapshot.back_up(library, target, ["shelves"], tmp_path / "shelves.dump")
    except StepFailed:
        assert fails
    assert not library.execute("SELECT datname FROM pg_database WHERE datname ~ 'scratch'").fetchall()


def test_a_scratch_database_goes_even_while_autovacuum_is_at_work_in_it(library, target, toy):
    with psycopg.connect(embedded.url(embedded.start(toy), "postgres", "postgres"), autocommit=True) as admin:
        settings = {
            "autovacuum_naptime": "1s",
            "autovacuum_vacuum_cost_delay": "100ms",
            "autovacuum_vacuum_cost_limit": "1",
        }
        for name, value in settings.items():
            admin.execute(f"ALTER SYSTEM SET {name} = '{value}'")
        admin.execute("SELECT pg_reload_conf()")
        try:
            with scratch.scratch_database(library, target) as made:
                # Somebody else's table, so that autovacuum is still at work when the database is to go
                with psycopg.connect(embedded.url(embedded.start(toy), made.identity.database, "postgres")) as inside:
                    inside.execute("CREATE TABLE much AS SELECT generate_series(1, 100000) AS n")
                at_work = (
                    "SELECT FROM pg_stat_activity WHERE datname ~ 'scratch' AND backend_type = 'autovacuum worker'"
                )
                deadline = time.monotonic() + 120
                while not admin.execute(at_work).fetchall():
                    assert time.monotonic() < deadline, "autovacuum did not come"
                    time.sleep(0.05)
        finally:
            for name in settings:
                admin.execute(f"ALTER SYSTEM RESET {name}")
            admin.execute("SELECT pg_reload_conf()")
        assert not admin.execute("SELECT FROM pg_database WHERE datname ~ 'scratch'").fetchall()


def test_only_a_scratch_databases_own_tables_are_dropped(library, target):
    scratch._empty(target.copy("runbook_scratch_0", target.identity.oid))
    assert library.execute("SELECT count(*) FROM shelves").fetchone() == (300,)
    scratch._empty(target)
    assert library.execute("SELECT to_regclass('shelves')").fetchone() == (None,)


def test_a_scratch_file_is_neither_synced_nor_freed_all_at_once(library, target, called, monkeypatch):
    left: list[int] = []
    truncate = os.truncate
    monkeypatch.setattr(scratch, "PIECE", 1000)
    monkeypatch.setattr(os, "truncate", lambda path, size: (left.append(size), truncate(path, size)))
    with scratch.copy(library, target, ALONE):
        dumps = [arguments for arguments, _ in called if arguments[0].endswith("pg_dump")]
        assert [argument for argument in dumps[-1] if argument == "--no-sync"]
    assert len(left) > 1
    assert {before - after for before, after in itertools.pairwise(left)} == {1000}


def test_a_copy_does_without_what_belongs_to_the_platform(library, target, toy):
    server = embedded.start(toy)
    with psycopg.connect(embedded.url(server, library.info.dbname, "postgres"), autocommit=True) as platform:
        platform.execute("""
            CREATE SCHEMA auth;
            CREATE TABLE auth.users (id integer PRIMARY KEY);
            CREATE FUNCTION auth.uid() RETURNS integer LANGUAGE sql RETURN 1;
            GRANT USAGE ON SCHEMA auth TO librarian;
            GRANT REFERENCES ON auth.users TO librarian;
            INSERT INTO auth.users VALUES (1);
            ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO librarian;
            CREATE SCHEMA extensions;
            CREATE EXTENSION citext WITH SCHEMA extensions;
            CREATE EXTENSION pg_stat_statements WITH SCHEMA extensions; -- only a superuser may make it
            CREATE PUBLICATION realtime FOR TABLE shelves;
            GRANT USAGE ON SCHEMA extensions TO librarian;
        """)
    library.execute("""
        CREATE TYPE kind AS ENUM ('adult', 'child');
        CREATE TABLE readers (
            name extensions.citext,
            reader integer DEFAULT auth.uid() REFERENCES auth.users,
            kind kind DEFAULT 'child'
        );
        INSERT INTO readers DEFAULT VALUES;
    """)
    around = find_surroundings(library, ("public",))
    with (
        scratch.copy(library, target, around) as made,
        made.connect("runbook test") as copy,
    ):
        assert snapshot.digest(copy, "readers") == snapshot.digest(library, "readers")
        assert copy.execute("SELECT to_regclass('auth.users')").fetchone() == (None,)
        # Nothing that is tried out there keeps a customer's commit or a standby waiting.
        persistence = "SELECT DISTINCT relpersistence FROM pg_class WHERE relnamespace = 'public'::regnamespace"
        assert copy.execute(persistence + " AND relkind IN ('r', 'i')").fetchall() == [("u",)]
        assert copy.execute("SHOW synchronous_commit").fetchone() == ("off",)
    assert snapshot.back_up(library, target, ["readers"], toy / "readers.dump", around).proven


def test_without_the_right_to_prove_it_a_backup_says_so(library, target, tmp_path):
    server = embedded.start(tmp_path)
    with psycopg.connect(embedded.url(server, "postgres", "postgres"), autocommit=True) as admin:
        admin.execute("ALTER ROLE librarian NOCREATEDB")
        try:
            with pytest.raises(StepFailed, match="Grant it CREATEDB"):
                snapshot.back_up(library, target, ["shelves"], tmp_path / "shelves.dump")
        finally:
            admin.execute("ALTER ROLE librarian CREATEDB")


def test_a_password_never_stands_among_a_tools_arguments(library, url, tmp_path, called):
    secret = Target.at(psycopg.conninfo.make_conninfo(url, password=CANARY))
    assert snapshot.back_up(library, secret, ["shelves"], tmp_path / "shelves.dump").proven
    snapshot.schema_dump(secret)
    assert {arguments[0].rpartition("/")[2] for arguments, _ in called} == {"pg_dump", "pg_restore"}
    assert not [arguments for arguments, _ in called if CANARY in " ".join(arguments)]
    assert all(environment["PGPASSWORD"] == CANARY for _, environment in called)


def test_a_schemas_dump_is_the_same_every_time_and_without_noise(library, target):
    dump = snapshot.schema_dump(target)
    assert snapshot.schema_dump(target) == dump
    assert "CREATE TABLE public.shelves" in dump
    assert "CREATE SCHEMA runbook" not in dump
    assert not [line for line in dump.splitlines() if line.startswith(("--", "\\"))]


@pytest.mark.parametrize(
    "change",
    [
        "GRANT SELECT ON shelves TO PUBLIC",
        "ALTER TABLE shelves ENABLE ROW LEVEL SECURITY",
        "CREATE INDEX by_room ON shelves (room)",
        "COMMENT ON TABLE shelves IS 'oak'",
        "CREATE FUNCTION one() RETURNS integer LANGUAGE sql RETURN 1",
    ],
)
def test_a_schemas_dump_sees_every_change(library, target, change):
    before = snapshot.schema_dump(target)
    library.execute(change)
    assert snapshot.schema_dump(target) != before


def test_a_tool_that_fails_is_said_in_one_sentence(url):
    with pytest.raises(StepFailed) as raised:
        snapshot.schema_dump(Target.at(psycopg.conninfo.make_conninfo(url, password=CANARY)), ["no_such_schema"])
    assert str(raised.value).startswith("pg_dump failed: ")
    assert CANARY not in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.slow
def test_a_schema_is_not_waited_for_without_an_end(target, library):
    with library.transaction():
        library.execute("LOCK TABLE shelves")
        with pytest.raises(TryAgain, match="somebody shuts readers out"):
            snapshot.schema_dump(target)
    assert "CREATE TABLE public.shelves" in snapshot.schema_dump(target)
