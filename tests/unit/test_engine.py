"""The event loop the kernels live on, and the processes they are."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from runbook.kernels import forkserver
from runbook.kernels.engine import Loop


def test_what_is_run_gives_its_result():
    async def work() -> int:
        await asyncio.sleep(0)
        return 35

    assert Loop().wait_for(work()) == 35


def test_what_goes_wrong_is_raised():
    async def work() -> None:
        raise ValueError("a cell")

    with pytest.raises(ValueError, match="a cell"):
        Loop().wait_for(work())


def test_an_interrupted_wait_ends_when_the_work_has_stopped():
    stopped = []
    main = threading.main_thread().ident
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    async def work() -> None:
        await asyncio.sleep(0.5)  # until the wait has begun
        signal.pthread_kill(main, signal.SIGINT)
        try:
            await asyncio.sleep(60)
        finally:
            time.sleep(0.3)  # a notebook being written
            stopped.append(True)

    try:
        with pytest.raises(KeyboardInterrupt):
            Loop().wait_for(work())
    finally:
        signal.signal(signal.SIGINT, before)
    assert stopped


def test_the_process_that_forks_all_others_is_deaf_to_ctrl_c_from_its_beginning():
    script = (
        "import signal, psutil; from runbook.kernels import forkserver; forkserver.prepare(); "
        "[server] = [one for one in psutil.Process().children() if 'forkserver' in ' '.join(one.cmdline())]; "
        "[blocked] = [line for line in open(f'/proc/{server.pid}/status') if line.startswith('SigBlk')]; "
        "print(bool(int(blocked.split()[1], 16) & 1 << signal.SIGINT - 1))"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said == "True\n"


def test_a_process_is_forked_though_the_folder_of_temporary_files_has_a_long_name(tmp_path):
    folder = tmp_path / ("long" * 20)
    folder.mkdir()
    script = (
        "from pathlib import Path; from runbook.kernels import forkserver; "
        "print(forkserver.execute(['1 / 0'], Path('.'), {}, {}))"
    )
    environment = {**os.environ, "TMPDIR": str(folder)}
    done = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.stdout == "('ZeroDivisionError', 'division by zero')\n", done.stderr


def test_what_is_to_be_done_at_a_process_end_is_done_at_a_forked_ones_too(tmp_path):
    cell = "import atexit, pathlib; atexit.register(pathlib.Path('left').touch)"
    assert forkserver.execute([cell], tmp_path, {}, {}) is None
    assert (tmp_path / "left").exists()


SAYS_SOMETHING = """
from pathlib import Path
from runbook.kernels.engine import Kernels

kernels = Kernels(Path("."), {}, 1)
client = kernels.take()
cell = "import os, sys; os.write(sys.stderr._original_stdstream_copy, b'aside'); open('ran', 'w').close()"
kernels.loop.wait_for(client.execute_interactive(cell, output_hook=print))
kernels.end(client)
kernels.close()
"""


def test_what_a_kernel_writes_past_its_channels_does_not_reach_the_terminal(tmp_path):
    outside = {name: value for name, value in os.environ.items() if name != "PYTEST_CURRENT_TEST"}
    command = [sys.executable, "-c", SAYS_SOMETHING]
    done = subprocess.run(command, cwd=tmp_path, env=outside, capture_output=True, text=True, timeout=180, check=False)
    assert (tmp_path / "ran").exists(), done.stderr
    assert done.stderr == ""


ASKS_AND_IS_GONE = """
import os, socket
from multiprocessing import forkserver
from runbook.kernels.forkserver import prepare

prepare()
with socket.socket(socket.AF_UNIX) as asking:
    asking.connect(forkserver._forkserver._forkserver_address)
os.waitpid(forkserver._forkserver._forkserver_pid, 0)
"""


def test_where_whoever_asks_for_a_fork_is_killed_no_traceback_reaches_the_terminal():
    command = [sys.executable, "-c", ASKS_AND_IS_GONE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stderr == ""


@pytest.mark.skipif(not hasattr(os, "SCHED_BATCH"), reason="Linux alone has this policy")
def test_a_command_gives_way_to_others_and_so_does_what_it_starts():
    policy = "import os; print(os.sched_getscheduler(0) == os.SCHED_BATCH)"
    code = (
        "import subprocess, sys; from runbook.cli import main; main(['environments'], standalone_mode=False); "
        f"sys.exit(subprocess.run([sys.executable, '-c', {policy!r}]).returncode)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.endswith("True\n")
