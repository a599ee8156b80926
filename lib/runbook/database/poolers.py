"""Poolers: whether a connection is one session on one server process, which locks, settings and roles need."""

import psycopg

from runbook.errors import UsageError
from runbook.plan.plan import Environment


def backend(connection: psycopg.Connection) -> int:
    """Return the server process a connection is served by; a pooler tells its client another number."""
    row = connection.execute("SELECT pg_backend_pid()").fetchone()
    assert row is not None
    return int(row[0])


def are_sessions(one: psycopg.Connection, other: psycopg.Connection) -> bool:
    """Tell whether a connection stays on one process while another works; a transaction pooler does not grant it."""
    before = backend(one)
    with other.transaction():
        taken = backend(other)  # behind a pooler: the process that was just set free
        after = backend(one)
    return before == after != taken


def require_sessions(one: psycopg.Connection, other: psycopg.Connection, environment: Environment) -> None:
    """Make sure that two connections of an environment are sessions, before anything is locked or set in them.

    Raises:
        UsageError: they share processes of the server.
    """
    if not are_sessions(one, other):
        raise refusal(environment, str(one.info.port))


def refusal(environment: Environment, port: str) -> UsageError:
    """Return what is said of an environment whose connections are no sessions."""
    return UsageError(
        f"Environment {environment.name!r} is reached through a pooler in transaction mode (port {port}), "
        f"which loses locks and settings: give {environment.url_variable} the port of its session mode "
        "(on Supabase 5432 instead of 6543), or the server's own address."
    )
