"""One embedded PostgreSQL for the whole session; copies of the project to run and to break."""

import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings

from runbook.database import embedded
from runbook.plan.plan import Plan

ROOT = Path(__file__).parents[1]
PARTS = ("runbook.toml", "pyproject.toml", "notebooks", "sql", "docs", "outputs/expected", "supabase")
# The same draws every time, and no deadline: machines are slow at times, tests are not flaky.
settings.register_profile(
    "steady", max_examples=50, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("steady")
# A shell that started us in the background had us ignore Ctrl-C, and so would every command started here.
signal.signal(signal.SIGINT, signal.default_int_handler)
Command = Callable[..., "subprocess.CompletedProcess[str]"]


@pytest.fixture(scope="session", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Keep the servers of the tests apart from the developer's."""
    folder = tmp_path_factory.mktemp("state")
    if os.geteuid() == 0:  # the server's user must enter
        for one in (tmp_path_factory.getbasetemp(), tmp_path_factory.getbasetemp().parent):
            if one.stat().st_uid == 0 and one != Path(one.anchor):
                one.chmod(one.stat().st_mode | 0o011)
        folder.chmod(0o711)
    os.environ["RUNBOOK_STATE"] = str(folder)
    embedded.start(ROOT)
    yield folder
    embedded.start(ROOT).stop()  # the one that runs now: tests kill servers, and users of them


@pytest.fixture(scope="session")
def plan() -> Plan:
    return Plan.read(ROOT / "runbook.toml")


@pytest.fixture
def project(tmp_path: Path, state: Path) -> Path:
    """A copy of the project to run and to break, on a fresh baseline."""
    return copy_project(tmp_path)


@pytest.fixture
def toy(tmp_path: Path, state: Path) -> Path:
    """A copy of the toy runbook, on a fresh baseline."""
    return copy_toy(tmp_path)


@pytest.fixture
def connect() -> Iterator[Callable[[Path], psycopg.Connection]]:
    """Open connections to the local environment of a project, closed afterwards."""
    opened: list[psycopg.Connection] = []

    def open_connection(root: Path) -> psycopg.Connection:
        environment = Plan.read(root / "runbook.toml").environment("local")
        opened.append(psycopg.connect(embedded.provide(root, environment), autocommit=True))
        return opened[-1]

    yield open_connection
    for connection in opened:
        connection.close()


@pytest.fixture
def runbook() -> Command:
    """Run the command line in a folder."""

    def call(
        folder: Path, *arguments: str, seconds: float = 240, **environment: str
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "runbook", *arguments],
            cwd=folder,
            env={**os.environ, "COLUMNS": "200", **environment},
            capture_output=True,
            text=True,
            timeout=seconds,
            check=False,
        )

    return call


def missing(what: str) -> Path:
    """Skip, saying what is missing; where nothing may be skipped, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not installed here: .ci/run installs it")


def copy_project(folder: Path) -> Path:
    """Copy the project into a folder, on a fresh baseline."""
    return _fresh(copy_parts(folder))


def copy_parts(folder: Path) -> Path:
    """Copy the project into a folder."""
    copy = folder / "project"
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, copy / part)
        elif source.exists():
            copy.mkdir(exist_ok=True)
            shutil.copy(source, copy / part)
    return copy


def copy_toy(folder: Path, database: str = "toy") -> Path:
    """Copy the toy runbook into a folder, on a fresh baseline in a database of that name."""
    copy = folder / "toy"
    shutil.copytree(ROOT / "tests" / "toy", copy)
    plan = copy / "runbook.toml"
    plan.write_text(plan.read_text().replace('database = "toy"', f'database = "{database}"'))
    return _fresh(copy)


def _fresh(root: Path) -> Path:
    embedded.reset(root, Plan.read(root / "runbook.toml").environment("local"))
    return root
