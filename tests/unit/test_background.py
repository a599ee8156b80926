"""The worker beside a run: what it is asked for, and what its asker learns."""

import atexit
import os
import signal
import time
from multiprocessing import forkserver
from pathlib import Path

import pytest

from runbook.batch import background_jobs
from runbook.errors import StepFailed, UsageError
from runbook.kernels.background import BackgroundProcess
from runbook.kernels.forkserver import prepare


@pytest.fixture
def worker():
    one = BackgroundProcess()
    yield one
    one.close()


def test_all_is_done_in_one_other_process(worker):
    first, second = (worker.submit(os.getpid).result() for _ in range(2))
    assert first == second != os.getpid()


def test_what_goes_wrong_is_raised_by_the_asker_and_the_next_is_done(worker, tmp_path):
    failing = worker.submit(background_jobs.render_page, tmp_path / "none.ipynb")
    next_one = worker.submit(os.getpid)
    with pytest.raises(UsageError, match="cannot be read as a notebook"):
        failing.result()
    assert next_one.result()


def test_what_a_killed_process_was_asked_for_is_done_by_another(worker):
    first = worker.submit(os.getpid).result()
    os.kill(first, signal.SIGKILL)
    assert worker.submit(os.getpid).result() != first


def test_what_is_asked_for_is_done_though_the_server_of_forks_is_killed_meanwhile(worker):
    prepare()
    server = forkserver._forkserver._forkserver_pid
    os.kill(server, signal.SIGSTOP)
    asked = worker.submit(os.getpid)
    time.sleep(0.3)  # now it waits to be told of its fork
    os.kill(server, signal.SIGKILL)
    assert asked.result(60) != os.getpid()
    assert worker.submit(os.getpid).result(60) == asked.result()


def test_whoever_kills_its_process_each_time_is_told(worker):
    with pytest.raises(StepFailed, match="died, and so did"):
        worker.submit(os._exit, 1).result()


def test_its_process_ends_when_it_is_closed():
    worker = BackgroundProcess()
    pid = worker.submit(os.getpid).result()
    worker.close()
    for _ in range(1000):
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return
        signal.sigtimedwait([], 0.01)
    pytest.fail("it goes on")


def test_its_process_has_ended_in_order_when_it_is_closed(tmp_path):
    worker, left = BackgroundProcess(), tmp_path / "left"
    worker.submit(atexit.register, Path.touch, left).result()
    worker.submit(atexit.register, time.sleep, 0.5).result()  # before the other one
    worker.close()
    assert left.exists()
