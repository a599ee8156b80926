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
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.errors import UsageError
from runbook.plan.cells import Cell, DeclaredCheck, checks, headings, is_named, read_cells
from runbook.plan.plan import Plan, Task

FOLDER = "sql/faults"
HEAD = re.compile(r"^(?:--|#) (task|check|trigger|point|reason): (.+?)\s*$", re.MULTILINE)
DELIVERED = "delivered: "  # how the names of the checks begin by which tasks deliver
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
        from nbformat.v4 import new_code_cell

        source = self.source or self.path.read_text(encoding="utf-8")
        if any("apply" in cell.metadata.get("tags", ()) for cell in notebook.cells):
            source = source if self.path.suffix == ".py" else f"%%sql\n{source}"
        else:
            source = self._as_found(notebook.cells, source)
        place = self.place([Cell(one.cell_type, one.source, frozenset(), "") for one in notebook.cells])
        notebook.cells.insert(place, new_code_cell(source))
        return notebook

    def place(self, cells: Sequence[Cell]) -> int:
        """Return before which cell of its task's notebook the fault is seeded.

        Raises:
            UsageError: the point is not in the notebook.
        """
        if self.point == "before the task":
            return 1 + self._first(cells, lambda cell: "runbook.begin(" in cell.source)
        if self.point == "before the check":
            words = f'task.deliver("{self.check.removeprefix(DELIVERED)}"' if self.source else self.check
            return self._first(cells, lambda cell: words in cell.source)
        if wanted := re.fullmatch(r"after step (\S+)", self.point):
            steps = [(place, number) for place, cell in enumerate(cells) for number in headings(cell)]
            here = [order for order, (_, number) in enumerate(steps) if number == wanted[1]]
            if here:
                return steps[here[0] + 1][0] if here[0] + 1 < len(steps) else len(cells) - 2
        raise UsageError(f"{self.path.name}: the point {self.point!r} is not in the notebook of task {self.task}.")

    def _as_found(self, cells: list[Any], source: str) -> str:
        """Return a cell that seeds the fault in a task whose session may only read.

        The task takes the world with the fault in it for what it found; but where it must notice a change of its own.
        """
        seeded = source if self.path.suffix == ".py" else f"task.send({source!r})"
        is_noticed = any(self.check in cell.source and ".unchanged()" in cell.source for cell in cells)
        begun = "" if is_noticed else "begin_reading(task, task.schema())"
        return "\n".join(["from runbook.notebook.unchanged import begin_reading", READ_WRITE, seeded, READ_ONLY, begun])

    def _first(self, cells: Sequence[Cell], wanted: Callable[[Cell], bool]) -> int:
        for place, cell in enumerate(cells):
            if cell.kind == "code" and wanted(cell):
                return place
        raise UsageError(f"{self.path.name}: the notebook of task {self.task} has no cell with {self.check!r}.")


def read_faults(plan: Plan) -> list[Fault]:
    """Return every fault of the plan, by file name.

    Raises:
        UsageError: a head is incomplete.
    """
    return [*(_read(path) for path in _files(plan)), *undelivered(plan.tasks)]


def unproven(plan: Plan, tasks: Sequence[Task]) -> list[str]:
    """Return what no fault proves, and what is wrong with the faults themselves, a sentence each.

    Args:
        plan: whose faults they are.
        tasks: those whose notebooks can be read.
    """
    found, wrong = undelivered(tasks), []
    for path in _files(plan):
        try:
            found.append(_read(path))
        except UsageError as error:
            wrong.append(str(error))
    for task in tasks:
        wrong += _unproven(task, [fault for fault in found if fault.task == task.number])
    known = {task.number for task in plan.tasks}
    wrong += [f"{fault.path.name}: there is no task {fault.task}" for fault in found if fault.task not in known]
    return wrong


def undelivered(tasks: Sequence[Task]) -> list[Fault]:
    """Return a fault for each deliverable of tasks: the task does not deliver it."""
    found = []
    for task in tasks:
        for check in checks(task.notebook):
            if check.name.startswith(DELIVERED) and check.deliverable:
                words = "".join(letter if letter.isalnum() else " " for letter in check.deliverable.lower()).split()
                path = Path(f"{task.number:02}_not_delivered_{'_'.join(words)}.py")
                source = WITHHELD.format(name=check.deliverable)
                reason = "there is nothing to show for the deliverable"
                found.append(Fault(path, task.number, check.name, "", "before the check", reason, source))
    return found


def _files(plan: Plan) -> list[Path]:
    return sorted((plan.root / FOLDER).glob("*.*"))


def _read(path: Path) -> Fault:
    head = dict(HEAD.findall(path.read_text(encoding="utf-8")))
    missing = [name for name in ("task", "check", "reason") if not head.get(name)]
    if missing:
        raise UsageError(f"{path}: its head says no {missing[0]!r}.")
    if not head["task"].isdecimal():
        raise UsageError(f"{path}: its head names no task, but {head['task']!r}: write its number.")
    point = head.get("point", "before the task")
    return Fault(path, int(head["task"]), head["check"], head.get("trigger", ""), point, head["reason"])


def _unproven(task: Task, found: list[Fault]) -> Iterator[str]:
    """Yield what no fault of a task proves, and which of them prove nothing."""
    declared = checks(task.notebook)
    for name in dict.fromkeys(check.name for check in declared):
        if not any(is_named(fault.check, name) for fault in found):
            yield f"Task {task.number}: no file of {FOLDER} names the check {name!r}: nobody has seen it fail"
    for trigger in task.triggers:
        if not any(fault.trigger == trigger for fault in found):
            yield f"Task {task.number}: no file of {FOLDER} fires the rollback trigger {trigger!r}"
    for fault in found:
        yield from _misplaced(fault, task, [check for check in declared if is_named(fault.check, check.name)])


def _misplaced(fault: Fault, task: Task, its: list[DeclaredCheck]) -> Iterator[str]:
    if not its:
        yield f"{fault.path.name} names the check {fault.check!r}, which {task.notebook.name} has not"
        return
    if fault.trigger not in {check.trigger or "" for check in its}:
        yield f"{fault.path.name}: the check {fault.check!r} fires no trigger {fault.trigger!r}"
    try:
        fault.place(read_cells(task.notebook))
    except UsageError as error:
        yield str(error)
