"""A notebook's code cells in a process of its own, forked from one that has imported everything already.

What a rehearsal needs a hundred times: a fresh interpreter in milliseconds, where a kernel takes a second of processor.
"""

import multiprocessing
import os
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr, redirect_stdout
from multiprocessing.connection import Connection
from pathlib import Path

IMPORTED = ["runbook.step.magic", "runbook.step.charts", "IPython.core.interactiveshell"]


def execute(cells: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[str, str] | None:
    """Execute cells until one raises; return the name of the exception and what it says, or None.

    Args:
        cells: the sources of a notebook's code cells, in order.
        folder: where they are executed.
        environment: variables beside those of this process.
    """
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(IMPORTED)
    answer, sender = context.Pipe(duplex=False)
    process = context.Process(target=_execute, args=(sender, list(cells), folder, {**os.environ, **environment}))
    process.start()
    sender.close()
    try:
        found: tuple[str, str] | None = answer.recv()
    except EOFError:
        found = ("DeadKernelError", "the process died")
    process.join()
    return found


def _execute(answer: Connection, cells: list[str], folder: Path, environment: dict[str, str]) -> None:
    from IPython.core.interactiveshell import InteractiveShell
    from traitlets.config import Config

    os.environ.clear()
    os.environ.update(environment)
    os.chdir(folder)
    with Path(os.devnull).open("w") as nowhere, redirect_stdout(nowhere), redirect_stderr(nowhere):
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        for cell in cells:
            result = shell.run_cell(cell, store_history=True)
            error = result.error_before_exec or result.error_in_exec
            if error is not None:
                answer.send((type(error).__name__, str(error)))
                return
        answer.send(None)
