"""Snapshots of the target: digests of tables, a dump of the schema, a backup that is restored to prove it."""

import hashlib
import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from psycopg import sql
from psycopg.conninfo import make_conninfo

from runbook.errors import StepFailed
from runbook.target import tools

# A row's text must not depend on the session.
PLAIN_TEXT = b"""
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'
"""

# Entries of a dump, by catalog and oid, that a scratch database cannot take: the schema it has already, what others
# grant by default, and foreign keys to tables that are not copied.
LEFT_OUT = """
    SELECT 'pg_namespace'::regclass::oid, 'public'::regnamespace::oid
    UNION ALL
    SELECT 'pg_default_acl'::regclass, oid FROM pg_default_acl WHERE NOT pg_has_role(defaclrole, 'USAGE')
    UNION ALL
    SELECT 'pg_constraint'::regclass, pg_constraint.oid FROM pg_constraint JOIN pg_class ON pg_class.oid = confrelid
    WHERE contype = 'f' AND relnamespace::regnamespace::text <> ALL (%(schemas)s)
"""


@dataclass(frozen=True)
class Surroundings:
    """What a copy is made of.

    Attributes:
        schemas: copied whole.
        beside: schemas of which functions and types are copied, because the others lean on them, but no table.
    """

    schemas: tuple[str, ...] = ("public",)
    beside: tuple[str, ...] = ()


@dataclass(frozen=True)
class TableDigest:
    """The content of a table, whatever the order of its rows.

    Attributes:
        rows: number of rows.
        digest: sum over all rows of a 64-bit hash of the row's text.
    """

    table: str
    rows: int
    digest: str


@dataclass(frozen=True)
class Backup:
    """A backup on this machine, and what proves it.

    Attributes:
        sha256: of the file.
        size: in bytes.
        source: digests of the tables in the snapshot that was dumped.
        restored: digests of the same tables after restoring the file elsewhere.
    """

    path: Path
    sha256: str
    size: int
    source: tuple[TableDigest, ...]
    restored: tuple[TableDigest, ...]

    @property
    def proven(self) -> bool:
        """Whether the restored tables equal the dumped ones."""
        return self.source == self.restored


def digest(connection: psycopg.Connection, table: str) -> TableDigest:
    """Return the digest of a table, given by its (possibly qualified) name."""
    name = sql.Identifier(*table.split("."))
    with connection.transaction():
        connection.execute(PLAIN_TEXT)
        row = connection.execute(
            sql.SQL("SELECT count(*), COALESCE(sum(hashtextextended(t::text, 0)), 0)::text FROM {} AS t").format(name)
        ).fetchone()
    assert row is not None
    return TableDigest(table, row[0], row[1])


def schema_dump(url: str, schemas: Iterable[str] = ("public",)) -> str:
    """Return the definition of everything in `schemas`, owners and privileges included, without pg_dump's noise."""
    options = [f"--schema={schema}" for schema in schemas]
    text = tools.call("pg_dump", url, ["--schema-only", *options])
    lines = [line for line in text.splitlines() if line and not re.match(r"--|\\(un)?restrict ", line)]
    return "\n".join(lines) + "\n"


def back_up(
    connection: psycopg.Connection, url: str, tables: Iterable[str], path: Path, around: Surroundings = Surroundings()
) -> Backup:
    """Dump tables to `path` (readable by its owner only), restore the file into a scratch database, compare.

    The dump and the digests it is compared with are taken in one snapshot, so that live traffic cannot
    make them differ.

    Args:
        connection: to the target.
        url: of the target.
        tables: by their (possibly qualified) names.
        path: of the file.
        around: what defines the tables' types and defaults.

    Raises:
        StepFailed: pg_dump or pg_restore fails, or no scratch database can be made.
    """
    tables = tuple(tables)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        source = tuple(digest(connection, table) for table in tables)
        # Level 1 takes half the time of the usual 6 and a seventh more space.
        options = ["--format=custom", "--compress=1", f"--snapshot={row[0]}", f"--file={path}"]
        tools.call("pg_dump", url, [*options, *(f"--table={table}" for table in tables)])
    with scratch_database(connection, url) as scratch_url:
        _rebuild(connection, url, scratch_url, around, ["--schema-only"], ["--section=pre-data"])
        # Triggers and foreign keys are not there, so the rows alone are asked for.
        _restore(scratch_url, path, ["--section=data"])
        with psycopg.connect(scratch_url) as scratch:
            restored = tuple(digest(scratch, table) for table in tables)
    content = path.read_bytes()
    return Backup(path, hashlib.sha256(content).hexdigest(), len(content), source, restored)


