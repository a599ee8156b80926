"""`runbook new-step`: add a step to a task of a runbook, with its check and the fault that proves the check."""

import json
import re
from pathlib import Path

import nbformat

from runbook.authoring import plan_text, template
from runbook.authoring.step import USUAL_MINUTES, NewStep
from runbook.errors import UsageError
from runbook.plan import cells, static_check
from runbook.plan.faults import FOLDER
from runbook.plan.plan import FILE, Plan, Task

NOTE = "-- {number} · {name}: nothing stood before it; what it made is on record and is dropped after this.\n"
BASELINE = "sql/baseline"


def add_step(plan: Plan, number: int, name: str, table: str = "", column: str = "") -> NewStep:
    """Add a step to a task: to its notebook, to the plan, to the rollback script, and its fault; return it.

    In a task that changes nothing the step asks whether a name is free; elsewhere it makes a table, or adds a column.

    Args:
        plan: the runbook.
        number: of the task.
        name: of the step.
        table: the table it is about; empty: one of its own.
        column: the column it adds to the table; empty: none.

    Raises:
        UsageError: a name cannot be used, or the task is not sound; nothing was changed.
    """
    task = plan.task(number)
    static_check.require_sound(plan, (task,))
    reads = not cells.changes_target(task.notebook)
    step = NewStep.named(_next_number(task), name, table, column, reads=reads)
    fault = plan.root / FOLDER / f"{step.file}.sql"
    if fault.exists() or name in {one.name for one in task.steps}:
        raise UsageError(f"Task {number} has a step {name!r} already, or a fault {fault.name}: give it another name.")
    texts = {
        task.notebook: _notebook(task, step),
        plan.path: _plan(plan.path.read_text(encoding="utf-8"), step),
        fault: step.fault(),
    }
    if not reads:
        texts[task.rollback] = f"{task.rollback.read_text(encoding='utf-8').rstrip()}\n" + NOTE.format(**step.words)
    _write(plan, texts, number)
    return step


def is_unmade(plan: Plan, table: str) -> bool:
    """Tell whether a table must be on the target already: no file of the demonstration and no cell creates it."""
    texts = [path.read_text(encoding="utf-8") for path in (plan.root / BASELINE).glob("*.sql")]
    texts += [cell.source for task in plan.tasks for cell in cells.read_cells(task.notebook)]
    made = re.compile(
        rf"\bCREATE\s+(\w+\s+)?TABLE\s+(IF\s+NOT\s+EXISTS\s+)?([\w\"]+\.)?\"?{table.rpartition('.')[2]}\b",
        re.IGNORECASE,
    )
    return not any(made.search(text) for text in texts)


def _next_number(task: Task) -> str:
    places = [int(found[1]) for one in task.steps if (found := re.match(rf"{task.number}\.(\d+)", one.number))]
    return f"{task.number}.{max(places, default=0) + 1}"


def _notebook(task: Task, step: NewStep) -> str:
    """Return the task's notebook with the step before its gate."""
    notebook = nbformat.read(task.notebook, as_version=4)
    end = next(place for place, cell in enumerate(notebook.cells) if static_check.CONCLUDE.search(cell.source))
    while notebook.cells[end - 1].cell_type == "markdown":
        end -= 1
    notebook.cells[end:end] = template.cells_of(step.cells(), f"step-{step.number.replace('.', '-')}")
    return f"{nbformat.writes(notebook)}\n"


def _plan(text: str, step: NewStep) -> str:
    words = step.words
    said = json.dumps(step.name, ensure_ascii=False)
    entry = f'{{ number = "{step.number}", name = {said}, minutes = {USUAL_MINUTES} }}'
    text = plan_text.append(text, step.task, "steps", entry)
    for key, what in (("criteria", words["criterion"]), ("triggers", words["trigger"])):
        text = plan_text.append(text, step.task, key, json.dumps(what, ensure_ascii=False))
    return text


def _write(plan: Plan, texts: dict[Path, str], number: int) -> None:
    """Write the files; if the static check fails with them, put every file back as it was."""
    before = {path: path.read_text(encoding="utf-8") if path.exists() else None for path in texts}
    try:
        for path, text in texts.items():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        changed = Plan.load(plan.path)
        static_check.require_sound(changed, (changed.task(number),))
    except UsageError as error:
        for path, former in before.items():
            path.unlink() if former is None else path.write_text(former, encoding="utf-8")
        raise UsageError(f"The step was not added, for {FILE} and the notebook would not fit: {error}") from None
