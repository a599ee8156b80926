"""Archives: rows of the target as compressed CSV, all of them as they were at one moment."""

import gzip
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql


@dataclass(frozen=True)
class Archive:
    """What was kept of something.

    Attributes:
        name: what it is.
        file: where it is kept, with its folder.
        rows: how many.
    """

    name: str
    file: str
    rows: int


def archive_rows(connection: psycopg.Connection, queries: Mapping[str, str], folder: Path) -> list[Archive]:
    """Write what queries return, each into a file of its own, and return where.

    Args:
        connection: to the target, outside a transaction.
        queries: by the name of what they return.
        folder: for the files; made where it is missing.

    Raises:
        psycopg.Error: the server refused a query.
    """
    folder.mkdir(exist_ok=True)
    with _one_moment(connection):
        return [_write(connection, name, query, folder) for name, query in queries.items()]


def ledger_tables(connection: psycopg.Connection) -> dict[str, str]:
    """Return a query for each table of the schema `runbook`, by the table's name."""
    rows = connection.execute(
        "SELECT relname, format('SELECT * FROM %s', oid::regclass) FROM pg_class"
        " WHERE relnamespace = 'runbook'::regnamespace AND relkind = 'r' ORDER BY relname"
    ).fetchall()
    return {f"runbook.{row[0]}": row[1] for row in rows}


@contextmanager
def _one_moment(connection: psycopg.Connection) -> Iterator[None]:
    connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
    try:
        yield
    finally:
        connection.execute("ROLLBACK")


def _write(connection: psycopg.Connection, name: str, query: str, folder: Path) -> Archive:
    path = folder / f"{re.sub(r'[^a-z0-9]+', '_', name.lower())}.csv.gz"
    statement = sql.SQL("COPY ({}) TO STDOUT (FORMAT csv, HEADER)").format(sql.SQL(query))
    with gzip.open(path, "wb") as file, connection.cursor() as cursor:
        with cursor.copy(statement) as rows:
            for block in rows:
                file.write(block)
        return Archive(name, f"{folder.name}/{path.name}", cursor.rowcount)
