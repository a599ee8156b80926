"""Seeded faults: what a check must catch, each in a file of `sql/faults/` that says so in its head.

    -- task: 2
    -- check: nobody is left without an allocation
    -- trigger: Data migration errors or inconsistencies
    -- point: before the check
    -- reason: one organization is not migrated

The point is `before the task` (right after `begin`), `before the check` or `after step N.N`. A fault is SQL, run as
the target's owner, or Python where SQL cannot reach (a missing file): then its lines begin with `#` for `--`.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nbformat.v4 import new_code_cell

from runbook.errors import UsageError
from runbook.plan.plan import Plan

HEAD = re.compile(r"^(?:--|#) (task|check|trigger|point|reason): (.+?)\s*$", re.MULTILINE)
STEP = re.compile(r"^#{2,} (\d+(?:\.\d+)*) · ", re.MULTILINE)


@dataclass(frozen=True)
class Fault:
    """One seeded fault.

    Attributes:
        task: number of the task whose check must catch it.
        check: the very check that must fail.
        trigger: the rollback trigger that fires with it, or empty.
        point: where it is seeded.
        reason: what is wrong then, in one line.
    """

    path: Path
    task: int
    check: str
    trigger: str
    point: str
    reason: str

    @property
    def name(self) -> str:
        """How the fault is called: its file's name."""
        return self.path.stem

    def seed(self, notebook: Any) -> Any:
        """Return the notebook with the fault in it.

        Raises:
            UsageError: the point is not in the notebook.
        """
        source = self.path.read_text(encoding="utf-8")
        cell = new_code_cell(source if self.path.suffix == ".py" else f"%%sql\n{source}")
        notebook.cells.insert(self._place(notebook.cells), cell)
        return notebook

    def _place(self, cells: list[Any]) -> int:
        if self.point == "before the task":
            return 1 + self._first(cells, lambda cell: "runbook.begin(" in cell.source)
        if self.point == "before the check":
            return self._first(cells, lambda cell: self.check in cell.source)
        if wanted := re.fullmatch(r"after step (\S+)", self.point):
            steps = [(place, number) for place, cell in enumerate(cells) for number in _steps(cell)]
            here = [order for order, (_, number) in enumerate(steps) if number == wanted[1]]
            if here:
                return steps[here[0] + 1][0] if here[0] + 1 < len(steps) else len(cells) - 2
        raise UsageError(f"{self.path.name}: the point {self.point!r} is not in the notebook of task {self.task}.")

    def _first(self, cells: list[Any], wanted: Any) -> int:
        for place, cell in enumerate(cells):
            if cell.cell_type == "code" and wanted(cell):
                return place
        raise UsageError(f"{self.path.name}: the notebook of task {self.task} has no cell with {self.check!r}.")


def read_faults(plan: Plan) -> list[Fault]:
    """Return every fault of the plan, by file name.

    Raises:
        UsageError: a head is incomplete.
    """
    found = []
    for path in sorted((plan.root / "sql" / "faults").glob("*.*")):
        head = dict(HEAD.findall(path.read_text(encoding="utf-8")))
        missing = [name for name in ("task", "check", "reason") if not head.get(name)]
        if missing:
            raise UsageError(f"{path}: its head says no {missing[0]!r}.")
        point = head.get("point", "before the task")
        found.append(Fault(path, int(head["task"]), head["check"], head.get("trigger", ""), point, head["reason"]))
    return found


def _steps(cell: Any) -> list[str]:
    return STEP.findall(cell.source) if cell.cell_type == "markdown" else []
