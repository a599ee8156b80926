"""Settings: every session of the runbook begins with the same ones, whatever a role, database or cluster has set.

What a platform sets is meant for requests: limits on time, a dialect of dates, where names are looked for. A migration
must not depend on it, and neither must pg_dump or pg_restore.
"""

import re
from collections.abc import Iterable, Iterator

import psycopg
from psycopg import sql

PATIENCE = "10s"  # what a session waits for a lock at most, unless a step says less
SETTINGS = {
    # Limits on time are for requests, not for an index or a dump; lock_timeout limits what others would wait for.
    "statement_timeout": "0",
    "idle_in_transaction_session_timeout": "0",
    "idle_session_timeout": "0",
    "transaction_timeout": "0",
    "lock_timeout": PATIENCE,
    # A transaction
    "default_transaction_isolation": "read committed",
    "default_transaction_read_only": "off",
    "default_transaction_deferrable": "off",
    "exit_on_error": "off",
    "row_security": "on",
    # Texts
    "client_encoding": "UTF8",
    "client_min_messages": "notice",
    "standard_conforming_strings": "on",
    "backslash_quote": "safe_encoding",
    "escape_string_warning": "on",
    "quote_all_identifiers": "off",
    "transform_null_equals": "off",
    "array_nulls": "on",
    "datestyle": "ISO, MDY",
    "intervalstyle": "postgres",
    "timezone": "UTC",
    "timezone_abbreviations": "Default",
    "extra_float_digits": "1",
    "bytea_output": "hex",
    "xmlbinary": "base64",
    "xmloption": "content",
    "lc_monetary": "C",
    "lc_numeric": "C",
    "lc_time": "C",
    # Objects
    "check_function_bodies": "on",
    "plpgsql.extra_errors": "none",
    "plpgsql.extra_warnings": "none",
    "default_table_access_method": "heap",
    "default_tablespace": "",
    # A statement takes one core, the others are the customers'; its plan is the server's own choice.
    "max_parallel_workers_per_gather": "0",
    "max_parallel_maintenance_workers": "0",
    "jit": "off",
    "plan_cache_mode": "auto",
}
SINCE = {"transaction_timeout": 170000}
# What a client program does not set by itself, and what would change a dump or what is restored of one.
OF_PROGRAMS = (
    "default_transaction_isolation",
    "default_transaction_read_only",
    "default_transaction_deferrable",
    "exit_on_error",
    "idle_session_timeout",
    "quote_all_identifiers",
    "transform_null_equals",
    "array_nulls",
    "backslash_quote",
    "datestyle",
    "intervalstyle",
    "timezone_abbreviations",
    "bytea_output",
)
# Names mean the plan's own schemas first, then what extensions bring, wherever the role looks.
SEARCH_PATH = sql.SQL("""
    SELECT set_config('search_path', concat_ws(', ', {schemas}, string_agg(DISTINCT quote_ident(nspname), ', ')), false)
    FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
    WHERE nspname <> ALL ({named}) AND nspname <> 'pg_catalog'
""")
# Checks of a million rows sort and hash: in memory, where the server has enough of it.
MEMORY = sql.SQL("""
    SELECT set_config(
        'work_mem', least(64 * 1024, pg_size_bytes(current_setting('shared_buffers')) / 8 / 1024) || 'kB', false
    )
""")
# No server before its releases of August 2024 knows it.
VIEWS = """
    SELECT set_config('restrict_nonsystem_relation_kind', '', false)
    WHERE current_setting('restrict_nonsystem_relation_kind', true) <> ''
"""
REPLICA = "SELECT current_setting('session_replication_role') <> 'origin'"


def settle(connection: psycopg.Connection, schemas: Iterable[str]) -> None:
    """Give a session the settings every session of the runbook's has.

    Args:
        connection: just opened, autocommit.
        schemas: where names are looked for first, in this order.

    Raises:
        psycopg.Error: the server refuses one.
    """
    named = list(schemas)
    quoted = sql.SQL(", ").join(sql.SQL("quote_ident({})").format(one) for one in named)
    statements = [
        *(
            sql.SQL("SET {} = {}").format(sql.Identifier(*name.split(".")), sql.Literal(value))
            for name, value in _known(connection)
        ),
        SEARCH_PATH.format(schemas=quoted, named=[*named]),
        MEMORY,
        sql.SQL(VIEWS),
        sql.SQL(REPLICA),
    ]
    cursor = connection.execute(sql.SQL("; ").join(statements))
    while cursor.nextset():
        pass
    if cursor.fetchone() == (True,):  # with it no trigger fires; whom a platform gives it may take it back
        connection.execute("SET session_replication_role = origin")


def for_program(connection: psycopg.Connection) -> str:
    """Return what the option `options` of a client program's connection must say: settings that begin otherwise there.

    Nothing is said where nothing is set for this role in this database: not every pooler lets settings through.
    """
    begun: dict[str, str] = dict(
        connection.execute(
            "SELECT lower(name), reset_val FROM pg_settings WHERE lower(name) = ANY(%s)", [[*OF_PROGRAMS]]
        )
    )
    other = {name: SETTINGS[name] for name in OF_PROGRAMS if begun.get(name, SETTINGS[name]) != SETTINGS[name]}
    told = {name: re.sub(r"([\\ ])", r"\\\1", value) for name, value in other.items()}
    return " ".join(f"-c {name}={value}" for name, value in told.items())


def _known(connection: psycopg.Connection) -> Iterator[tuple[str, str]]:
    version = connection.info.server_version
    return ((name, value) for name, value in SETTINGS.items() if version >= SINCE.get(name, 0))
