"""Servers of somebody else: PostgreSQL of any version over TCP, behind passwords and, where it can, behind TLS."""

import os
import re
import socket
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from runbook.database import privileges

DEBIAN = Path("/usr/lib/postgresql")
SMALL = [
    "shared_buffers=64MB",
    "fsync=off",
    "max_connections=60",
    "unix_socket_directories=",
    "listen_addresses=127.0.0.1",
]
PGBOUNCER = """
[databases]
* = host={host} {only}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = trust
auth_file = {users}
pool_mode = {mode}
"""
WHEEL = privileges.installed() / "bin"
USER = privileges.USER if os.geteuid() == 0 else None  # PostgreSQL refuses to run as root


class Server:
    """A server behind passwords.

    Attributes:
        data: its folder; what belongs to it lies beside.
        binaries: where its programs are.
        superuser: made at its birth, with the password `password`.
        authority: the certificate of whoever signed the server's; None: it speaks no TLS.
    """

    def __init__(self, data: Path, password: str, binaries: Path = WHEEL, superuser: str = "postgres") -> None:
        self.data, self.password, self.binaries, self.superuser = data, password, binaries, superuser
        self.port, self.authority = free_port(), None

    def address(self, user: str = "", **options: str) -> str:
        """Return the URL of a database on it, as a user."""
        about = {"host": "localhost", "port": str(self.port), "dbname": "postgres", "password": self.password}
        if self.authority:
            about |= {"sslmode": "verify-full", "sslrootcert": str(self.authority)}
        return make_conninfo(**about | {"user": user or self.superuser} | options)

    def initialize(self) -> None:
        """Make the cluster; who is no user of it gets in nowhere."""
        secret = self.data.parent / f"{self.data.name}.password"
        secret.write_text(self.password)
        self.call(
            "initdb", "-U", self.superuser, f"--pwfile={secret}", "--auth=scram-sha-256", "--no-sync", "-E", "UTF8"
        )
        self.admit("host")

    def admit(self, kind: str) -> None:
        """Let in whoever gives a password, over `host`, or over `hostssl` alone."""
        rule = f"{kind} {{}} all 127.0.0.1/32 scram-sha-256\n"
        (self.data / "pg_hba.conf").write_text(rule.format("all") + rule.format("replication"))

    def speak_tls(self) -> None:
        """Make an authority and a certificate of it, and take nothing but TLS from now on."""
        self.authority, about = self.data.parent / "authority.crt", ["-days", "2", "-nodes", "-newkey", "rsa:2048"]
        signed = ["-CA", str(self.authority), "-CAkey", str(self.authority.with_suffix(".key"))]
        for path, options in (
            (self.authority, ["-subj", "/CN=Authority of the tests"]),
            (self.data / "server.crt", ["-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", *signed]),
        ):
            files = ["-keyout", str(path.with_suffix(".key")), "-out", str(path)]
            subprocess.run(["openssl", "req", "-x509", *about, *options, *files], check=True, capture_output=True)
            path.with_suffix(".key").chmod(0o600)
        owned(self.data / "server.crt", self.data / "server.key")
        with (self.data / "postgresql.conf").open("a") as conf:
            conf.write("ssl = on\n")
        self.admit("hostssl")

    @contextmanager
    def running(self, *settings: str) -> Iterator["Server"]:
        """Run it with settings of its own, and stop it."""
        options = " ".join(f"-c {setting}" for setting in [*SMALL, f"port={self.port}", *settings])
        self.call("pg_ctl", "-w", "-l", str(self.data / "log"), "-o", options, "start")
        try:
            yield self
        finally:
            self.call("pg_ctl", "-m", "immediate", "stop")

    def login(self, role: str) -> None:
        """Give a role the server's password."""
        with psycopg.connect(self.address(), autocommit=True) as admin:
            admin.execute(sql.SQL("ALTER ROLE {} PASSWORD {}").format(sql.Identifier(role), sql.Literal(self.password)))

    def execute(self, files: Sequence[Path], user: str = "", settings: dict[str, str] | None = None, **to: str) -> None:
        """Execute files of SQL, with settings they read."""
        with psycopg.connect(self.address(user, **to), autocommit=True) as connection:
            for name, value in (settings or {}).items():
                connection.execute("SELECT set_config(%s, %s, false)", [name, value])
            for file in files:
                connection.execute(file.read_bytes())

    def call(self, program: str, *arguments: str) -> None:
        """Call one of its programs on its data."""
        command = [str(self.binaries / program), "-D", str(self.data), *arguments]
        with (self.data.parent / "said").open("w+") as said:  # pg_ctl leaves a server behind that keeps a pipe open
            done = subprocess.run(command, user=USER, cwd="/", stdout=said, stderr=said, check=False)
            said.seek(0)
            assert done.returncode == 0, said.read()


def folder(parent: Path, name: str) -> Path:
    """Make a folder the server's own user may use."""
    made = parent / name
    made.mkdir(mode=0o700)
    if USER:
        for one in made.parents:
            if one.stat().st_uid == 0 and not one.stat().st_mode & 0o001:
                one.chmod(one.stat().st_mode | 0o011)
    owned(made)
    return made


def owned(*paths: Path) -> None:
    """Give files to the server's own user."""
    if USER:
        for path in paths:
            privileges.give(path)


def free_port() -> int:
    """Return a port nobody listens on."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def debian() -> dict[int, Path]:
    """Return where Debian keeps the programs of which major version."""
    found = [path for path in DEBIAN.glob("*/bin") if (path / "initdb").exists()]
    return {int(re.sub(r"\D", "", path.parent.name)): path for path in found}


@contextmanager
def pgbouncer(parent: Path, url: str, mode: str, only: str = "") -> Iterator[str]:
    """Start a pgbouncer in a mode before a server on a socket; yield the URL of its database through it.

    Args:
        parent: a folder of its own.
        url: the database as its owner reaches it.
        mode: `session` or `transaction`.
        only: more of what pgbouncer is told of the database, such as `pool_size=2`.
    """
    info, place, port = conninfo_to_dict(url), folder(parent, "pgbouncer"), free_port()
    (place / "users").write_text(f'"{info["user"]}" ""\n')
    file = place / "pgbouncer.ini"
    file.write_text(PGBOUNCER.format(host=info["host"], only=only, port=port, users=place / "users", mode=mode))
    through = make_conninfo(host="127.0.0.1", port=port, user=str(info["user"]), dbname=str(info["dbname"]))
    with subprocess.Popen(["pgbouncer", "--quiet", str(file)], user=USER) as process:
        try:
            for _ in range(100):
                with suppress(psycopg.OperationalError):
                    psycopg.connect(through).close()
                    break
                time.sleep(0.05)
            else:
                raise RuntimeError("pgbouncer does not answer")
            yield through
        finally:
            process.terminate()
