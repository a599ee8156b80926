"""A project with a fleet and the stand-in for `runbook`, and an Airflow's home with its DAG."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine import installed
from tests.support.project import ROOT

HERE = Path(__file__).parent
DAG = """
from datetime import timedelta
from runbook.airflow import fleet_dag
dag = fleet_dag({fleet!r}, project={project!r}, executable={executable!r}, **{about})
"""


@dataclass(frozen=True)
class Fleet:
    """A project with a fleet, whose `runbook` is the stand-in."""

    folder: Path

    @property
    def executable(self) -> Path:
        return self.folder / "runbook"

    def calls(self, *verbs: str) -> list[dict[str, Any]]:
        """Return the calls of some verbs so far, of all where none is named."""
        path = self.folder / "calls.jsonl"
        found = [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []
        return [one for one in found if not verbs or one["verb"] in verbs]

    def behave(self, **behaviour: dict[str, Any]) -> None:
        """Say with which exit code each verb ends on a target."""
        (self.folder / "behaviour.json").write_text(json.dumps(behaviour))


def make_fleet(folder: Path, name: str, targets: list[str], policy: str = 'approval = "automatic"') -> Fleet:
    """Make a project with a fleet."""
    folder.mkdir()
    (folder / "runbook.toml").write_text(
        f'[[tasks]]\nnumber = 7\n[fleets.{name}]\ntargets = "targets.json"\n{policy}\n'
    )
    (folder / "targets.json").write_text(json.dumps([{"target": one} for one in targets]))
    shutil.copy(HERE / "stub.py", folder / "stub.py")
    (folder / "runbook").write_text(f'#!/bin/sh\nexec {sys.executable} -S "{folder}/stub.py" "$@"\n')
    (folder / "runbook").chmod(0o755)
    fleet = Fleet(folder)
    fleet.behave()
    return fleet


class Home:
    """An Airflow's home, with a database of its own."""

    def __init__(self, folder: Path, python: Path, **settings: str) -> None:
        self.folder, self.python = folder, python
        (folder / "dags").mkdir(parents=True)
        ours = {name: value for name, value in os.environ.items() if not name.startswith(("AIRFLOW", "PYTHON"))}
        self.environment = {
            **ours,
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "false",
            "PYTHONPATH": str(ROOT / "lib"),
            **settings,
        }
        done = self.call("-m", "airflow", "db", "migrate")
        assert done.returncode == 0, done.stdout + done.stderr

    def call(self, *arguments: str, seconds: float = 600) -> "subprocess.CompletedProcess[str]":
        """Run Airflow's Python."""
        command = ["nice", "-n", "5", str(self.python), *arguments]
        return subprocess.run(
            command, env=self.environment, capture_output=True, text=True, timeout=seconds, check=False
        )

    def add_dag(self, fleet: Fleet, name: str, about: str) -> None:
        """Write the DAG of a fleet into a file of its name; `about`: more arguments of `fleet_dag`, in Python."""
        text = DAG.format(fleet=name, project=str(fleet.folder), executable=str(fleet.executable), about=about)
        (self.folder / "dags" / f"{name}.py").write_text(text)


@pytest.fixture(scope="session")
def airflow_python() -> Path:
    """The Python of an environment with Airflow."""
    return installed.environment() / "bin" / "python"
