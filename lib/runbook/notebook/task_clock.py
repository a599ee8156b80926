"""The clock in the head of a notebook: after every cell it tells how long the task has been running.

Only where somebody looks: a batch has its own announcements, and an executed notebook its gate.
"""

from collections.abc import Callable
from time import monotonic
from typing import Any

from runbook.query.table import Markup, show_elapsed

EVENT = "post_run_cell"


class TaskClock:
    """Runs from the first cell of a task to its gate.

    Attributes:
        minutes: what the task is estimated to take.
    """

    def __init__(self, shell: Any, handle: Any, header: Callable[[str], Markup], minutes: int) -> None:
        """Start it.

        Args:
            shell: IPython's.
            handle: of the display that shows the head.
            header: makes the head, with what the clock says.
            minutes: what the task is estimated to take.
        """
        self._shell, self._handle, self._header, self.minutes = shell, handle, header, minutes
        self._began, self._said = monotonic(), ""
        shell.events.register(EVENT, self._tick)

    def stop(self) -> None:
        """Stand still, at the time it shows then."""
        if self._tick in self._shell.events.callbacks[EVENT]:
            self._tick()
            self._shell.events.unregister(EVENT, self._tick)

    def _tick(self, *_: Any) -> None:
        words = f"{show_elapsed(monotonic() - self._began)} of {self.minutes} min"
        if words != self._said:
            self._said = words
            self._handle.update(self._header(words))
