"""The demonstration's databases: made from the baseline of an embedded environment, on a server of ours.

Nothing is dropped there before the server has proven to be that of our data folder.
"""

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from runbook.database import settings
from runbook.database.server import Server
from runbook.errors import RunbookError, UsageError
from runbook.plan.plan import Environment

SUPERUSER, MAINTENANCE = "postgres", "postgres"
FILLING = 60_000  # milliseconds one process waits while another fills the baseline


def state_folder(root: Path) -> Path:
    """Return the folder for servers and backups: RUNBOOK_STATE (below the checkout, if relative), or `.runbook`."""
    return (root / (os.environ.get("RUNBOOK_STATE") or ".runbook")).resolve()


def start(root: Path) -> Server:
    """Start the server of this checkout, or join it where it runs already.

    The returned server is stopped at this process's end, unless another process still uses it.

    Raises:
        UsageError: its folder cannot be made or the server does not start.
    """
    state = state_folder(root)
    try:
        state.mkdir(mode=0o711 if os.geteuid() == 0 else 0o700, parents=True, exist_ok=True)
        server = Server(state)
        server.start()
    except RunbookError:
        raise
    except OSError as error:
        raise UsageError(
            f"The embedded PostgreSQL in {state} does not start ({' '.join(str(error).split())}): "
            "mend that, or set RUNBOOK_STATE to another folder."
        ) from error
    return server


def url(server: Server, database: str, user: str) -> str:
    """Return the libpq connection string of a database on the embedded server."""
    return server.address(database, user).conninfo


def provide(root: Path, environment: Environment) -> str:
    """Start the server, fill it with the baseline where that is missing; return the owner's connection string."""
    server = start(root)
    with _admin(server) as admin:
        # One process fills, the others wait: kernels may start while the batch does.
        admin.execute(sql.SQL("SET lock_timeout = {}").format(FILLING))
        with admin.transaction():
            admin.execute("CREATE TABLE IF NOT EXISTS filling ()")
            admin.execute("LOCK TABLE filling IN EXCLUSIVE MODE")
            if not _exists(admin, environment.database):
                fill(server, environment, environment.database)
    return url(server, environment.database, environment.owner)


def fill(server: Server, environment: Environment, database: str) -> None:
    """Create `database` with the environment's baseline; nothing is left of it if a file fails."""
    baseline = environment.baseline
    with _admin(server) as admin:
        _run(admin, baseline.cluster, {})
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(environment.owner))
        )
    try:
        with _session(server, database, SUPERUSER) as connection:
            _run(connection, baseline.superuser, {})
        with _session(server, database, environment.owner) as connection:
            _run(connection, baseline.owner, baseline.settings)
    except BaseException:
        drop(server, database)
        raise


def drop(server: Server, database: str) -> None:
    """Drop `database` with whatever is connected to it; do nothing if there is none."""
    with _admin(server) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def reset(root: Path, environment: Environment) -> str:
    """Give the embedded environment a fresh baseline and return the owner's connection string."""
    server = start(root)
    drop(server, environment.database)
    return provide(root, environment)


def exists(server: Server, database: str) -> bool:
    """Tell whether the server has a database of this name."""
    with _admin(server) as admin:
        return _exists(admin, database)


@contextmanager
def _admin(server: Server) -> Iterator[psycopg.Connection]:
    """Yield the superuser's session on the server, once it has proven to be that of our data folder.

    Raises:
        UsageError: it is another one.
    """
    with _session(server, MAINTENANCE, SUPERUSER) as connection:
        row = connection.execute("SELECT system_identifier::text, pg_backend_pid() FROM pg_control_system()").fetchone()
        assert row is not None
        if row[0] != server.identifier() or psutil.Process(row[1]).ppid() != server.pid:
            raise UsageError(
                f"The server that answers at {connection.info.host} is not that of {server.data}, but of cluster "
                f"{row[0]}: nothing was done."
            )
        yield connection


@contextmanager
def _session(server: Server, database: str, user: str) -> Iterator[psycopg.Connection]:
    with server.address(database, user).open("runbook baseline") as connection:
        settings.settle(connection, ("public",))
        yield connection


def _exists(admin: psycopg.Connection, database: str) -> bool:
    return admin.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchone() is not None


def _run(connection: psycopg.Connection, files: Iterable[Path], values: dict[str, str]) -> None:
    for name, value in values.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    for file in files:
        try:
            connection.execute(file.read_bytes())
        except psycopg.Error as error:
            raise UsageError(f"{file} fails: {error}") from error
