"""A toy of two tasks as it stood when its run had ended in one way or another: its folder and its ledger, kept."""

import shutil
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

from runbook.database import embedded, privileges
from runbook.evidence.manifest import JOURNAL, latest_run
from runbook.plan.plan import Plan
from tests.support.project import copy_toy
from tests.support.toy import add_second_task

DATABASE = "toy_stands"
SECOND = "08_again.ipynb"
STEP = "SELECT room, COUNT(*) AS shelves"
LEAST = 6  # cells into the second task, where it sleeps
OTHERS = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
KINDS = ("failed", "dead", "died", "complete", "rolled back", "given back")


@dataclass
class Stands:
    """What is kept of one run, kind by kind.

    Attributes:
        folders: of the run in question, below `root`, by kind.
    """

    place: Path
    root: Path
    folders: dict[str, Path] = field(default_factory=dict)

    @property
    def plan(self) -> Plan:
        """The toy's plan."""
        return Plan.load(self.root / "runbook.toml")

    @property
    def server(self) -> str:
        """Address of the database, as its superuser reaches it."""
        return embedded.url(embedded.start(self.root), DATABASE, embedded.SUPERUSER)

    def call(self, *arguments: str) -> "subprocess.CompletedProcess[str]":
        """Run a verb."""
        line = [sys.executable, "-m", "runbook", *arguments]
        return subprocess.run(line, cwd=self.root, capture_output=True, text=True, check=False, timeout=240)

    def kept(self, kind: str) -> Path:
        """Return the folder in question as it is kept."""
        return self.place / kind / self.folders[kind].relative_to(self.root)

    def keep(self, kind: str, folder: Path) -> None:
        """Keep everything as it is now."""
        self.folders[kind] = folder
        shutil.copytree(self.root / "outputs", self.place / kind / "outputs")
        options = [f"--dbname={self.server}", f"--file={self.place / kind / 'dump.sql'}", "--clean", "--if-exists"]
        subprocess.run([privileges.programs() / "pg_dump", *options], check=True)

    def bring_back(self, kind: str) -> Path:
        """Make everything what it was, and return the folder in question."""
        shutil.rmtree(self.root / "outputs")
        shutil.copytree(self.place / kind / "outputs", self.root / "outputs")
        with psycopg.connect(self.server, autocommit=True) as connection:
            connection.execute(OTHERS)
            connection.execute("DROP SCHEMA IF EXISTS runbook CASCADE")
        words = ["--quiet", "--no-psqlrc", "--set=ON_ERROR_STOP=1", f"--file={self.place / kind / 'dump.sql'}"]
        command = [privileges.programs() / "psql", self.server, *words]
        subprocess.run(command, check=True, capture_output=True)
        return self.folders[kind]


def make_stands(place: Path) -> Stands:
    """Let one run fail, be taken up again and die, be sealed as died, complete, and be rolled back."""
    found = Stands(place, copy_toy(place, DATABASE))
    add_second_task(found.root)
    second = found.root / "notebooks" / SECOND
    written = second.read_text()
    second.write_text(written.replace(STEP, f"SELECT 1 / 0; {STEP}"))
    assert found.call("run").returncode == 1
    folder = latest_run(found.plan)
    assert folder is not None
    found.keep("failed", folder)
    second.write_text(written.replace(STEP, f"SELECT pg_sleep(60); {STEP}"))
    _kill_resumed(found, folder)
    second.write_text(written)
    found.keep("dead", folder)
    for kind, verb in (("died", ("report",)), ("complete", ("run", "--resume")), ("given back", ("rollback", "--yes"))):
        done = found.call(*verb)
        assert done.returncode == 0, done.stdout + done.stderr
        found.keep(kind, folder)
    newest = latest_run(found.plan)
    assert newest is not None
    found.keep("rolled back", newest)
    return found


def _kill_resumed(found: Stands, folder: Path) -> None:
    def cells() -> int:
        return (folder / JOURNAL).read_text().count('"event": "cell"')

    before, line = cells(), [sys.executable, "-m", "runbook", "run", "--resume"]
    with subprocess.Popen(line, cwd=found.root, stdout=subprocess.DEVNULL) as batch:
        while cells() < before + LEAST and batch.poll() is None:
            time.sleep(0.02)
        batch.kill()
