"""A notebook in the hands of an operator: a real IPython shell, cells run one by one on the embedded server."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from runbook.plan import cells

ROOT = Path(__file__).parents[1]
NOTEBOOK = "07_label_the_shelves.ipynb"
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


@pytest.fixture
def open_notebook(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Opener]:
    """Open notebooks in a folder, each with its own kernel state; only the newest is IPython's current one."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    opened: list[Notebook] = []

    def open_in(folder: Path, *cells: str) -> Notebook:
        monkeypatch.chdir(folder)
        InteractiveShell.clear_instance()
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        opened.append(Notebook(shell))
        opened[-1].run(*cells)
        return opened[-1]

    yield open_in
    for notebook in opened:
        notebook.close()
    InteractiveShell.clear_instance()


@pytest.fixture
def toy_cells() -> list[str]:
    """The code cells of the toy's notebook: parameters, begin, the steps, conclude."""
    return [cell.source for cell in cells.read_cells(ROOT / "toy" / "notebooks" / NOTEBOOK) if cell.kind == "code"]


@pytest.fixture
def begun(open_notebook: Opener, toy: Path, toy_cells: list[str]) -> Notebook:
    """The toy's notebook, begun and not a step further."""
    return open_notebook(toy, *toy_cells[:2])
