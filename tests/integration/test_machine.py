"""The machine: a checkout anywhere, whoever owns what lies around it, and terminals of any kind."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import psutil
import psycopg
import pytest

from runbook.database import embedded
from runbook.database.failures import describe_failure
from runbook.evidence.manifest import make_folder
from runbook.plan.plan import Plan
from tests.conftest import copy_toy

ODD = ["a blank", "it's", "$HOME", "100%s", 'a "quote"', "comma, semicolon;", "ünï", "x" * 120]


@pytest.fixture
def server(tmp_path, monkeypatch, request):
    """A server in a state folder of its own, stopped afterwards."""
    state = tmp_path / getattr(request, "param", "state")
    state.parent.chmod(0o711)
    monkeypatch.setenv("RUNBOOK_STATE", str(state))
    started = embedded.start(tmp_path)
    yield started
    started.stop()


@pytest.mark.parametrize("server", ODD, indirect=True, ids=str)
def test_the_server_starts_below_a_path_of_any_characters(server):
    with psycopg.connect(embedded.url(server, "postgres", "postgres")) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
        socket = Path(connection.info.host)
    assert stat.S_IMODE(socket.stat().st_mode) == 0o700, "nobody else comes near the socket"


def test_nobody_but_whoever_runs_it_comes_in(server):
    admitted = (server.data / "pg_hba.conf").read_text().split()
    assert "trust" not in admitted
    assert "peer" in admitted


def test_a_process_that_is_not_its_own_is_left_alone(server):
    server.stop()
    with subprocess.Popen(["sleep", "100"]) as stranger:
        about = [str(stranger.pid), str(server.data), "1", "5432", str(server.data), "", "", "ready"]
        (server.data / "postmaster.pid").write_text("\n".join(about) + "\n")
        server.start()
        assert stranger.poll() is None
        server.stop()
        assert stranger.poll() is None
        stranger.kill()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root opens folders for another user")
def test_no_folder_of_others_is_opened(tmp_path, monkeypatch):
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    monkeypatch.setenv("RUNBOOK_STATE", str(closed / "state"))
    server = embedded.start(tmp_path)
    try:
        with psycopg.connect(embedded.url(server, "postgres", "postgres")) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert stat.S_IMODE(closed.stat().st_mode) == 0o700
    finally:
        server.stop()


def test_a_relative_state_folder_is_one_folder_from_everywhere(tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_STATE", "kept/here")
    (tmp_path / "notebooks").mkdir()
    monkeypatch.chdir(tmp_path / "notebooks")
    assert embedded.state_folder(tmp_path) == tmp_path / "kept" / "here"


def test_a_terminal_that_knows_few_letters_ends_no_run(toy, runbook):
    done = runbook(toy, "run", PYTHONIOENCODING="ascii", PYTHONUTF8="0")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    assert list(toy.glob("outputs/local/*/manifest.json"))


def test_evidence_may_lie_elsewhere(tmp_path, state, runbook):
    root = copy_toy(tmp_path)
    elsewhere = tmp_path / "evidence"
    assert runbook(root, "run", RUNBOOK_OUTPUTS=str(elsewhere)).returncode == 0
    assert list(elsewhere.glob("local/*/manifest.json"))
    assert not (root / "outputs").exists()


def test_evidence_of_a_protected_environment_is_private(toy):
    plan = Plan.load(toy / "runbook.toml")
    folder = make_folder(plan, plan.environment("elsewhere"), "a run")
    assert [stat.S_IMODE(one.stat().st_mode) for one in (folder, folder.parent)] == [0o700, 0o700]


def test_a_full_disk_is_said():
    assert describe_failure(OSError(28, "No space left on device")).startswith("The disk here is full")
    assert describe_failure(OSError(28, "full"), "`runbook run`").endswith(". Next: make room, then `runbook run`.")
    assert describe_failure(psycopg.errors.DiskFull("could not extend")).startswith("The disk of the target's server")


# Starts a child that ignores its end, and waits
STUBBORN = """
import signal, subprocess, sys, time
stubborn = "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(100)"
child = subprocess.Popen([sys.executable, "-c", stubborn])
print(child.pid, flush=True)
time.sleep(100)
"""


def test_what_ends_the_lab_ends_all_that_it_has_started():
    code = "import sys; from runbook.cli import lab; lab._until_ended([sys.executable, '-c', sys.argv[1]])"
    with subprocess.Popen([sys.executable, "-c", code, STUBBORN], stdout=subprocess.PIPE, text=True) as lab:
        child = psutil.Process(int(lab.stdout.readline()))
        while len(psutil.Process(lab.pid).children(recursive=True)) < 2:
            assert lab.poll() is None
        lab.send_signal(signal.SIGTERM)
        lab.wait(60)
    child.wait(10)
    assert not child.is_running()
