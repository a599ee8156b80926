"""The client programs of PostgreSQL, pg_dump and pg_restore: those on this machine that fit a server.

They talk to the server as the runbook itself does: to the very database, over TLS where its own connection is, with
the same settings. The password reaches them through the environment, never through their arguments.
"""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg

from runbook import server_words
from runbook.database import privileges, settings
from runbook.database.target import Target
from runbook.errors import StepFailed, UsageError

VARIABLE = "RUNBOOK_PG_BIN"  # a folder that holds the programs; nothing else is looked at then
PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "opt/homebrew/opt/libpq/bin", "usr/local/opt/libpq/bin")


def call(name: str, target: Target, arguments: list[str]) -> str:
    """Call a program on a database and return what it printed.

    A session of ours is there first and proves which database that is. A dump reads in that session's snapshot, which
    the server lends to nobody in another database.

    Raises:
        StepFailed: it failed; with what it said, in one line.
        UsageError: no such program on this machine fits the server.
    """
    try:
        with target.connect(f"runbook {name}") as connection:
            if name == "pg_dump" and not any(one.startswith("--snapshot=") for one in arguments):
                connection.execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
                row = connection.execute("SELECT pg_export_snapshot()").fetchone()
                assert row is not None
                arguments = [*arguments, f"--snapshot={row[0]}"]
            return _call(name, target, connection, arguments)
    except psycopg.OperationalError as error:
        raise StepFailed(f"{name} failed: {target.address.redact(str(error))}") from None


def pattern(*name: str) -> str:
    """Return a name as pg_dump's options take it: quoted, so that nothing in it is a pattern."""
    return ".".join('"' + part.replace('"', '""') + '"' for part in name)


def _call(name: str, target: Target, connection: psycopg.Connection, arguments: list[str]) -> str:
    major, is_tls = connection.info.server_version // 10000, connection.pgconn.ssl_in_use
    given = " ".join(filter(None, [target.address.options.get("options"), settings.for_program(connection)]))
    options = {"client_encoding": settings.SETTINGS["client_encoding"], **({"options": given} if given else {})}
    if is_tls and target.address.options.get("sslmode", "prefer") in {"allow", "prefer"}:
        options["sslmode"] = "require"  # what went by TLS unasked must not go in clear now
    database, environment = target.address.for_program(**options)
    program = _folder(major, is_tls, os.environ.get(VARIABLE, "")) / name
    result = subprocess.run(
        [program, f"--dbname={database}", *arguments], env=environment, capture_output=True, text=True, check=False
    )
    if result.returncode:
        raise StepFailed(f"{name} failed: {target.address.redact(server_words.of_program(result.stderr))}")
    return result.stdout


@cache
def _folder(major: int, is_tls: bool, given: str) -> Path:
    """Return the folder of the programs nearest to a server's major version, but not older."""
    fitting: list[tuple[int, Path]] = []
    others: list[str] = []
    for folder in [Path(given)] if given else _folders():
        version = _major(folder)
        if version is None:
            others.append(f"no pg_dump in {folder}")
        elif version < major:
            others.append(f"{version} in {folder} is too old")
        elif is_tls and not _speaks_tls(folder):
            others.append(f"{version} in {folder} is built without TLS")
        elif version == major:
            return folder  # none is nearer
        else:
            fitting.append((version, folder))
    if fitting:
        return min(fitting, key=lambda one: one[0])[1]
    raise UsageError(
        f"The server is PostgreSQL {major}{', reached over TLS' if is_tls else ''}, and no pg_dump here fits it "
        f"({'; '.join(others)}). Install the client programs of PostgreSQL {major} or newer (Debian: "
        f"postgresql-client-{major}), or name the folder of pg_dump in {VARIABLE}."
    )


def _folders() -> Iterator[Path]:
    yield privileges.installed() / "bin"
    if found := shutil.which("pg_dump"):
        yield Path(found).parent
    for place in PLACES:
        yield from sorted(Path("/").glob(place))


def _major(folder: Path) -> int | None:
    if not (folder / "pg_dump").is_file():
        return None
    said = subprocess.run([folder / "pg_dump", "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"\) (\d+)", said)
    return int(found[1]) if found else None


def _speaks_tls(folder: Path) -> bool:
    """Tell whether programs are built with TLS: without it they refuse to ask for it, before they connect."""
    command = [str(folder / "pg_dump"), "--dbname=host=/nonexistent sslmode=require"]
    said = subprocess.run(command, env={"LC_ALL": "C"}, capture_output=True, text=True, check=False).stderr
    return "not compiled in" not in said
