"""Processes that begin in milliseconds: forked from one that has imported everything already.

A fresh interpreter needs a second of processor for the same imports: fault injection needs a hundred of them, and in a
run the next kernel would take that second from the cells at work.
"""

import atexit
import gc
import multiprocessing
import os
import signal
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing import forkserver, resource_tracker, util
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

IMPORTED = "runbook.kernels.preload"
LONGEST = 60  # characters of a folder, so that a socket in it has a name the system takes: a hundred in all


def sockets() -> str:
    """Return the folder for sockets: that of temporary files, or /tmp where its name is too long."""
    folder = tempfile.gettempdir()
    return folder if len(folder) <= LONGEST else "/tmp"  # noqa: S108


def prepare() -> None:
    """Let the server of all later forks begin its imports, unless it has begun."""
    multiprocessing.set_forkserver_preload([IMPORTED])
    usual, tempfile.tempdir = tempfile.tempdir, sockets()
    try:
        util.get_temp_dir()  # chosen once, for all that follows
    finally:
        tempfile.tempdir = usual
    resource_tracker.ensure_running()  # its start would unblock the signal
    # What Ctrl-C means is the batch's to decide; whoever is forked listens to it again.
    former = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        forkserver.ensure_running()
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, former)


def start(
    work: Callable[..., None], arguments: Sequence[Any], folder: Path, environment: Mapping[str, str]
) -> ForkServerProcess:
    """Start a process in a session of its own and return it.

    Args:
        work: what it does; a function of a module.
        arguments: given to `work`.
        folder: where it works.
        environment: all its variables.

    Raises:
        ChildProcessError: the server of all forks was killed meanwhile.
    """
    prepare()
    told = (work, arguments, folder, dict(environment))
    process = ForkServerProcess(target=_work, args=told, daemon=True)  # it does not outlive this one's end
    try:
        process.start()
    except (EOFError, ConnectionError) as error:
        raise ChildProcessError("The process from which all others are forked was killed.") from error
    return process


def _work(work: Callable[..., None], arguments: Sequence[Any], folder: Path, environment: dict[str, str]) -> None:
    gc.freeze()  # what was imported is nobody's to collect: looking at it would copy its pages
    os.setsid()
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})
    threading.Thread(target=_die_with_parent, daemon=True).start()
    multiprocessing.current_process().daemon = False  # it may start processes of its own
    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    work(*arguments)
    atexit._run_exitfuncs()  # a forked process would skip them


def _die_with_parent() -> None:
    parent = multiprocessing.parent_process()  # the one that asked, not the one that forks
    assert parent is not None
    parent.join()
    os._exit(1)


def serve(arguments: list[str]) -> None:
    """Be a Jupyter kernel until told to end.

    Args:
        arguments: as ipykernel's command line takes them.
    """
    from ipykernel.kernelapp import IPKernelApp

    # What a kernel that is being ended writes past its own channels is nothing for our terminal.
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    kernel: Any = IPKernelApp.instance(parent_handle=os.getppid())  # it watches the one that forks
    kernel.initialize(arguments)
    kernel.start()


def execute(
    cells: Sequence[str], folder: Path, environment: Mapping[str, str], names: Mapping[str, Any]
) -> tuple[str, str] | None:
    """Execute a notebook's code cells until one raises; return the name of the exception and what it says, or None.

    Args:
        cells: the sources, in order.
        folder: where they are executed.
        environment: variables beside those of this process.
        names: what the notebook finds in its namespace when it begins.
    """
    answer, sender = multiprocessing.Pipe(duplex=False)
    process = start(_execute, (sender, list(cells), dict(names)), folder, {**os.environ, **environment})
    sender.close()
    try:
        found: tuple[str, str] | None = answer.recv()
    except EOFError:
        found = ("DeadKernelError", "the process died")
    process.join()
    return found


def _execute(answer: Connection, cells: list[str], names: dict[str, Any]) -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        shell.user_ns.update(names)
        for cell in cells:
            result = shell.run_cell(cell, store_history=True)
            error = result.error_before_exec or result.error_in_exec
            if error is not None:
                answer.send((type(error).__name__, str(error)))
                return
        answer.send(None)
