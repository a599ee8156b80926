"""Completion: the conditions that a complete task meets, and that the next one requires."""

import re
from collections.abc import Iterator, Mapping, Sequence

from runbook.database.ledger import DONE
from runbook.errors import NotAllowed
from runbook.evidence.gate_rows import COMPLETION, GateRow, gate_rows, quality_rows
from runbook.notebook.context import Context
from runbook.notebook.gate_view import Matrix
from runbook.plan.cells import read_cells
from runbook.plan.generated_docs import stale_documents
from runbook.plan.plan import Plan, Task

PLACEHOLDER = re.compile(r"_\(.*\)_", re.DOTALL)  # what stands there until somebody writes a note
OPERATORS_NOTE = re.compile(r"\*\*Operator's note\*\*\s*(.*?)\s*(?=\n\s*\n|\Z)", re.DOTALL)
NOTE = "operator's note"
APPROVAL = "approval"
Rows = Mapping[str, Sequence[GateRow]]


def complete_rows(task: Context, rows: Rows) -> list[GateRow]:
    """Decide the conditions of a task's completion, remember and return them."""
    decided = []
    for box in task.plan.checklist.completion:
        fine, said = _DECIDE[box.means](task, rows)
        decided.append(GateRow("completion", box.box, fine, said=said, key=box.means))
    kept = [{"box": row.words, "means": row.key, "fine": row.fine, "said": row.said} for row in decided]
    task.write(COMPLETION, kept)
    return decided


def require_completion(task: Context, needed: int) -> str:
    """Make sure that a task this one needs met every condition of completion; return that in words.

    Raises:
        NotAllowed: one was not met.
    """
    state = task.ledger.states()[needed]
    boxes = task.ledger.notes(state.run_id, needed).get(COMPLETION) or []
    for box in boxes:
        if not box["fine"]:
            raise NotAllowed(
                f"Task {task.definition.number} needs Task {needed}, which is not complete: “{box['box']}” was not "
                f"met ({box['said']}). Run it again: "
                f"`runbook run --environment {task.environment.name} --from {needed}`."
            )
    return f"Task {needed} complete" + (f", {len(boxes)} of {len(boxes)} conditions met" if boxes else "")


def matrix(task: Context) -> Matrix:
    """Return the quality gates of every task: of this one as it stands, of the others as they last ran here."""
    states, found = task.ledger.states(), []
    for one in task.plan.tasks:
        state = states.get(one.number)
        has_run = state is not None and (one == task.definition or state.status in {DONE, "failed"})
        checks = task.ledger.checks(state.run_id, one.number) if has_run and state else []
        found.append((f"{one.number} · {one.name}", quality_rows(task.plan, checks) if has_run else None))
    return found


def rows_of(task: Context) -> dict[str, list[GateRow]]:
    """Return what the checks of this task have decided so far."""
    number = task.definition.number
    notes = task.ledger.notes(task.run_id, number)
    notes.pop(COMPLETION, None)  # an earlier attempt's
    return gate_rows(task.plan, task.definition, task.ledger.checks(task.run_id, number), notes)


def operators_note(definition: Task) -> str | None:
    """Return what the operator wrote into the notebook, empty for nothing; None if it has no place for a note."""
    text = "\n\n".join(cell.source for cell in read_cells(definition.notebook) if cell.kind == "markdown")
    found = OPERATORS_NOTE.search(text)
    return PLACEHOLDER.sub("", found[1]).strip() if found else None


def _all(rows: Sequence[GateRow], many: str) -> tuple[bool | None, str]:
    wrong = [row.words for row in rows if not row.fine]
    fine = None if any(row.fine is None for row in rows) else not wrong
    said = f"{len(rows) - len(wrong)} of {len(rows)} {many}"
    return (False if any(row.fine is False for row in rows) else fine), said + (f"; not: {wrong[0]}" if wrong else "")


def _deliverables(_task: Context, rows: Rows) -> tuple[bool | None, str]:
    return _all(rows["deliverable"], "delivered and verified")


def _criteria(_task: Context, rows: Rows) -> tuple[bool | None, str]:
    return _all(rows["criterion"], "met")


def _triggers(_task: Context, rows: Rows) -> tuple[bool | None, str]:
    return _all(rows["trigger"], "not fired")


def _documentation(task: Context, _rows: Rows) -> tuple[bool | None, str]:
    """Generated documents in step; the words of the approval and the operator's note on record."""
    if stale := stale_documents(task.plan):
        return False, f"{stale[0].name} is out of step with the notebooks: `runbook docs`"
    if task.environment.approval == "required" and not task.ledger.read_note(APPROVAL):
        return False, "the words of the approval are not on record"
    note = operators_note(task.definition)
    if note is None:
        return False, "the notebook has no place for the operator's note"
    task.write(NOTE, note)
    said = "operator's note on record" if note else "no operator's note"
    return True, f"documents in step, approval on record, {said}"


def _dependencies(task: Context, rows: Rows) -> tuple[bool | None, str]:
    """What the tasks that need this one require of it, and whether what else they need stands."""
    met = {row.words: row.fine for row in rows["criterion"]}
    words = []
    for follower, said, criteria in _required(task.plan, task.definition):
        verdicts = [met.get(text) for text in criteria]
        if not all(verdicts):
            return (None if None in verdicts else False), f"Task {follower} requires: {said}"
        words.append(f"Task {follower} requires: {said}")
    return True, "; ".join(words) or "nothing follows"


def _required(plan: Plan, definition: Task) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    for follower in plan.tasks:
        for one in follower.requires:
            if one.task == definition.number:
                yield follower.number, one.words, one.criteria


_DECIDE = {
    "deliverables": _deliverables,
    "criteria": _criteria,
    "triggers": _triggers,
    "documentation": _documentation,
    "dependencies": _dependencies,
}
