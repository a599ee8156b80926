"""Notebooks in this very process: their own cells, in an IPython shell without a kernel, parameterized by papermill."""

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import chdir, contextmanager
from dataclasses import dataclass
from typing import Any

import nbformat
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from matplotlib.backends.backend_agg import FigureCanvasAgg
from papermill.parameterize import parameterize_notebook
from traitlets.config import Config

from runbook.database.identity import RUN_VARIABLE
from runbook.plan.finding import Finding
from runbook.plan.plan import Plan


class Killed(Exception):
    """Raised before a cell: the process of the notebook is no more."""


@dataclass(frozen=True)
class Stop:
    """Why a notebook stopped.

    Attributes:
        kind: the name of the exception.
        message: what it says.
        cell: the source of the cell that raised it.
    """

    kind: str
    message: str
    cell: str


class Session:
    """Notebooks of a plan, one after the other, all of one run.

    Attributes:
        way: `up`, or `down` in a rollback.
        before_cell: called before each cell, with its tags and its source.
        findings: what the last notebook found about the target.
    """

    def __init__(self, plan: Plan, run_id: str, way: str = "up") -> None:
        self.plan, self.run_id, self.way = plan, run_id, way
        self.findings: tuple[Finding, ...] = ()
        self.before_cell: Callable[[list[str], str], None] = lambda tags, source: None

    def execute(self, notebook: Any, parameters: Mapping[str, Any]) -> Stop | None:
        """Execute a notebook's code cells until one raises; return why, or None.

        Args:
            notebook: as nbformat reads it; it is parameterized first.
            parameters: by name.
        """
        notebook = nbformat.from_dict(notebook)
        for cell in notebook.cells:
            cell.metadata.setdefault("tags", [])  # as papermill reads them
        notebook.metadata.setdefault("papermill", {})
        notebook = parameterize_notebook(notebook, dict(parameters))
        former, os.environ[RUN_VARIABLE] = os.environ.get(RUN_VARIABLE), self.run_id
        InteractiveShell.clear_instance()
        shell = InteractiveShell.instance(config=Config({"HistoryManager": {"enabled": False}}))
        try:
            with chdir(self.plan.root / "notebooks"), _undrawn():
                return self._cells(shell, notebook)
        finally:
            self.findings = ()
            if task := shell.user_ns.get("_runbook_task"):
                self.findings = tuple(task.findings)
                task.close()
            InteractiveShell.clear_instance()
            os.environ.pop(RUN_VARIABLE) if former is None else os.environ.update({RUN_VARIABLE: former})

    def _cells(self, shell: InteractiveShell, notebook: Any) -> Stop | None:
        for cell in notebook.cells:
            if cell.cell_type != "code":
                continue
            try:
                self.before_cell(cell.metadata.get("tags", []), cell.source)
            except Killed:
                return Stop(Killed.__name__, "The process of the notebook is no more.", cell.source)
            with capture_output():
                result = shell.run_cell(cell.source, store_history=True)
            error = result.error_before_exec or result.error_in_exec
            if error is not None:
                return Stop(type(error).__name__, str(error), cell.source)
        return None


@contextmanager
def _undrawn() -> Iterator[None]:
    """Let charts be made, but not drawn: the ink takes longer than all their SQL."""
    former, FigureCanvasAgg.print_png = FigureCanvasAgg.print_png, lambda *_, **__: None
    try:
        yield
    finally:
        FigureCanvasAgg.print_png = former
