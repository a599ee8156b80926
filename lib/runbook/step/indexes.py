"""Indexes built without stopping anybody: one by one, outside a transaction, rebuilt where a build had failed."""

import re
from functools import partial

import psycopg
import sqlparse
from psycopg import sql

from runbook.errors import UsageError
from runbook.step import retry
from runbook.step.display import Table

STATEMENT = re.compile(
    r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(?:(\w+)\.)?(\w+)\s+ON\b", re.IGNORECASE
)


def build(connection: psycopg.Connection, text: str) -> Table:
    """Build every index of `text`, a list of CREATE INDEX CONCURRENTLY IF NOT EXISTS statements.

    An index left invalid by an earlier attempt is dropped first: IF NOT EXISTS would keep it, useless, for ever.

    Returns:
        One row per index: its name, whether it was built now or stood already, and its size in bytes.

    Raises:
        UsageError: a statement is something else.
        psycopg.Error: the server refused one; no invalid index is left of it.
    """
    statements = [part for part in sqlparse.split(text) if sqlparse.format(part, strip_comments=True).strip()]
    found = []
    for statement in statements:
        name = _name(statement)
        stood = _valid(connection, name)
        if not stood:
            retry.while_locked(partial(_build, connection, statement, name))
        size = connection.execute("SELECT pg_relation_size(to_regclass(%s))", [name]).fetchone()
        what = "stood already" if stood else "built"
        found.append([name, what, size[0] if size else None])
    return Table(["index", "state", "bytes"], found)


def _build(connection: psycopg.Connection, statement: str, name: str) -> None:
    _drop_invalid(connection, name)
    # Waiting here blocks no reader and no writer; giving up would leave an invalid index.
    connection.execute("SET lock_timeout = 0")
    try:
        connection.execute(statement.encode())
    except psycopg.Error:
        if not connection.closed:
            _drop_invalid(connection, name)
        raise
    finally:
        if not connection.closed:
            connection.execute("RESET lock_timeout")


def _drop_invalid(connection: psycopg.Connection, name: str) -> None:
    if _valid(connection, name) is False:
        connection.execute(sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))


def _valid(connection: psycopg.Connection, name: str) -> bool | None:
    """Tell whether the index is valid; None where there is none."""
    row = connection.execute(
        "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass(%s)", [name]
    ).fetchone()
    return row[0] if row else None


def _name(statement: str) -> str:
    match = STATEMENT.search(sqlparse.format(statement, strip_comments=True))
    if match is None:
        raise UsageError(
            "%%concurrently takes statements of the form CREATE [UNIQUE] INDEX CONCURRENTLY IF NOT EXISTS name ON …; "
            f"this is none: {' '.join(statement.split())[:80]}"
        )
    return match[2]
