"""Scratch databases beside the target, in which a backup and a rollback are proven; dropped afterwards."""

import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql

from runbook.database import copies, ledger_schema, passed_on, tools
from runbook.database.schema_names import AsFound
from runbook.database.surroundings import Surroundings
from runbook.database.target import Target
from runbook.errors import StepFailed

RESPITE = 0.02  # seconds for others, before more of a disk is freed
PIECE = 8 << 20  # bytes of a file that are freed at once

# Entries of a dump, by catalog and oid, that a scratch database cannot take: the schema it has already, what others
# grant by default, and foreign keys to tables that are not copied.
LEFT_OUT = AsFound(b"""
    SELECT 'pg_namespace'::regclass::oid::bigint, oid::bigint, '' FROM pg_namespace WHERE nspname = 'public'
    UNION ALL
    SELECT 'pg_default_acl'::regclass::oid, oid, '' FROM pg_default_acl WHERE NOT pg_has_role(defaclrole, 'USAGE')
    UNION ALL
    SELECT 'pg_constraint'::regclass::oid, pg_constraint.oid, nspname
    FROM pg_constraint JOIN pg_namespace ON pg_namespace.oid = connamespace JOIN pg_class ON pg_class.oid = confrelid
    WHERE contype = 'f'
      AND (SELECT other.nspname FROM pg_namespace AS other WHERE other.oid = relnamespace) <> ALL (%(schemas)s)
""")
# An entry of a dump: its catalog, its oid, and what it is
ENTRY = re.compile(r"\d+; (\d+) (\d+) (.*)")
# What the rights on these are said to be on
NAMED = {"VIEW": "TABLE", "MATERIALIZED VIEW": "TABLE", "FOREIGN TABLE": "TABLE", "AGGREGATE": "FUNCTION"}

# Routines as what is said about them names them: with the names of their arguments, every type by its schema
ROUTINES = AsFound(b"""
    SELECT set_config('search_path', '', true);
    SELECT 'pg_proc'::regclass::oid::bigint, oid::bigint,
        format('%I(%s)', proname, pg_get_function_identity_arguments(oid))
    FROM pg_proc WHERE oid >= 16384
""")

DROP_TABLE = sql.SQL("""
    DO $a_table_of_the_scratch$
    BEGIN
        IF current_database() = {database} THEN
            EXECUTE 'DROP TABLE IF EXISTS ' || {table} || ' CASCADE';
        END IF;
    END
    $a_table_of_the_scratch$
""")

# Every table of a copy
TABLES = """
    SELECT oid::regclass::text FROM pg_class
    WHERE relkind = 'r' AND relpersistence <> 't' AND pg_has_role(relowner, 'USAGE')
      AND relnamespace <> ALL (ARRAY['pg_catalog', 'information_schema']::regnamespace[])
"""


@contextmanager
def scratch_database(connection: psycopg.Connection, target: Target) -> Iterator[Target]:
    """Yield an empty database beside the target, which nobody else can enter; it is dropped afterwards.

    Args:
        connection: to the target, autocommit; its life is the database's.
        target: what it is beside.

    Raises:
        StepFailed: the role may not create databases, or the address does not lead there.
    """
    ledger_schema.prepare(connection)
    name, oid = copies.make(connection)
    try:
        made = target.copy(name, oid)
        try:
            made.connect("runbook scratch").close()
        except StepFailed:
            raise StepFailed(
                "The address leads to one database whatever is asked for, as some poolers' do, so no scratch database "
                "can be reached beside it: give the server's own address."
            ) from None
        yield made
    finally:
        _leave(connection, target.copy(name, oid))


def _leave(connection: psycopg.Connection, made: Target) -> None:
    if connection.closed:
        return  # the next command finds it in the ledger
    _empty(made)
    if not copies.drop(connection, made.identity.database):
        print(f"The copy {made.identity.database} is in use by somebody else: the next command removes it.")


def _empty(made: Target) -> None:
    """Drop a scratch database's tables one by one: others' commits would wait for the blocks of all at once.

    The server itself asks, in the statement that drops a table, whether it is there: whatever an address leads to,
    nothing is dropped anywhere else.
    """
    with suppress(psycopg.Error, StepFailed), made.connect("runbook scratch") as scratch:
        for (table,) in scratch.execute(TABLES).fetchall():
            name = sql.Literal(made.identity.database)
            statement = DROP_TABLE.format(database=name, table=sql.Literal(table))
            scratch.execute(AsFound(statement.as_bytes(scratch)))
            time.sleep(RESPITE)


@contextmanager
def copy(connection: psycopg.Connection, target: Target, around: Surroundings) -> Iterator[Target]:
    """Yield a database that holds a copy of schemas, data included, dropped afterwards.

    Whatever belongs to others on the target belongs to this role there.

    Raises:
        StepFailed: pg_dump or pg_restore fails, or the role may not create databases.
    """
    with scratch_database(connection, target) as made:
        with rebuilt(connection, target, made, around) as add:
            add("--section=data", "--section=post-data")
        with made.connect("runbook scratch") as scratch:
            passed_on.set_in_copy(scratch, passed_on.objects_with_rights_passed_on(connection))
            scratch.execute("ANALYZE")
        yield made


