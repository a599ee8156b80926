"""One embedded PostgreSQL for the whole session; copies of the project to run and to break."""

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from IPython.core.interactiveshell import InteractiveShell
from traitlets.config import Config

from runbook.database import embedded
from runbook.plan import cells
from runbook.plan.plan import Plan
from tests.support.notebook import Notebook, Opener
from tests.support.project import ROOT, Command, copy_project, copy_toy
from tests.support.toy import NAME, TOY

# The same draws every time, and no deadline: machines are slow at times, tests are not flaky.
settings.register_profile(
    "steady", max_examples=50, derandomize=True, deadline=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("steady")
# A shell that started us in the background had us ignore Ctrl-C, and so would every command started here.
signal.signal(signal.SIGINT, signal.default_int_handler)


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
    return Plan.load(ROOT / "runbook.toml")


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
        environment = Plan.load(root / "runbook.toml").environment("local")
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


@pytest.fixture(scope="session")
def key(tmp_path_factory) -> Path:
    """An Ed25519 key without a passphrase."""
    path = tmp_path_factory.mktemp("keys") / "id"
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "operator", "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
    return path


@pytest.fixture
def open_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Open notebooks in a folder, each with its own kernel state; only the newest is IPython's current one."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    opened: list[Notebook] = []

    def open_in(folder: Path, *cells: str) -> Notebook:
        monkeypatch.chdir(folder)
        InteractiveShell.clear_instance()
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        opened.append(Notebook(shell))
        opened[-1].run(*cells)
        return opened[-1]

    yield open_in
    for notebook in opened:
        notebook.close()
    InteractiveShell.clear_instance()


@pytest.fixture
def toy_cells() -> list[str]:
    """The code cells of the toy's notebook: parameters, begin, the steps, conclude."""
    return [cell.source for cell in cells.read_cells(TOY / "notebooks" / NAME) if cell.kind == "code"]
