"""The gate of a task: what decides it, and what it says."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, replace
from typing import Any

import pandas as pd
from IPython.display import display

from runbook.database import acceptances, as_found, ledger, lock
from runbook.database.records import Check
from runbook.errors import GateShut, NotAccepted, StepFailed, UsageError
from runbook.evidence.gate_rows import ADVICE, GateRow
from runbook.formatting import amount
from runbook.notebook import completion
from runbook.notebook.cell_order import CellOrder
from runbook.notebook.context import Context
from runbook.notebook.gate_view import show_boxes, show_gate
from runbook.plan import cells
from runbook.plan.decisions import Decides, gate_of_check, problems
from runbook.plan.expectations import ALL_TRUE
from runbook.plan.finding import BLOCKS, UNACCEPTED, Finding, listed
from runbook.policy import acceptance
from runbook.policy.acceptance import Standing
from runbook.query.expectation import Expectation
from runbook.query.table import Table, show_elapsed, show_redacted, show_verdict

MOST_TELLING = ("criterion", "trigger", "deliverable", "box", "gate", "completion")
PREPARATION = "Preparation"
REMEDY = "what_to_do"  # the column of a check's rows that tells the operator


def record_check(
    task: Context,
    name: str,
    found: Any,
    expected: str,
    decides: Decides,
    *,
    ends: bool = False,
) -> None:
    """Judge, remember and show one check; see `Task.check`."""
    number = task.definition.number
    if not task.undo and (wrong := problems(task.plan, task.definition, name, decides)):
        raise UsageError(f"{wrong[0]}.")
    if isinstance(found, pd.DataFrame):
        found = Table(list(found.columns), found.to_numpy().tolist())
    expectation = Expectation(expected)
    passed, actual = expectation.judge(found)
    failing = None if passed else expectation.failing(found)
    standing = _accepted(task, name, failing)
    if standing.words:
        passed, actual = True, f"{actual}, accepted"
    decided = {**asdict(decides), "gate": gate_of_check(task.plan, decides.gate)}
    verdict = Check(name, expected, actual, passed, **decided, accepted=standing.words or None)
    task.ledger.record(task.run_id, number, verdict)
    task.keep_record()
    display(show_verdict(passed, name, expected, actual, decides.pairs, standing.words))
    if decides.box:
        show_preparation(task)
    if isinstance(failing, Table) and failing:
        display(failing)
    _forget(task, name)
    changes = cells.changes_target(task.definition.notebook)
    if not changes:
        as_found.keep(task.ledger, number, name, list(failing.dicts()) if isinstance(failing, Table) else [])
    if not passed:
        task.findings.append(_finding(task, name, expected, actual, failing, standing))
        task.failed.append((task.findings[-1], decides.trigger))
        if ends or task.undo or changes:
            _show_stop(task)
            stop_task(task)


def _show_stop(task: Context) -> None:
    """Show the gate as it stands where a check ends the task: what is decided, what failed, what is left open."""
    title = f"Task {task.definition.number} · {task.definition.name}"
    display(show_gate(title, completion.rows_of(task), completion.matrix(task), _place(task), f"Next: {advice(task)}"))


def _place(task: Context) -> int:
    """Return which task of the plan this is, from 0."""
    return [one.number for one in task.plan.tasks].index(task.definition.number)


def stop_task(task: Context, also: str = "") -> None:
    """End the task where a check of it has failed.

    Args:
        task: whose checks failed, or did not.
        also: what forbids it as well.

    Raises:
        GateShut: a check failed; the message lists every one.
        NotAccepted: whatever failed may be accepted, and nobody has.
    """
    number, findings = task.definition.number, [finding for finding, _ in task.failed]
    if not findings:
        return
    task.ledger.finish_task(task.run_id, number, "failed")
    fired = [f" This fires the rollback trigger “{trigger}”." for _, trigger in task.failed if trigger]
    only = findings[0]
    if len(findings) == 1 and not also:
        remedy = f" What to do: {only.remedy}." if only.remedy else ""
        said = f"Task {number}, check “{only.check}”: {only.what}.{''.join(fired)}{remedy}"
    else:
        more = f"\nBeside it: {also}" if also else ""
        said = f"Task {number}: the gate is shut by {amount(len(findings), 'check')}:\n{listed(findings)}{more}\n"
    kind = NotAccepted if {one.kind for one in findings} == {UNACCEPTED} else GateShut
    raise kind(said, advice=_noted(task, advice(task, [one.check for one in findings if one.kind == UNACCEPTED])))


@contextmanager
def told_together(task: Context) -> Iterator[None]:
    """Tell an error of a step together with the checks that failed before it, which are likely its cause."""
    try:
        yield
    except StepFailed as error:
        stop_task(task, str(error))
        raise


def show_preparation(task: Context) -> None:
    """Show the conditions that head the first task, as far as they are met by now; shown again, they change there."""
    rows = completion.rows_of(task)["box"]
    if rows:
        shown = show_boxes(PREPARATION, rows)
        display(shown, display_id=f"preparation {task.run_id}", update=task.shows_preparation)
        task.shows_preparation = True


def require_order(task: Context, order: CellOrder) -> None:
    """Make sure that the notebook ran as it stands, before its gate is decided.

    Raises:
        GateShut: it did not; the task has failed.
    """
    try:
        order.require_all()
    except GateShut:
        task.ledger.finish_task(task.run_id, task.definition.number, "failed")
        lock.release(task.ledger.connection, task.plan.name)
        raise


def conclude_task(task: Context) -> None:
    """Decide the gate; see `Task.conclude`."""
    number = task.definition.number
    rows = completion.rows_of(task)
    rows["completion"] = completion.complete_rows(task, rows)
    wrong = [row for sort in MOST_TELLING for row in rows[sort] if not row.fine]
    is_open = not wrong and not task.failed
    task.keep_record()
    task.ledger.finish_task(task.run_id, number, ledger.DONE if is_open else "failed")
    lock.release(task.ledger.connection, task.plan.name)
    title, then = (
        f"Task {number} · {task.definition.name} · took {_took(task)}",
        _next(task) if is_open else f"Next: {advice(task)}",
    )
    display(show_gate(title, rows, completion.matrix(task), _place(task), then))
    if not is_open:
        stop_task(task)
        said = f"Task {number}: the gate is shut by {_in_words(wrong)}."
        raise GateShut(said, advice=_noted(task, advice(task)))


def _in_words(rows: list[GateRow]) -> str:
    """Name what shuts a gate: the first of it, and how much more there is."""
    first, more = rows[0], f" and {len(rows) - 1} more" if len(rows) > 1 else ""
    sort = {"gate": "quality gate", "completion": "condition of completion", "box": "condition of preparation"}
    state = "undecided" if first.fine is None else "not as it must be"
    return f"the {sort.get(first.sort, first.sort)} “{first.words}” ({state}){more}"


def _noted(task: Context, words: str) -> str:
    """Return the advice, which a batch finds in the ledger: an exception crosses the kernel's border as text alone."""
    task.write(ADVICE, words)
    return words


