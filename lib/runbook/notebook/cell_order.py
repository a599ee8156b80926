"""The order of a notebook's cells: every code cell runs, in order, once, as it stands in the approved notebook.

A cell may be tagged so that a frontend skips it or goes on after its error, and in JupyterLab anybody may run anything.
Whatever door a notebook is opened through, its kernel sees each cell; what is not as it must be shuts the gate.
"""

import ast
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

from runbook.errors import GateShut, NotApproved
from runbook.plan import cells

BEGIN = "runbook.begin("
INJECTED = "# Parameters"  # how papermill's own cell begins


class CellOrder:
    """Follows the cells of one notebook, from the one that begins its task.

    Attributes:
        odd: what was not as it must be, in words.
    """

    def __init__(self, notebook: Path, *, is_strict: bool, before_change: Callable[[], None]) -> None:
        """Read a notebook.

        Args:
            notebook: as it was approved.
            is_strict: refuse a cell that is not in it, rather than shut the gate behind it.
            before_change: called before the first cell that changes the target; raises where that is not allowed.
        """
        code = [cell for cell in cells.read_cells(notebook) if cell.kind == "code"]
        self.notebook, self.is_strict, self.before_change = notebook, is_strict, before_change
        self.sources = [_plain(cell.source) for cell in code]
        self.changing = {place for place, cell in enumerate(code) if "apply" in cell.tags}
        self.next = next((place for place, cell in enumerate(code) if BEGIN in cell.source), 0)
        self.running: int | None = self.next
        self.odd: list[str] = []
        self._has_changed = False

    def watch(self, shell: Any) -> None:
        """Follow a kernel's cells from the one that runs, which began the task, and look at those before it."""
        earlier = shell.history_manager.input_hist_raw  # `In` has magics as the calls they become
        self._look_back([_plain(source) for source in earlier if source.strip()][:-1])
        shell.input_transformers_cleanup.insert(0, self._require)
        shell.events.register("pre_run_cell", self._start)
        shell.events.register("post_run_cell", self._end)

    def forget(self, shell: Any) -> None:
        """Stop following."""
        if self._require in shell.input_transformers_cleanup:
            shell.input_transformers_cleanup.remove(self._require)
            shell.events.unregister("pre_run_cell", self._start)
            shell.events.unregister("post_run_cell", self._end)

    def require_all(self) -> None:
        """Make sure, in the last cell, that every cell before it ran, in order, once, and no other.

        Raises:
            GateShut: it is not so.
        """
        if self.running != len(self.sources) - 1 or self.next != self.running:
            self.odd.append(f"{self._name(self.next)} did not run, or did not end well")
        if self.odd:
            counted = (one if times == 1 else f"{one}, {times} times" for one, times in Counter(self.odd).items())
            raise GateShut(
                f"{self.notebook.name} did not run as it stands: {'; '.join(counted)}. "
                "Restart the kernel and run all its cells in order, each once."
            )

    def _look_back(self, earlier: list[str]) -> None:
        """Look at the cells that ran before the task began; nbval keeps none."""
        known = self.sources[: self.next]
        if earlier:
            self.odd += [f"{self._name(place)} did not run" for place, one in enumerate(known) if one not in earlier]
            self.odd += ["a cell ran that is not in it" for one in earlier if not self._is_known(one)]

    def _is_known(self, source: str) -> bool:
        return source in self.sources or (source.startswith(INJECTED) and _only_assigns(source))

    def _require(self, lines: list[str]) -> list[str]:
        """Refuse a cell that must not run now; called by IPython with the lines of each, before it runs."""
        source = _plain("".join(lines))
        place = self._place(source)
        if place is None:
            if self.is_strict and not (source in self.sources or BEGIN in source):
                raise NotApproved(f"This cell is not in {self.notebook.name} as it was approved: it was not run.")
        elif place > self.next:
            raise GateShut(
                f"{self._name(self.next)} of {self.notebook.name} did not run, or did not end well, and comes before "
                "this one: run the cells in order."
            )
        elif place in self.changing and not self._has_changed:
            self.before_change()
            self._has_changed = True
        return lines

    def _start(self, info: Any) -> None:
        source = _plain(info.raw_cell)
        self.running = self._place(source)
        if self.running is None and BEGIN not in source:
            self.odd.append("a cell ran twice" if source in self.sources else "a cell ran that is not in it")

    def _end(self, result: Any) -> None:
        if result.success and self.running is not None and self.running == self.next:
            self.next += 1

    def _place(self, source: str) -> int | None:
        """Return the place of a cell, from the next one on; None where it is none of these."""
        return next((place for place in range(self.next, len(self.sources)) if self.sources[place] == source), None)

    def _name(self, place: int) -> str:
        first = self.sources[place].splitlines()[0] if place < len(self.sources) else "its end"
        return f"code cell {place + 1} (“{first[:60]}”)"


def _plain(source: str) -> str:
    return source.rstrip("\n")


def _only_assigns(source: str) -> bool:
    """Tell whether a cell only assigns literals to names, as the one does that papermill adds."""
    try:
        for node in ast.parse(source).body:
            if not isinstance(node, ast.Assign):
                return False
            ast.literal_eval(node.value)
    except (SyntaxError, ValueError):
        return False
    return True
