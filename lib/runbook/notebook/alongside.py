"""Alongside: how long others wait while a task does something expensive, such as a backup or a dry run."""

import threading
from time import perf_counter

import numpy as np
import psycopg

from runbook.notebook.context import Context
from runbook.query.statistics import Measurement

PAUSE = 0.05  # seconds between two requests


class Alongside:
    """Sends a request again and again on a session of its own, as somebody else would, and times each."""

    def __init__(self, task: Context, name: str, statement: str) -> None:
        """Begin.

        Args:
            task: on whose target.
            name: what the figure is called.
            statement: what the other asks.
        """
        self.name, self._task, self._times = name, task, [0.0]
        self._ended = threading.Event()
        self._connection = task.target.connect(f"runbook {task.run_id} alongside")
        self._thread = threading.Thread(target=self._ask, args=[statement.encode()], daemon=True)
        self._thread.start()

    def end(self) -> Measurement:
        """End, remember and return how long the requests took, in milliseconds."""
        self._ended.set()
        self._thread.join()
        self._connection.close()
        found = Measurement(self.name, np.array(self._times[1:] or self._times))
        self._task.write(self.name, found.summary())
        return found

    def _ask(self, statement: bytes) -> None:
        while not self._ended.wait(PAUSE):
            begun = perf_counter()
            try:
                self._connection.execute(statement)
            except psycopg.Error:
                self._times.append(float("inf"))  # nobody was served
                return
            self._times.append((perf_counter() - begun) * 1000)