def advice(task: Context, acceptable: list[str] | None = None) -> str:
    """Return what to do next when the gate is shut, with the exact commands.

    Args:
        task: whose gate it is.
        acceptable: checks that failed and may be accepted.
    """
    where = f"--environment {task.environment.name}"
    number = task.definition.number
    # A batch's range and parameters are its run's, which goes on with them.
    again = f"`runbook run {where} --resume`" if task.is_of_batch else "run this notebook again"
    accept = (
        f" or let stand what may stand: {acceptances.commands(task.environment.name, acceptable)},"
        if acceptable
        else ""
    )
    back = f", or roll back: `runbook rollback {where} --to {number}`"
    return f"mend the cause,{accept} and {again}{back if cells.changes_target(task.definition.notebook) else ''}."


def _forget(task: Context, name: str) -> None:
    """Forget what the check of this name found: it was asked again."""
    task.findings[:] = [one for one in task.findings if one.check != name]
    task.failed[:] = [(one, trigger) for one, trigger in task.failed if one.check != name]


def _accepted(task: Context, name: str, failing: Any) -> Standing:
    """Return what became of the acceptance of a check's rows, where it has failed and may be accepted."""
    acceptable = task.definition.acceptable_check(name)
    if not isinstance(failing, Table) or not failing or acceptable is None:
        return Standing()
    return acceptance.standing(task, acceptable, failing, task.content())


def _finding(task: Context, name: str, expected: str, actual: str, failing: Any, standing: Standing) -> Finding:
    acceptable = task.definition.acceptable_check(name)
    what = f"expected {expected}, found {actual}" + (f" ({standing.why_not})" if standing.why_not else "")
    rows = show_redacted(failing) if isinstance(failing, Table) else failing
    if expected == ALL_TRUE and isinstance(rows, Table) and len(rows.field_names) > 1:
        rows = rows.without_last()  # which is not true in any of them
    about = (task.definition.number, name, what, rows, _remedy(failing))
    if acceptable is None or not isinstance(failing, Table) or not failing:
        return Finding.from_check(BLOCKS, *about)
    return replace(Finding.from_check(UNACCEPTED, *about), keyed=acceptances.keyed(acceptable, failing))


def _remedy(found: Any) -> str:
    """Return what the first row says in its column `what_to_do`, if it has one."""
    if not isinstance(found, Table) or not found or REMEDY not in found.field_names:
        return ""
    return str(found[0][list(found.field_names).index(REMEDY)] or "")


def _took(task: Context) -> str:
    state = task.ledger.states()[task.definition.number]
    seconds = ((state.finished_at or state.started_at) - state.started_at).total_seconds()
    return f"{show_elapsed(seconds)} of {task.definition.minutes} min"


def _next(task: Context) -> str:
    follower = next((one for one in task.plan.tasks if one.number > task.definition.number), None)
    return f"Next: Task {follower.number} · {follower.name}." if follower else "This was the last task."
