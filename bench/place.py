"""The place: a server of the bench's own, and databases copied from filled templates."""

import hashlib
import os
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import psutil
import psycopg
from IPython.core.interactiveshell import InteractiveShell
from psycopg import sql
from traitlets.config import Config

from runbook.database import embedded
from runbook.database.server import Server
from runbook.plan.plan import Environment, Plan

ENVIRONMENT = "bench"
# As a server in production has them: a quarter of the memory for its pages, and room for the WAL of a whole migration
# between two checkpoints. With less, each page of an index is logged whole again after every checkpoint.
SETTINGS = {
    "shared_buffers": f"{psutil.virtual_memory().total // 4 // 2**20}MB",
    "max_wal_size": "64GB",
    "min_wal_size": "2GB",
    "max_connections": "200",
}
NAME = "runbook bench"  # of connections: what a backfill takes for its own, not for others at work


class Place:
    """Where the bench measures: apart from the demonstration server, whose data it never touches."""

    def __init__(self, root: Path) -> None:
        os.environ["RUNBOOK_STATE"] = str(embedded.state_folder(root) / "bench")
        self.plan = Plan.load(root / "runbook.toml")
        self.server = _started(root)
        self.admin = psycopg.connect(
            embedded.url(self.server, "postgres", "postgres"), autocommit=True, application_name=NAME
        )
        self.local = self.plan.environment("local")
        os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="bench-")
        self.shell()

    def shell(self) -> InteractiveShell:
        """Return a new IPython shell, the current one from now on: what a cell calls displays there."""
        InteractiveShell.clear_instance()
        return InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))

    def template(self, organizations: int, shape: str = "") -> str:
        """Return a database with the baseline and so many organizations, no actions; kept for the next run.

        Args:
            organizations: how many.
            shape: SQL that makes it differ from the baseline, as its owner.
        """
        name = f"template_{organizations}_{self._digest}"
        if shape:
            name += f"_{hashlib.sha256(shape.encode()).hexdigest()[:8]}"
        if not self._exists(name):
            settings = {"runbook.organizations": str(organizations), "runbook.actions_per_organization": "0"}
            environment = replace(self.local, baseline=replace(self.local.baseline, settings=settings))
            embedded.fill(self.server, environment, f"{name}_unfinished")
            with self.connect(f"{name}_unfinished") as connection:
                if shape:
                    connection.execute(shape.encode())
                connection.execute("VACUUM (ANALYZE)")  # as autovacuum leaves a table that stands for a while
            rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
            self.admin.execute(rename.format(sql.Identifier(f"{name}_unfinished"), sql.Identifier(name)))
        return name

    def copy(self, template: str, name: str = "subject") -> str:
        """Return a fresh copy of a database."""
        embedded.drop(self.server, name)
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {} STRATEGY file_copy")
        self.admin.execute(statement.format(*map(sql.Identifier, (name, template, self.local.owner))))
        return name

    def url(self, database: str) -> str:
        """Return the libpq URL of a database, for its owner."""
        return embedded.url(self.server, database, self.local.owner)

    def connect(self, database: str) -> psycopg.Connection:
        """Open an autocommit connection as the database's owner, like those of the runbook."""
        return psycopg.connect(self.url(database), autocommit=True, prepare_threshold=None, application_name=NAME)

    def environment(self, database: str) -> tuple[Plan, Environment]:
        """Return the plan with an environment that leads to this database."""
        environment = Environment(ENVIRONMENT, database=database, owner=self.local.owner, approval="automatic")
        os.environ[environment.url_variable] = self.url(database)
        return replace(self.plan, environments={ENVIRONMENT: environment}), environment

    @contextmanager
    def measured(self) -> Iterator[dict[str, float]]:
        """Measure what happens inside, from a checkpoint on.

        The mapping holds afterwards: `seconds`, `wal_mb` (MB of WAL), `cpu_s` (seconds of processor time on the
        server), `others` (% of all cores that whatever else runs here took) and `memory_mb` (how much this process
        grew at most).
        """
        found: dict[str, float] = {}
        self.checkpoint()
        with _Memory() as memory:
            wal, cpu, own, busy, begun = self._wal(), self._cpu(), _own_cpu(), _busy(), time.perf_counter()
            yield found
            found["seconds"] = time.perf_counter() - begun
            busy, own = _busy() - busy, _own_cpu() - own
        found |= {"wal_mb": (self._wal() - wal) / 1e6, "cpu_s": self._cpu() - cpu, "memory_mb": memory.growth / 2**20}
        cores = found["seconds"] * (os.cpu_count() or 1)
        found["others"] = max(0.0, 100 * (busy - own - found["cpu_s"]) / cores)

    def checkpoint(self) -> None:
        """Write everything out, so that no subject pays for what another one left."""
        self.admin.execute("CHECKPOINT")

    def close(self) -> None:
        """Drop what is no template and leave the server."""
        names = self.admin.execute(
            "SELECT datname FROM pg_database WHERE datname !~ '^(template|postgres$)'"
        ).fetchall()
        for (name,) in names:
            embedded.drop(self.server, name)
        self.admin.close()
        self.server.leave()

    @cached_property
    def _digest(self) -> str:
        baseline = self.local.baseline
        files = (*baseline.cluster, *baseline.superuser, *baseline.owner)
        return hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:8]

    def _exists(self, database: str) -> bool:
        return self.admin.execute("SELECT FROM pg_database WHERE datname = %s", [database]).fetchone() is not None

    def _wal(self) -> float:
        row = self.admin.execute("SELECT (pg_current_wal_lsn() - '0/0')::float8").fetchone()
        assert row is not None
        return float(row[0])

    def _cpu(self) -> float:
        """Return the processor seconds of the server so far: of the processes that ended, and of those that live."""
        postmaster = psutil.Process(self.server.pid)
        own = postmaster.cpu_times()
        total = own.user + own.system + own.children_user + own.children_system
        for child in postmaster.children():
            with suppress(psutil.NoSuchProcess):
                times = child.cpu_times()
                total += times.user + times.system
        return float(total)


def _started(root: Path) -> Server:
    """Start the bench's server with its own settings; the first time it is started twice."""
    server = embedded.start(root)
    with psycopg.connect(embedded.url(server, "postgres", "postgres"), autocommit=True) as admin:
        differing = "SELECT pg_size_bytes(current_setting(%s)) <> pg_size_bytes(%s)"
        changed = [one for one in SETTINGS.items() if admin.execute(differing, one).fetchone() == (True,)]
        for name, value in changed:
            admin.execute(sql.SQL("ALTER SYSTEM SET {} = {}").format(sql.Identifier(name), value))
    if changed:
        server.leave()
        server = embedded.start(root)
    return server


def _own_cpu() -> float:
    """Return the processor seconds of this process and of its children that ended."""
    times = os.times()
    return times.user + times.system + times.children_user + times.children_system


def _busy() -> float:
    """Return the processor seconds of everything on this machine, summed over the cores."""
    times = psutil.cpu_times()
    return float(sum(times) - times.idle - getattr(times, "iowait", 0.0) - getattr(times, "guest", 0.0))


class _Memory:
    """Watches how far this process grows."""

    def __enter__(self) -> "_Memory":
        self._process = psutil.Process()
        self._before = self._peak = self._process.memory_info().rss
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._watch)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        self.growth = self._peak - self._before

    def _watch(self) -> None:
        while not self._stop.wait(0.05):
            self._peak = max(self._peak, self._process.memory_info().rss)
