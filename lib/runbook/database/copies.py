"""Copies: databases beside the target that hold its rows for a while.

Each is private before the first row is in it, and known to the ledger before it exists: whoever kills the session that
made it leaves it to the next command.
"""

import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row

from runbook.database.lock import LIVES
from runbook.errors import StepFailed

PREFIX = "runbook_scratch_"
# What a copy does without: others need the cores, and it survives no crash
AT_EASE = {"synchronous_commit": "off", "max_parallel_maintenance_workers": "0"}
PROVIDERS = {"c": "libc", "i": "icu", "b": "builtin"}
LIKE_THIS = "SELECT to_jsonb(d), pg_encoding_to_char(encoding) FROM pg_database AS d WHERE datname = current_database()"


@dataclass(frozen=True)
class Copy:
    """A copy the ledger knows.

    Attributes:
        made_by: the session that made it, as it called itself.
        is_used: whether that session lives.
    """

    name: str
    made_by: str
    made_at: datetime
    is_used: bool

    def __str__(self) -> str:
        return f"{self.name}, made by {self.made_by} at {self.made_at:%Y-%m-%d %H:%M:%S %Z}"


def make(connection: psycopg.Connection) -> tuple[str, int]:
    """Create an empty database, like this one in encoding and locale, that nobody else can enter.

    Returns:
        Its name and its OID.

    Raises:
        StepFailed: the role may not create databases.
    """
    name = f"{PREFIX}{secrets.token_hex(8)}"
    quoted = sql.Identifier(name)
    connection.execute(
        """
        INSERT INTO runbook.copies (name, made_by, backend, backend_start)
        SELECT %s, application_name, pid, backend_start FROM pg_stat_activity WHERE pid = pg_backend_pid()
        """,
        [name],
    )
    try:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE template0 CONNECTION LIMIT 0 {}").format(quoted, _like(connection))
        )
    except psycopg.errors.InsufficientPrivilege:
        _forget(connection, name)
        raise StepFailed(
            "The role may not create a scratch database, in which a backup and a rollback are proven. "
            "Grant it CREATEDB."
        ) from None
    connection.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(quoted))
    # Who logs in may take another role by a setting, and be no member whose rights count.
    connection.execute(sql.SQL("GRANT CONNECT ON DATABASE {} TO SESSION_USER").format(quoted))
    for setting, value in AT_EASE.items():
        connection.execute(sql.SQL("ALTER DATABASE {} SET {} = {}").format(quoted, sql.SQL(setting), value))
    connection.execute(sql.SQL("ALTER DATABASE {} CONNECTION LIMIT -1").format(quoted))
    row = connection.execute("SELECT oid::bigint FROM pg_database WHERE datname = %s", [name]).fetchone()
    assert row is not None
    return name, row[0]


def drop(connection: psycopg.Connection, name: str) -> bool:
    """Drop a copy and forget it; False if a session that this role may not end is connected to it.

    Not WITH (FORCE): that fails while autovacuum works there, which a plain DROP DATABASE ends by itself.
    """
    if not name.startswith(PREFIX):
        raise ValueError(f"{name} is no copy")
    connection.execute(
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE datname = %s AND usename = current_user",
        [name],
    )
    try:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
    except (psycopg.errors.ObjectInUse, psycopg.errors.InsufficientPrivilege):
        return False
    _forget(connection, name)
    return True


def known(connection: psycopg.Connection) -> list[Copy]:
    """Return the copies the ledger knows, oldest first."""
    if connection.execute("SELECT to_regclass('runbook.copies')").fetchone() == (None,):
        return []
    with connection.cursor(row_factory=class_row(Copy)) as cursor:
        return cursor.execute(
            f"SELECT name, made_by, made_at, {LIVES.format(table='copies', name='made_by')} AS is_used"
            " FROM runbook.copies ORDER BY made_at"
        ).fetchall()


def sweep(connection: psycopg.Connection) -> list[str]:
    """Drop the copies whose makers are dead, and return what became of each, in a sentence."""
    said = []
    for copy in known(connection):
        if copy.is_used:
            continue
        if drop(connection, copy.name):
            said.append(f"Removed a copy of the target that a dead session had left: {copy}.")
        else:
            said.append(f"A copy of the target was left and cannot be removed, others are connected to it: {copy}.")
    return said


def _like(connection: psycopg.Connection) -> sql.Composable:
    """Return the options of CREATE DATABASE that make it like this one in encoding and locale."""
    row = connection.execute(LIKE_THIS).fetchone()
    assert row is not None
    about: dict[str, Any] = row[0]
    provider = about["datlocprovider"]
    options = {
        "ENCODING": row[1],
        "LOCALE_PROVIDER": PROVIDERS[provider],
        "LC_COLLATE": about["datcollate"],
        "LC_CTYPE": about["datctype"],
    }
    if provider != "c":
        options["ICU_LOCALE" if provider == "i" else "BUILTIN_LOCALE"] = about.get("datlocale") or about["daticulocale"]
    if about.get("daticurules"):
        options["ICU_RULES"] = about["daticurules"]
    return sql.SQL(" ").join(sql.SQL("{} = {}").format(sql.SQL(name), value) for name, value in options.items())


def _forget(connection: psycopg.Connection, name: str) -> None:
    connection.execute("DELETE FROM runbook.copies WHERE name = %s", [name])
