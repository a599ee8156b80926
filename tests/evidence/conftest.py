"""A toy that was run once, with cells of every kind that `verify` knows, signed; copies of what it left."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import nbformat
import psycopg
import pytest
from nbformat.v4 import new_code_cell

from runbook.database import embedded
from runbook.evidence import manifest, signature
from runbook.evidence.verify import VerifyRequest, verify_run
from runbook.plan.plan import Plan
from tests.support.project import copy_toy
from tests.support.stands import Stands, make_stands
from tests.support.toy import NAME

DECIDES = "-- criterion: Every shelf has a label\n"
VERIFY, TABLE = {"tags": ["verify"]}, {"tags": ["verify", "nbval-check-output"]}
PYTHON = """
task.setting("least", 5)
task.persona("ada", "librarian", app__who="ada")
"""
# Between the checks: a setting that changes, one that SQL makes, a persona, a view later cells need.
CELLS = [
    new_code_cell(PYTHON.strip()),
    new_code_cell(
        f"%%check the first setting counts here: = 5\n{DECIDES}SELECT current_setting('runbook.least')", metadata=VERIFY
    ),
    new_code_cell('task.setting("least", 500)'),
    new_code_cell("%%sql\nSELECT set_config('runbook.made', 'in SQL', false)"),
    new_code_cell("%%sql\nCREATE OR REPLACE TEMP VIEW rooms_of AS SELECT DISTINCT room FROM shelves; SELECT 1 AS one"),
    new_code_cell(
        f"%%check the second setting, what SQL set, and the view: all true\n{DECIDES}"
        "SELECT current_setting('runbook.least') = '500' AND current_setting('runbook.made') = 'in SQL' "
        "AND (SELECT COUNT(*) FROM rooms_of) >= 7",
        metadata=VERIFY,
    ),
    new_code_cell(
        f"%%check ada is who she is: all true\n{DECIDES}-- as: ada\nSELECT current_setting('app.who') = 'ada'",
        metadata=VERIFY,
    ),
    new_code_cell("%%sql\nSELECT room, COUNT(*) AS shelves FROM shelves GROUP BY room ORDER BY room", metadata=TABLE),
]


@dataclass(frozen=True)
class Finished:
    """A run that is over.

    Attributes:
        signers: a list of allowed signers with the one who signed it, called `operator`.
    """

    root: Path
    folder: Path
    signers: Path

    @property
    def plan(self) -> Plan:
        return Plan.load(self.root / "runbook.toml")

    def connect(self) -> psycopg.Connection:
        return psycopg.connect(embedded.provide(self.root, self.plan.environment("local")), autocommit=True)


@dataclass
class Said:
    """What `verify` said, and its exit code."""

    lines: list[str] = field(default_factory=list)
    code: int = -1

    @property
    def problems(self) -> list[str]:
        return [line.removeprefix("✗ ") for line in self.lines if line.startswith("✗ ")]


@pytest.fixture(scope="session")
def signers(key: Path) -> Path:
    path = key.with_name("signers")
    path.write_text(f"operator {key.with_suffix('.pub').read_text()}")
    return path


@pytest.fixture(scope="session")
def finished(tmp_path_factory, state, key, signers) -> Finished:
    """A finished run, on a database of its own. Only to be read."""
    root = copy_toy(tmp_path_factory.mktemp("finished"), "toy_evidence")
    path = root / "notebooks" / NAME
    notebook = nbformat.read(path, 4)
    notebook.cells[-2:-2] = CELLS
    nbformat.write(notebook, path)
    said = subprocess.run(
        [sys.executable, "-m", "runbook", "run"],
        cwd=root,
        env={**os.environ, signature.KEY_VARIABLE: str(key)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert said.returncode == 0, said.stdout + said.stderr
    return Finished(root, manifest.latest_run(Plan.load(root / "runbook.toml")), signers)


@pytest.fixture
def copy(finished: Finished, tmp_path: Path) -> Path:
    """A copy of the run's folder, to alter."""
    return Path(shutil.copytree(finished.folder, tmp_path / "copy"))


@pytest.fixture
def verify(finished: Finished) -> Callable[..., Said]:
    """Verify a folder as the command does, with the checkout's plan."""

    def call(folder: Path, **options: bool) -> Said:
        said = Said()
        said.code = verify_run(finished.plan, VerifyRequest(folder, **options), said.lines.append)
        return said

    return call


@pytest.fixture(scope="session")
def stands(tmp_path_factory, state) -> Stands:
    """One run as it stood after each of its ends."""
    return make_stands(tmp_path_factory.mktemp("stands"))