@contextmanager
def rebuilt(
    connection: psycopg.Connection, target: Target, made: Target, around: Surroundings, *dump_options: str
) -> Iterator[Callable[..., None]]:
    """Dump the surroundings and make their empty tables in a scratch database; yield what restores other sections.

    Left out is what a role without a platform's rights cannot restore. The tables are unlogged, and autovacuum leaves
    them alone: for what is only tried out, neither customers' commits nor a standby nor an archive need wait.
    """
    chosen = [f"--schema={tools.pattern(schema)}" for schema in (*around.schemas, *around.beside)]
    chosen += [f"--exclude-table={tools.pattern(*name)}" for name in around.tables]
    chosen += [f"--exclude-table-data={tools.pattern(*name)}" for name in around.without_rows]
    with TemporaryDirectory() as folder:
        file, wanted = Path(folder, "copy.dump"), Path(folder, "wanted")
        # Not synced: a file that soon goes again need not come to lie on a disk whose flushes others wait for.
        options = ["--format=custom", "--compress=0", "--no-sync", f"--file={file}", *chosen, *dump_options]
        tools.call("pg_dump", target, options)
        left_out = {(row[0], row[1]): row[2] for row in connection.execute(LEFT_OUT, {"schemas": list(around.schemas)})}
        routines = {(row[0], row[1]): row[2] for row in _last(connection.execute(ROUTINES))}
        entries = tools.call("pg_restore", made, ["--list", str(file)]).splitlines()
        passed_on_here = passed_on.objects_with_rights_passed_on(connection)
        granted = re.compile("|".join(rf"\d+; {one}" for one in passed_on.entries_of(passed_on_here)) or "$^")
        entries = [line for line in entries if not granted.match(line)]
        wanted.write_text("\n".join(_without(entries, {**around.left_out, **left_out}, routines)))
        _make_extensions(connection, made)

        def add(*sections: str) -> None:
            restore(made, file, [f"--use-list={wanted}", *sections])

        add("--section=pre-data")
        with made.connect("runbook scratch") as scratch:
            # A table in partitions is always logged, and no logged one may refer to one that is not.
            logged = scratch.execute("SELECT EXISTS (SELECT FROM pg_class WHERE relkind = 'p')").fetchone() == (True,)
            tables = [row[0] for row in scratch.execute(TABLES)]
            for table in tables:
                scratch.execute(AsFound(f"ALTER TABLE {table} SET (autovacuum_enabled = off)".encode()))
            # Refused where a column is of the row type of one of them.
            with suppress(psycopg.errors.FeatureNotSupported), scratch.transaction():
                for table in [] if logged else tables:
                    scratch.execute(AsFound(f"ALTER TABLE {table} SET UNLOGGED".encode()))
        yield add
        _free(file)


def _last(answers: psycopg.Cursor) -> psycopg.Cursor:
    """Return the answer to the last of some statements that were sent together."""
    while answers.nextset():
        pass
    return answers


def _without(
    entries: Iterable[str], left_out: Mapping[tuple[int, int], str], routines: Mapping[tuple[int, int], str]
) -> list[str]:
    """Return the entries of a dump without some, by catalog and oid, and without the rights and comments on these.

    Args:
        entries: as pg_restore lists them.
        left_out: each with its schema; empty: it has none, or keeps what is said about it.
        routines: each as what is said about it names it.
    """
    kept, about = [], set()
    for line in entries:
        found = ENTRY.match(line)
        if not found or (where := (int(found[1]), int(found[2]))) not in left_out:
            kept.append(line)
        elif schema := left_out[where]:
            kind, _, name = found[3].partition(f" {schema} ")
            name = routines[where] + name[name.rindex(")") + 1 :] if where in routines else name  # and its owner
            about |= {f"{said} {schema} {kind} {name}" for said in ("COMMENT", "SECURITY LABEL")}
            about.add(f"ACL {schema} {NAMED.get(kind, kind)} {name}")
    return [line for line in kept if not (found := ENTRY.match(line)) or found[3] not in about]


def _free(file: Path) -> None:
    """Free a file's blocks piece by piece: others' commits would wait for all of them at once."""
    for size in range(file.stat().st_size - PIECE, 0, -PIECE):
        os.truncate(file, size)
        time.sleep(RESPITE)


def restore(made: Target, file: Path, options: list[str]) -> None:
    """Restore from a file into a scratch database, with pg_restore's `options`.

    Raises:
        StepFailed: pg_restore fails.
    """
    plainly = ["--no-owner", "--no-tablespaces", *options, str(file)]
    try:
        tools.call("pg_restore", made, ["--exit-on-error", *plainly])
    except StepFailed as error:
        if "transaction_timeout" not in str(error):
            raise
        # From 17 on pg_restore sets, first of all, what an older server does not know; no other error may follow.
        try:
            tools.call("pg_restore", made, plainly)
        except StepFailed as again:
            if not str(again).endswith("errors ignored on restore: 1"):
                raise


def _make_extensions(connection: psycopg.Connection, made: Target) -> None:
    """Make the extensions of the target in a scratch database; one that is refused matters only if it is needed."""
    found = connection.execute(
        "SELECT extname, nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace"
        " WHERE nspname <> 'pg_catalog' ORDER BY pg_extension.oid"
    ).fetchall()
    with made.connect("runbook scratch") as scratch:
        for name, schema in found:
            statement = sql.SQL("CREATE SCHEMA IF NOT EXISTS {1}; CREATE EXTENSION {0} SCHEMA {1}")
            with suppress(psycopg.Error):  # then pg_restore will say what lacks it
                scratch.execute(statement.format(sql.Identifier(name), sql.Identifier(schema)))
