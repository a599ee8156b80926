"""Commands of the plan that print something: nothing they do is waited for without end."""

import subprocess
import sys
from pathlib import Path

import psutil
import pytest
from tests.support.beside import wait_until

from runbook.errors import UsageError
from runbook.plan import commands


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr(commands, "SECONDS", 1.0)


def is_over(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_command_that_does_not_answer_is_ended_with_all_it_started(impatient, tmp_path):
    noted = tmp_path / "pid"
    with pytest.raises(UsageError, match="did not answer within 1 s"):
        commands.printed(("sh", "-c", f"sleep 600 & echo $! > {noted}; wait"))
    wait_until(lambda: is_over(int(noted.read_text())))


def test_a_command_that_leaves_a_process_behind_is_not_waited_for(tmp_path):
    noted = tmp_path / "pid"
    assert commands.printed(("sh", "-c", f"sleep 600 & echo $! > {noted}; echo said")) == "said\n"
    psutil.Process(int(noted.read_text())).kill()


def test_a_command_that_prints_without_end_is_ended(monkeypatch):
    monkeypatch.setattr(commands, "MOST", 1 << 20)
    with pytest.raises(UsageError, match="prints more than 1,048,576 bytes"):
        commands.printed(("yes",))


def test_a_command_leaves_the_callers_input_alone():
    ask = "from runbook.plan import commands; commands.printed(('cat',)); print(input())"
    done = subprocess.run([sys.executable, "-c", ask], input="mine\n", capture_output=True, text=True, check=True)
    assert done.stdout == "mine\n"


@pytest.mark.parametrize("command", [("/no/such/program",), ("sh", "-c", "echo secret >&2; exit 3"), ("no\0program",)])
def test_a_command_that_fails_is_named_and_nothing_it_said_is_repeated(command):
    with pytest.raises(UsageError) as refused:
        commands.printed(command)
    assert "secret" not in str(refused.value)
    assert Path(command[0]).name.partition("\0")[0] in str(refused.value)
