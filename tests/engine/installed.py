"""An environment with Airflow, made once for each content of `lock.txt` and kept under the checkout's state folder."""

import fcntl
import hashlib
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.project import ROOT

LOCK = Path(__file__).with_name("lock.txt")
UNREACHABLE = re.compile(r"connection broken by|Connection refused|Temporary failure in name resolution|timed out")


def environment() -> Path:
    """Return the environment's folder; skip where it is not made yet and no registry can be reached."""
    kept = ROOT / ".runbook" / "airflow"
    kept.mkdir(parents=True, exist_ok=True)
    folder = kept / hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]
    with (kept / "lock").open("w") as lock:  # tests run side by side
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not folder.exists():
            _install(folder)
    return folder


def _install(folder: Path) -> None:
    draft = folder.with_suffix(".new")
    shutil.rmtree(draft, ignore_errors=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", draft], check=True)
    # What is never imported is never compiled: half of the time.
    pip = [sys.executable, "-m", "pip", "--python", draft / "bin" / "python", "install", "--no-deps", "--no-compile"]
    done = subprocess.run(
        ["nice", "-n", "10", *pip, "--retries", "1", "--disable-pip-version-check", "--requirement", LOCK],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PIP_DEFAULT_TIMEOUT": "30"},
    )
    if done.returncode and UNREACHABLE.search(done.stdout + done.stderr):
        pytest.skip("Airflow is not installed here, and the package registry cannot be reached")
    assert done.returncode == 0, done.stderr[-4000:]
    draft.rename(folder)  # its programs are not used, only its Python
