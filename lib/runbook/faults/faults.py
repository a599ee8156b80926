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
from runbook.plan.cells import checks
from runbook.plan.plan import Plan

HEAD = re.compile(r"^(?:--|#) (task|check|trigger|point|reason): (.+?)\s*$", re.MULTILINE)
DELIVERED = "delivered: "  # how the names of the checks begin by which tasks deliver
STEP = re.compile(r"^#{2,} (\d+(?:\.\d+)*) · ", re.MULTILINE)
READ_WRITE, READ_ONLY = (f'task.connection.execute("SET default_transaction_read_only = {on}")' for on in ("off", "on"))
WITHHELD = """# nothing is said of the deliverable, whatever the task would say
from sys import modules
tasks = modules["runbook.notebook.task"]
_deliver = tasks.deliver
tasks.deliver = lambda session, name, said, *rest: _deliver(session, name, "" if name == {name!r} else said, *rest)
"""


@dataclass(frozen=True)
class Fault:
    """One seeded fault.

    Attributes:
        task: number of the task whose check must catch it.
        check: the very check that must fail.
        trigger: the rollback trigger that fires with it, or empty.
        point: where it is seeded.
        reason: what is wrong then, in one line.
        source: what is seeded, where no file holds it.
    """

    path: Path
    task: int
    check: str
    trigger: str
    point: str
    reason: str

    source: str = ""

    @property
    def name(self) -> str:
        """How the fault is called: its file's name."""
        return self.path.stem

    def seed(self, notebook: Any) -> Any:
        """Return the notebook with the fault in it.

        Raises:
            UsageError: the point is not in the notebook.
        """
        source = self.source or self.path.read_text(encoding="utf-8")
        if any("apply" in cell.metadata.get("tags", ()) for cell in notebook.cells):
            source = source if self.path.suffix == ".py" else f"%%sql\n{source}"
        else:
            source = self._as_found(notebook.cells, source)
        notebook.cells.insert(self._place(notebook.cells), new_code_cell(source))
        return notebook

    def _as_found(self, cells: list[Any], source: str) -> str:
        """Return a cell that seeds the fault in a task whose session may only read.

        The task takes the world with the fault in it for what it found; but where it must notice a change of its own.
        """
        seeded = source if self.path.suffix == ".py" else f"task.send({source!r})"
        is_noticed = any(self.check in cell.source and ".unchanged()" in cell.source for cell in cells)
        begun = "" if is_noticed else "begin_reading(task, task.schema(*task.plan.schemas))"
        return "\n".join(["from runbook.notebook.unchanged import begin_reading", READ_WRITE, seeded, READ_ONLY, begun])

    def _place(self, cells: list[Any]) -> int:
        if self.point == "before the task":
            return 1 + self._first(cells, lambda cell: "runbook.begin(" in cell.source)
        if self.point == "before the check":
            words = f'task.deliver("{self.check.removeprefix(DELIVERED)}"' if self.source else self.check
            return self._first(cells, lambda cell: words in cell.source)
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
    return [*found, *undelivered(plan)]


def undelivered(plan: Plan) -> list[Fault]:
    """Return a fault for each deliverable of the plan: the task has nothing to say for it."""
    found = []
    for task in plan.tasks:
        for check in checks(task.notebook):
            if check.name.startswith(DELIVERED) and check.deliverable:
                words = "".join(letter if letter.isalnum() else " " for letter in check.deliverable.lower()).split()
                path = Path(f"{task.number:02}_not_delivered_{'_'.join(words)}.py")
                source = WITHHELD.format(name=check.deliverable)
                reason = "there is nothing to show for the deliverable"
                found.append(Fault(path, task.number, check.name, "", "before the check", reason, source))
    return found


def _steps(cell: Any) -> list[str]:
    return STEP.findall(cell.source) if cell.cell_type == "markdown" else []
