"""Environments: from a name in the plan to its target, with errors a person can act on and no secret in them."""

import os
from typing import Any

import psycopg
from psycopg.rows import dict_row

from runbook import server_words
from runbook.database import embedded, ledger_schema, lock, poolers
from runbook.database.address import Address, looked_up
from runbook.database.target import NoSession, Target, TooOld
from runbook.errors import TryAgain, UsageError
from runbook.plan import cells, commands
from runbook.plan.plan import Environment, Plan


def find(plan: Plan, environment: Environment) -> Target:
    """Return the target of an environment; an embedded one is started and filled first.

    Raises:
        UsageError: no address is set, it is malformed, or the server is too old.
        TryAgain: the server cannot be reached, or refuses.
    """
    where = _address(plan, environment)
    if environment.protected:
        server_words.withhold(lambda: _own_sql(plan))
    else:
        server_words.repeat()
    try:
        return Target.reached(where, environment.schemas(plan.schemas), plan.schemas)
    except TooOld as old:
        raise UsageError(f"Environment {environment.name!r} {old}.") from None
    except NoSession as port:
        raise poolers.refusal(environment, str(port)) from None
    except psycopg.OperationalError as error:
        raise _unreachable(environment, where.redact(str(error))) from None


def _own_sql(plan: Plan) -> str:
    """Return the SQL of a plan and of the ledger, whose own words hold no row."""
    scripts = [task.rollback for task in plan.tasks if task.rollback.exists()]
    notebooks = [task.notebook for task in plan.tasks if task.notebook.exists()]
    return "\n".join(
        [
            *(one.read_text(encoding="utf-8") for one in (*scripts, *ledger_schema.sources())),
            *(cell.source for one in notebooks for cell in cells.read_cells(one)),
        ]
    )


def connect(plan: Plan, environment: Environment, application_name: str) -> psycopg.Connection:
    """Open a session on an environment's target: see `Target.connect`.

    Raises:
        UsageError: no address is set, it is malformed, or the server is too old.
        TryAgain: the server cannot be reached, or refuses.
    """
    return find(plan, environment).connect(application_name)


def _address(plan: Plan, environment: Environment) -> Address:
    if environment.server == "embedded":
        embedded.provide(plan.root, environment)
        return embedded.start(plan.root).address(environment.database, environment.owner)
    url = os.environ.get(environment.url_variable, "") or _said_by_command(environment)
    if not url:
        raise UsageError(
            f"Environment {environment.name!r} has no address: "
            f"set {environment.url_variable} to its libpq URL (postgresql://user@host:port/database)."
        )
    try:
        return looked_up(url)
    except (psycopg.ProgrammingError, UnicodeError):
        raise UsageError(
            f"{environment.url_variable} is no libpq URL: write it as postgresql://user@host:port/database, "
            "with special characters percent-encoded."
        ) from None
    except psycopg.OperationalError as error:
        raise _unreachable(environment, Address({}).redact(str(error))) from None


def _said_by_command(environment: Environment) -> str:
    """Return the URL an environment's command prints, or "" where it has none; nothing it says is repeated."""
    if not environment.address_command:
        return ""
    try:
        return commands.printed(environment.address_command).strip()
    except UsageError as error:
        raise UsageError(f"The address of {environment.name!r} was not given. {error}") from None


def _unreachable(environment: Environment, why: str) -> TryAgain:
    where = "" if environment.server == "embedded" else f" (from {environment.url_variable})"
    return TryAgain(f"Cannot connect to environment {environment.name!r}{where}: {why}")


def reset(plan: Plan, environment: Environment) -> None:
    """Give an embedded environment a fresh baseline.

    Raises:
        UsageError: it is not embedded, or its server does not start.
        TryAgain: a run holds it.
    """
    if environment.server != "embedded":
        raise UsageError(f"Only an embedded environment can be reset; {environment.name!r} is somebody's database.")
    server = embedded.start(plan.root)
    if embedded.exists(server, environment.database):
        with server.address(environment.database, embedded.SUPERUSER).open("runbook reset") as connection:
            lock.require_free(connection, plan.name)
    embedded.reset(plan.root, environment)


def describe_server(connection: psycopg.Connection) -> dict[str, Any]:
    """Return what a target says of itself: version, database, user, size_bytes."""
    with connection.cursor(row_factory=dict_row) as cursor:
        row = cursor.execute(
            """
            SELECT current_setting('server_version') AS version, current_database() AS database,
                   current_user::text AS user, pg_database_size(current_database()) AS size_bytes
            """
        ).fetchone()
    return row or {}
