"""JupyterLab on a copy of the project, and a browser in front of it."""

import json
import os
import re
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import psutil
import pytest
from playwright.sync_api import sync_playwright

from runbook.evidence import manifest
from runbook.plan import fingerprint
from runbook.plan.plan import Plan
from tests.support.project import ROOT, copy_project

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--disable-quic", "--no-first-run", "--disable-sync",
    "--disable-background-networking", "--disable-component-update", "--hide-scrollbars", "--force-color-profile=srgb",
]  # fmt: skip
# Windowing takes what is out of sight out of the page, where no test can see it.
SETTINGS = {
    "notebook-extension/tracker": {"windowingMode": "none"},
}


@pytest.fixture(scope="session")
def browser():
    """Debian's chromium."""
    if CHROMIUM is None:
        pytest.skip("chromium is not installed: apt-get install chromium")
    with sync_playwright() as driver:
        found = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture(scope="session")
def checkout(tmp_path_factory, state) -> Path:
    """A copy of the project on a fresh baseline."""
    return copy_project(tmp_path_factory.mktemp("lab"))


@pytest.fixture(scope="session")
def lab(checkout: Path, tmp_path_factory) -> Iterator[str]:
    """JupyterLab's address, with a `{}` for the notebook."""
    home = tmp_path_factory.mktemp("jupyter")
    for name, values in SETTINGS.items():
        path = home / "settings" / "@jupyterlab" / f"{name}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    with started(checkout, home) as (address, token):
        yield f"{address}lab/tree/notebooks/{{}}?reset&token={token}"


@pytest.fixture(scope="session")
def finished(checkout: Path) -> Path:
    """The folder of a whole run."""
    plan = Plan.load(checkout / "runbook.toml")
    injected = fingerprint.injection_record(Plan.load(ROOT / "runbook.toml"), "local")
    if injected.is_file():  # so that the picture shows what a fault injection came to
        copy = fingerprint.injection_record(plan, "local")
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(injected, copy)
    return _left_by(checkout, "run", "--fresh")


@pytest.fixture(scope="session")
def reversed_(checkout: Path, finished: Path) -> Path:
    """The folder of a rollback of that run."""
    return _left_by(checkout, "rollback", "--yes")


def _left_by(checkout: Path, *arguments: str) -> Path:
    command = [sys.executable, "-m", "runbook", *arguments]
    done = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    return manifest.latest_run(Plan.load(checkout / "runbook.toml"))


@contextmanager
def started(checkout: Path, home: Path) -> Iterator[tuple[str, str]]:
    """Start `runbook lab` on loopback and end it, kernels included."""
    token = secrets.token_hex(16)
    folders = {
        "JUPYTER_CONFIG_DIR": "config",
        "JUPYTER_DATA_DIR": "data",
        "JUPYTER_RUNTIME_DIR": "runtime",
        "JUPYTERLAB_SETTINGS_DIR": "settings",
        "JUPYTERLAB_WORKSPACES_DIR": "workspaces",
        "IPYTHONDIR": "ipython",
    }
    environment = {**os.environ, **{name: str(home / folder) for name, folder in folders.items()}}
    options = ["--no-browser", "--allow-root", "--ServerApp.ip=127.0.0.1", "--ServerApp.port=0"]
    command = [sys.executable, "-m", "runbook", "lab", *options, f"--IdentityProvider.token={token}"]
    journal = (home / "lab.log").open("w+")
    with subprocess.Popen(
        command, cwd=checkout, env=environment, stdout=journal, stderr=journal, start_new_session=True
    ) as server:
        try:
            yield _address(home / "lab.log", server), token
        finally:
            for child in psutil.Process(server.pid).children():
                child.terminate()  # JupyterLab ends its kernels; the command ends by itself and lets the server go
            try:
                server.wait(timeout=60)
            finally:
                with suppress(ProcessLookupError):
                    os.killpg(server.pid, signal.SIGKILL)  # whatever is left


def _address(journal: Path, server: "subprocess.Popen[bytes]") -> str:
    for _ in range(600):
        found = re.search(r"http://127\.0\.0\.1:[1-9]\d*/", journal.read_text())
        if found:
            return found[0]
        if server.poll() is not None:
            break
        time.sleep(0.2)
    pytest.fail(f"JupyterLab did not start:\n{journal.read_text()}")
