"""Indexes built and dropped without stopping anybody: one by one, outside a transaction.

One that an earlier attempt left invalid is dropped and built again.
"""

import re
from functools import partial

import psycopg
import sqlparse
from psycopg import sql

from runbook.errors import UsageError
from runbook.query import lock_retry
from runbook.query.table import Table

CREATE = re.compile(
    r"CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+IF\s+NOT\s+EXISTS\s+(?:\w+\.)?(\w+)\s+ON\b", re.IGNORECASE
)
UNLESS = re.compile(r"^-- unless: (.+)$", re.MULTILINE)
DROP = re.compile(r"DROP\s+INDEX\s+CONCURRENTLY\s+IF\s+EXISTS\s+(?:\w+\.)?(\w+)\s*;?\s*$", re.IGNORECASE)


def carry_out(connection: psycopg.Connection, text: str) -> Table:
    """Carry out the CREATE INDEX CONCURRENTLY IF NOT EXISTS and DROP INDEX CONCURRENTLY IF EXISTS statements of `text`.

    An index left invalid by an earlier attempt is dropped first: IF NOT EXISTS would keep it, useless, for ever. A line
    `-- unless: QUERY` at the head leaves them all out where the query says so.

    Returns:
        One row per index: its name, what became of it, and its size in bytes.

    Raises:
        UsageError: a statement is something else.
        psycopg.Error: the server refused one; no invalid index is left of it.
    """
    if unless := UNLESS.search(text):
        row = connection.execute(unless[1].encode()).fetchone()
        if row and row[0]:
            print(f"Left out, for {unless[1]} is true here.")
            return Table(["index", "state", "bytes"], [])
    statements = [part for part in sqlparse.split(text) if sqlparse.format(part, strip_comments=True).strip()]
    found = []
    for statement in statements:
        name, is_drop = _read(statement)
        is_valid = _valid(connection, name)
        if is_drop:
            lock_retry.retry_while_locked(connection, partial(_drop, connection, name))
            state = "was not there" if is_valid is None else "dropped"
        elif is_valid:
            state = "stood already"
        else:
            lock_retry.retry_while_locked(connection, partial(_build, connection, statement, name))
            state = "built"
        size = connection.execute("SELECT pg_relation_size(to_regclass(%s))", [name]).fetchone()
        found.append([name, state, size[0] if size else None])
    return Table(["index", "state", "bytes"], found)


def to_be_built(connection: psycopg.Connection, text: str) -> dict[str, str]:
    """Return the indexes of `text` that do not stand yet: qualified name → statement.

    Raises:
        UsageError: a statement is something else.
    """
    statements = (part for part in sqlparse.split(text) if sqlparse.format(part, strip_comments=True).strip())
    read = {_read(statement): statement for statement in statements}
    return {
        _qualified(connection, name): statement
        for (name, is_drop), statement in read.items()
        if not is_drop and _valid(connection, name) is None
    }


def _qualified(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT format('%%I.%%I', current_schema(), %s::text)", [name]).fetchone()
    assert row is not None
    return str(row[0])


def _build(connection: psycopg.Connection, statement: str, name: str) -> None:
    _drop_invalid(connection, name)
    try:
        _patiently(connection, statement.encode())
    except psycopg.Error:
        if not connection.closed:
            _drop_invalid(connection, name)
        raise


def _patiently(connection: psycopg.Connection, statement: bytes | sql.Composed) -> None:
    # Waiting here blocks no reader and no writer; giving up would leave an invalid index.
    row = connection.execute("SELECT current_setting('lock_timeout')").fetchone()
    connection.execute("SET lock_timeout = 0")
    try:
        connection.execute(statement)
    finally:
        if not connection.closed:
            connection.execute("SELECT set_config('lock_timeout', %s, false)", row)


def _drop_invalid(connection: psycopg.Connection, name: str) -> None:
    if _valid(connection, name) is False:
        _drop(connection, name)


def _drop(connection: psycopg.Connection, name: str) -> None:
    """Drop an index, if it stands: at once where an event trigger has written, which the server refuses otherwise."""
    try:
        _patiently(connection, sql.SQL("DROP INDEX CONCURRENTLY IF EXISTS {}").format(sql.Identifier(name)))
    except psycopg.errors.FeatureNotSupported:
        connection.execute(sql.SQL("DROP INDEX IF EXISTS {}").format(sql.Identifier(name)))


def _valid(connection: psycopg.Connection, name: str) -> bool | None:
    """Tell whether the index is valid; None where there is none."""
    row = connection.execute(
        "SELECT indisvalid AND indisready FROM pg_index WHERE indexrelid = to_regclass(%s)", [name]
    ).fetchone()
    return row[0] if row else None


def _read(statement: str) -> tuple[str, bool]:
    """Return the name of the index a statement is about, and whether it drops it."""
    bare = sqlparse.format(statement, strip_comments=True)
    if match := CREATE.search(bare) or DROP.search(bare):
        return match[1].lower(), match.re is DROP  # unquoted: the server folds it as well
    raise UsageError(
        "Write CREATE [UNIQUE] INDEX CONCURRENTLY IF NOT EXISTS name ON … or DROP INDEX CONCURRENTLY IF EXISTS name; "
        f"this is neither: {' '.join(statement.split())[:80]}"
    )
