"""A copy of the project, on the bench's own server, with a baseline of another size."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import psycopg

from bench.place import NAME, Place
from runbook.database import embedded
from runbook.plan.plan import Plan

PARTS = ("runbook.toml", "pyproject.toml", "notebooks", "sql", "docs", "supabase")
EXPECTED = "outputs/expected"
LAST_WORDS = 2000  # characters of a failed command's output that are shown


class Project:
    """Runs the runbook's commands in a folder of its own."""

    def __init__(self, place: Place, folder: Path, *parts: str, **settings: int) -> None:
        """Copy the project, and `parts` beside; `settings` are the baseline's, such as organizations=20000."""
        self.place, self.folder = place, folder / "project"
        for part in (*PARTS, *parts):
            source, target = place.plan.root / part, self.folder / part
            target.parent.mkdir(parents=True, exist_ok=True)
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns(".ipynb_checkpoints"))
            elif source.exists():
                shutil.copy(source, target)
        plan = self.folder / "runbook.toml"
        text = plan.read_text(encoding="utf-8")
        for name, value in settings.items():
            text = re.sub(rf'("runbook\.{name}" = )"\d+"', rf'\1"{value}"', text)
        plan.write_text(text, encoding="utf-8")

    @property
    def plan(self) -> Plan:
        """The copy's plan."""
        return Plan.load(self.folder / "runbook.toml")

    def clear(self) -> None:
        """Drop the database: whoever comes first fills it anew."""
        embedded.drop(self.place.server, self.plan.environment("local").database)

    def runbook(self, *arguments: str) -> None:
        """Run a command of the runbook."""
        self.call("runbook", *arguments)

    def call(self, module: str, *arguments: str) -> None:
        """Run a Python module in the copy.

        Raises:
            RuntimeError: it failed; with its last words.
        """
        command = [sys.executable, "-m", module, *arguments]
        environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}  # modules of the bench too
        done = subprocess.run(command, cwd=self.folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            words = (done.stdout + done.stderr)[-LAST_WORDS:]
            raise RuntimeError(f"{module} {' '.join(arguments)} ended with {done.returncode}:\n{words}")

    def connect(self) -> psycopg.Connection:
        """Open an autocommit connection to the copy's database."""
        return psycopg.connect(self.url, autocommit=True, application_name=NAME)

    @property
    def url(self) -> str:
        """The libpq URL of the copy's database."""
        return self.place.url(self.plan.environment("local").database)
