"""Environments: from a name in the plan to a connection, with errors a person can act on and no secret in them."""

import os
import re
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import dict_row

from runbook.database import embedded, lock
from runbook.errors import UsageError
from runbook.plan.plan import Environment, Plan

OLDEST_SERVER = 150000
# A server that vanishes without a word is missed within a minute, not after the two hours systems wait; and a long
# statement looks alive to whatever lies between. What the URL says itself counts.
ALIVE = {
    "connect_timeout": 10,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
IN_PARALLEL = ("max_parallel_workers_per_gather", "max_parallel_maintenance_workers")
DATABASE_VARIABLE = "RUNBOOK_SCRATCH_DATABASE"  # set while a scratch database stands in for the target


def url_of(plan: Plan, environment: Environment) -> str:
    """Return the libpq URL of an environment; an embedded one is started and filled first.

    Raises:
        UsageError: no URL is set, or it is malformed.
    """
    if environment.server == "embedded":
        return _scratch(embedded.provide(plan.root, environment))
    url = os.environ.get(environment.url_variable, "")
    if not url:
        raise UsageError(
            f"Environment {environment.name!r} has no address: "
            f"set {environment.url_variable} to its libpq URL (postgresql://user@host:port/database)."
        )
    try:
        conninfo_to_dict(url)
    except (psycopg.ProgrammingError, UnicodeDecodeError):
        raise UsageError(
            f"{environment.url_variable} is no libpq URL: write it as postgresql://user@host:port/database, "
            "with special characters percent-encoded."
        ) from None
    return _scratch(url)


def _scratch(url: str) -> str:
    """Return the URL of the scratch database beside the target, while one stands in for it."""
    name = os.environ.get(DATABASE_VARIABLE)
    return make_conninfo(url, dbname=name) if name else url


def connect(plan: Plan, environment: Environment, application_name: str, url: str = "") -> psycopg.Connection:
    """Open an autocommit connection to an environment.

    Args:
        plan: the plan the environment belongs to.
        environment: where to connect.
        application_name: how the connection shows in pg_stat_activity.
        url: what `url_of` gave, where somebody has asked it.

    Raises:
        UsageError: the server cannot be reached, refuses, or is too old. The message holds no password.
    """
    url = url or url_of(plan, environment)
    try:
        connection = psycopg.connect(
            url,
            autocommit=True,
            application_name=application_name,
            prepare_threshold=None,  # statements go as psql sends them, none prepared unasked
            **{name: value for name, value in ALIVE.items() if name not in conninfo_to_dict(url)},  # type: ignore[arg-type]
        )
    except psycopg.OperationalError as error:
        where = "" if environment.server == "embedded" else f" (from {environment.url_variable})"
        raise UsageError(
            f"Cannot connect to environment {environment.name!r}{where}: {redact(str(error), url)}"
        ) from None
    if connection.info.server_version < OLDEST_SERVER:
        version = connection.info.parameter_status("server_version")
        connection.close()
        raise UsageError(
            f"Environment {environment.name!r} runs PostgreSQL {version}; the runbook needs "
            f"{OLDEST_SERVER // 10000} or newer."
        )
    _settle(connection, plan)
    return connection


def _settle(connection: psycopg.Connection, plan: Plan) -> None:
    """Make the session independent of what a platform or a role has set for others.

    Its limits on time are meant for requests, not for building an index or for a dump's snapshot; what would make
    others wait is limited by lock_timeout. A statement takes one core, the others are the customers'. Names mean the
    plan's own schemas first, wherever the role looks.
    """
    limits = ["statement_timeout", "idle_in_transaction_session_timeout", *IN_PARALLEL]
    if connection.info.server_version >= 170000:
        limits.append("transaction_timeout")
    connection.execute("; ".join(f"SET {name} = 0" for name in limits).encode())
    connection.execute(
        """
        SELECT set_config('search_path', concat_ws(', ', quote_ident(%(first)s), NULLIF(path, '')), false)
        FROM current_setting('search_path') AS path
        WHERE current_schema() IS DISTINCT FROM %(first)s
        """,
        {"first": plan.schemas[0]},
    )


def reset(plan: Plan, environment: Environment) -> None:
    """Give an embedded environment a fresh baseline.

    Raises:
        UsageError: it is not embedded, or its server does not start.
        NotAllowed: a run holds it.
    """
    if environment.server != "embedded":
        raise UsageError(f"Only an embedded environment can be reset; {environment.name!r} is somebody's database.")
    admin = embedded.url(embedded.start(plan.root), "postgres", "postgres")
    with psycopg.connect(admin, autocommit=True) as connection:
        lock.require_free(connection, plan.name, environment.database)
    embedded.reset(plan.root, environment)


def server(connection: psycopg.Connection) -> dict[str, Any]:
    """Return the identity of a target: version, database, user, size_bytes."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """
            SELECT current_setting('server_version') AS version, current_database() AS database,
                   current_user::text AS user, pg_database_size(current_database()) AS size_bytes
            """
        ).fetchone()
    return row or {}


def redact(text: str, url: str) -> str:
    """Return `text` on one line, without the password that stands in `url` or in any other URL."""
    try:
        password = str(conninfo_to_dict(url).get("password") or "")
    except (psycopg.ProgrammingError, UnicodeDecodeError):
        password = ""
    if password:
        text = text.replace(password, "…")
    text = re.sub(r"(://[^/\s:@]*):[^@\s]*@", r"\1:…@", text)
    return " ".join(text.split())
