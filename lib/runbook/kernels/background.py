"""A worker: a forked process for jobs that a run need not wait for."""

import os
import time
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from multiprocessing.context import ForkServerProcess
from pathlib import Path
from typing import Any

from runbook.errors import StepFailed
from runbook.kernels import forkserver

ATTEMPTS = 2
RESPITE = 0.1  # seconds, after which a killed process is seen to be dead


class BackgroundProcess:
    """Does one thing after the other in a process of its own, which begins with the first of them."""

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="worker")
        self._connection: Connection | None = None
        self._process: ForkServerProcess | None = None

    def submit(self, work: Callable[..., Any], *arguments: Any) -> "Future[Any]":
        """Have `work` done; function, arguments and result must be picklable.

        Where its process is killed it is done again, in another.
        """
        return self._thread.submit(self._do, work, arguments)

    def close(self) -> None:
        """Wait until all is done and the process has ended: cut off, it could leave a list of users half written."""
        self._thread.shutdown()
        if self._connection is not None and self._process is not None:
            self._connection.close()
            self._process.join()

    def _do(self, work: Callable[..., Any], arguments: tuple[Any, ...]) -> Any:
        for _ in range(ATTEMPTS):
            try:
                connection = self._connection = self._connection or self._begin()
                connection.send((work, arguments))
                error, found = connection.recv()
            except (EOFError, BrokenPipeError, ConnectionResetError, ChildProcessError):
                self._connection = None
                time.sleep(RESPITE)
                continue
            if error is not None:
                raise error
            return found
        raise StepFailed(
            f"The process that was to {work.__name__.replace('_', ' ')} died, and so did the one after it."
        )

    def _begin(self) -> Connection:
        ours, theirs = Pipe()
        with theirs:  # closed here, so that the end of whoever has it is noticed
            self._process = forkserver.start(_serve, [theirs], Path.cwd(), os.environ)
        return ours


def _serve(connection: Connection) -> None:
    while True:
        try:
            work, arguments = connection.recv()
        except EOFError:
            break
        answer: tuple[Exception | None, Any]
        try:
            answer = None, work(*arguments)
        except Exception as error:  # whoever asked gets it
            answer = error, None
        connection.send(answer)
