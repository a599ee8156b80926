"""A notebook in the hands of an operator: a real IPython shell, cells run one by one on the embedded server."""

from collections.abc import Callable
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

Opener = Callable[..., "Notebook"]


class Notebook:
    """Runs cells as Jupyter would.

    Attributes:
        said: what the last cell printed and displayed, as text.
    """

    def __init__(self, shell: InteractiveShell) -> None:
        self.shell = shell
        self.said = ""

    @property
    def task(self) -> Any:
        return self.shell.user_ns["_runbook_task"]

    def run(self, *cells: str) -> Any:
        """Run cells and return the last one's value, or raise what it raised."""
        value = None
        for cell in cells:
            with capture_output() as captured:
                result = self.shell.run_cell(cell, store_history=True)
            self.said = captured.stdout + "\n".join(output.data["text/plain"] for output in captured.outputs)
            result.raise_error()
            value = result.result
        return value

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return what a query returns, on a connection the cells do not use."""
        return self.task.ledger.connection.execute(query.encode()).fetchall()

    def close(self) -> None:
        if "_runbook_task" in self.shell.user_ns:
            self.task.close()
