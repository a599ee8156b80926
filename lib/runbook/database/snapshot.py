"""Snapshots of the target: digests of tables, a dump of the schema, a backup that is restored to prove it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

from runbook.database import schema_text, scratch, tools
from runbook.database.surroundings import ALONE, Surroundings
from runbook.database.target import Target
from runbook.errors import StepFailed, TryAgain

# A row's text must not depend on the session.
PLAIN_TEXT = b"""
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'
"""

UNREADABLE = """
    SELECT nspname, relname
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = ANY (%s) AND relkind IN ('r', 'p') AND NOT has_table_privilege(pg_class.oid, 'SELECT')
"""
COLUMNS = """
    SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attname
"""
DIGEST = sql.SQL("SELECT count(*), COALESCE(sum(hashtextextended(ROW({})::text, 0)), 0)::text FROM {} AS t")
# A table and its partitions, as a pattern of pg_dump: the option that finds them by itself is one of 16 and later
PARTS = """
    WITH RECURSIVE family (relation) AS (
        SELECT %s::regclass::oid
        UNION
        SELECT inhrelid FROM family JOIN pg_inherits ON inhparent = relation
    )
    SELECT concat('"', replace(nspname, '"', '""'), '"."', replace(relname, '"', '""'), '"')
    FROM family JOIN pg_class ON pg_class.oid = relation JOIN pg_namespace ON pg_namespace.oid = relnamespace
    ORDER BY 1
"""


LOCK_WAIT = "10s"  # a schema is looked at so long where somebody holds a table, and not for ever


@dataclass(frozen=True)
class TableDigest:
    """The content of a table, whatever the order of its rows.

    Attributes:
        rows: number of rows.
        digest: sum over all rows of a 64-bit hash of the row's text, its columns in the order of their names: a
            restore puts those first that a table inherits.
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
        columns = connection.execute(COLUMNS, [name.as_string(connection)])
        values = sql.SQL(", ").join(sql.Identifier("t", column) for (column,) in columns)
        row = connection.execute(DIGEST.format(values, name)).fetchone()
    assert row is not None
    return TableDigest(table, row[0], row[1])


def schema_dump(target: Target, schemas: Iterable[str] = ()) -> str:
    """Return the definition of everything in `schemas`, owners and privileges included; see `schema_text`.

    Where none are named: in those of the target. Left out are tables of others that this role may not read: pg_dump
    would have to lock them.

    Raises:
        TryAgain: somebody holds a table so that nobody can read it.
        StepFailed: pg_dump fails.
    """
    schemas = list(schemas or target.schemas)
    with target.connect("runbook schema") as connection:
        hidden = [(row[0], row[1]) for row in connection.execute(UNREADABLE, [schemas])]
    options = [f"--schema={tools.pattern(schema)}" for schema in schemas]
    options += [f"--exclude-table={tools.pattern(*name)}" for name in hidden]
    try:
        text = tools.call("pg_dump", target, ["--schema-only", f"--lock-wait-timeout={LOCK_WAIT}", *options])
    except StepFailed as error:
        if "LOCK TABLE" not in str(error):
            raise
        raise TryAgain(f"The schema cannot be read: for {LOCK_WAIT} and longer, somebody shuts readers out.") from None
    return schema_text.in_order(text)


def back_up(
    connection: psycopg.Connection,
    target: Target,
    tables: Iterable[str],
    path: Path,
    around: Surroundings = ALONE,
) -> Backup:
    """Dump tables to `path` (readable by its owner only), restore the file into a scratch database, compare.

    The dump and the digests it is compared with are taken in one snapshot, so that live traffic cannot
    make them differ.

    Args:
        connection: to the target.
        target: what is backed up.
        tables: by their (possibly qualified) names.
        path: of the file.
        around: what defines the tables' types and defaults.

    Raises:
        StepFailed: pg_dump or pg_restore fails, or no scratch database can be made.
    """
    tables = tuple(tables)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.touch(mode=0o600)
    with connection.transaction():
        connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        row = connection.execute("SELECT pg_export_snapshot()").fetchone()
        assert row is not None
        source = tuple(digest(connection, table) for table in tables)
        # Level 1 takes half the time of the usual 6 and a seventh more space.
        options = ["--format=custom", "--compress=1", f"--snapshot={row[0]}", f"--file={path}"]
        parts = [row[0] for table in tables for row in connection.execute(PARTS, [table])]
        tools.call("pg_dump", target, [*options, *(f"--table={part}" for part in parts)])
    with scratch.scratch_database(connection, target) as made:
        with scratch.rebuilt(connection, target, made, around, "--schema-only"):
            # Triggers and foreign keys are not there, so the rows alone are asked for.
            scratch.restore(made, path, ["--section=data"])
        with made.connect("runbook scratch") as connected:
            restored = tuple(digest(connected, table) for table in tables)
    content = path.read_bytes()
    return Backup(path, hashlib.sha256(content).hexdigest(), len(content), source, restored)