@contextmanager
def scratch_database(connection: psycopg.Connection, url: str) -> Iterator[str]:
    """Yield the URL of an empty database beside the target, dropped afterwards.

    Raises:
        StepFailed: the role may not create databases, or the address does not lead there.
    """
    name = f"runbook_scratch_{connection.info.backend_pid}"
    quoted = sql.Identifier(name)
    try:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(quoted))
    except psycopg.errors.InsufficientPrivilege:
        raise StepFailed(
            "The role may not create a scratch database, in which a backup and a way back are proven. "
            "Grant it CREATEDB."
        ) from None
    scratch_url = make_conninfo(url, dbname=name)
    try:
        with psycopg.connect(scratch_url) as scratch:
            reached = scratch.execute("SELECT current_database()").fetchone()
        if reached != (name,):
            raise StepFailed(
                "The address leads to one database whatever is asked for, as some poolers' do, so no scratch database "
                "can be reached beside it: give the server's own address."
            )
        # What is dropped afterwards need not reach the disk.
        connection.execute(sql.SQL("ALTER DATABASE {} SET synchronous_commit = off").format(quoted))
        yield scratch_url
    finally:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(quoted))


@contextmanager
def copy(connection: psycopg.Connection, url: str, around: Surroundings) -> Iterator[str]:
    """Yield the name of a database that holds a copy of schemas, data included, dropped afterwards.

    Whatever belongs to others on the target belongs to this role there.

    Raises:
        StepFailed: pg_dump or pg_restore fails, or the role may not create databases.
    """
    with scratch_database(connection, url) as scratch_url:
        _rebuild(connection, url, scratch_url, around, [], [])
        with psycopg.connect(scratch_url, autocommit=True) as scratch:
            scratch.execute("ANALYZE")
        yield tools.database(scratch_url)


def _rebuild(
    connection: psycopg.Connection,
    url: str,
    scratch_url: str,
    around: Surroundings,
    dump_options: list[str],
    restore_options: list[str],
) -> None:
    """Dump the surroundings and restore what a role without a platform's rights can, in a scratch database."""
    chosen = [f"--schema={schema}" for schema in (*around.schemas, *around.beside)]
    chosen += [f"--exclude-table={schema}.*" for schema in around.beside]
    with TemporaryDirectory() as folder:
        file, wanted = Path(folder, "copy.dump"), Path(folder, "wanted")
        tools.call("pg_dump", url, ["--format=custom", "--compress=0", f"--file={file}", *chosen, *dump_options])
        left_out = connection.execute(LEFT_OUT, {"schemas": list(around.schemas)}).fetchall()
        entries = tools.call("pg_restore", scratch_url, ["--list", str(file)]).splitlines()
        is_left_out = re.compile("|".join(rf"\d+; {catalog} {entry} " for catalog, entry in left_out) or "$^")
        wanted.write_text("\n".join(line for line in entries if not is_left_out.match(line)))
        _make_extensions(connection, scratch_url)
        _restore(scratch_url, file, [f"--use-list={wanted}", *restore_options])


def _restore(scratch_url: str, file: Path, options: list[str]) -> None:
    plainly = ["--no-owner", f"--dbname={tools.database(scratch_url)}", *options, str(file)]
    try:
        tools.call("pg_restore", scratch_url, ["--exit-on-error", *plainly])
    except StepFailed as error:
        if "transaction_timeout" not in str(error):
            raise
        # From 17 on pg_restore sets, first of all, what an older server does not know; no other error may follow.
        try:
            tools.call("pg_restore", scratch_url, plainly)
        except StepFailed as again:
            if not str(again).endswith("errors ignored on restore: 1"):
                raise


def _make_extensions(connection: psycopg.Connection, scratch_url: str) -> None:
    """Make the extensions of the target in a scratch database; one that is refused matters only if it is needed."""
    found = connection.execute(
        "SELECT extname, nspname FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace"
        " WHERE nspname <> 'pg_catalog'"
    ).fetchall()
    with psycopg.connect(scratch_url, autocommit=True) as scratch:
        for name, schema in found:
            made = sql.SQL("CREATE SCHEMA IF NOT EXISTS {1}; CREATE EXTENSION {0} SCHEMA {1}")
            with suppress(psycopg.Error):  # then pg_restore will say what lacks it
                scratch.execute(made.format(sql.Identifier(name), sql.Identifier(schema)))
