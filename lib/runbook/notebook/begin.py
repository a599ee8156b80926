"""The session of a notebook: `task = runbook.begin(N)` opens it."""

import os
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from IPython import get_ipython
from IPython.display import display

from runbook import priority
from runbook.changes import finality, objects, schemas
from runbook.database import claims, copies, ledger, lock, poolers
from runbook.database.identity import HOLDER_VARIABLE, RUN_VARIABLE, operator
from runbook.errors import NotAllowed, NotApproved, RunbookError, UsageError
from runbook.evidence.manifest import shown_target
from runbook.notebook import preflight, rollback_end
from runbook.notebook.cell_order import CellOrder
from runbook.notebook.completion import require_completion
from runbook.notebook.gate import show_preparation
from runbook.notebook.task import TaskSession
from runbook.notebook.task_clock import TaskClock
from runbook.notebook.unchanged import begin_reading
from runbook.plan import cells, fingerprint, parameters, plan, static_check
from runbook.policy import approval_required, confirmation
from runbook.query import redaction
from runbook.query.lock_retry import LOCK_TIMEOUT
from runbook.query.table import Markup, show_header

ENGINE_VARIABLE = "AIRFLOW_CTX_DAG_ID"  # in whatever an Airflow task runs
TARGET_NAME = "_runbook_target"  # where whoever executes a notebook on a copy puts the copy; else the environment's own


def begin(number: int, *, undo: bool = False) -> TaskSession:
    """Open the session of task `number`, in the notebook whose parameters stand in the cells above.

    Checks the parameters, connects to the environment, looks whether what the task needs is complete,
    takes the lock, remembers the schema, registers the magics and shows the task's header.

    Args:
        number: of the task in the plan.
        undo: open it to reverse the task; every task that needs it must have been reversed before.

    Raises:
        UsageError: a parameter, the plan or the environment is wrong.
        NotAllowed: a task it needs is not complete here, another run holds the target, or it is protected and
            nobody confirmed that it may be changed.
    """
    priority.give_way()
    shell = get_ipython()
    whole = plan.Plan.find()
    definition = whole.task(number)
    if not undo and HOLDER_VARIABLE not in os.environ:  # the batch has looked at all tasks
        static_check.require_sound(whole, (definition,))
    given = _parameters(shell, definition.notebook)
    previous = shell.user_ns.get("_runbook_task")
    if previous is not None:
        previous.close()  # a rerun of the cell starts anew
    from runbook.notebook import magics

    told = shell.user_ns.get(preflight.KEY)
    if told is not None:  # the notebook is only asked: no lock, no ledger
        asked = preflight.open_session(definition, whole, given, shell.user_ns, told)
        magics.register(shell, asked)
        return asked
    _require_runbooks_operator()
    run_id = os.environ.get(RUN_VARIABLE, "") or f"interactive-{datetime.now(UTC):%Y-%m-%d}"
    names = shell.user_ns
    task = TaskSession(definition, whole, run_id, given, names, undo=undo, target=names.get(TARGET_NAME))
    shell.user_ns["_runbook_task"] = task
    try:
        _enter(task)
    except RunbookError:
        task.close()
        raise
    magics.register(shell, task)
    _follow(shell, task, previous)
    _show_head(shell, task)
    if not undo:
        show_preparation(task)
    return task


def _require_runbooks_operator() -> None:
    if ENGINE_VARIABLE in os.environ and HOLDER_VARIABLE not in os.environ:
        raise UsageError(
            "Airflow's PapermillOperator knows neither the runbook's folder nor its gates: use RunbookOperator of "
            "runbook.airflow, or the DAG that fleet_dag of runbook.airflow makes."
        )


def _follow(shell: Any, task: TaskSession, previous: TaskSession | None) -> None:
    """Follow the cells a kernel runs from here on; those of the rollback are made from a script, one by one."""
    if previous is not None and previous.order:
        previous.order.forget(shell)
    if hasattr(shell, "kernel") and not task.undo:
        is_guarded = task.environment.approval == "required"
        changing = partial(_require_unchanged, task)
        task.order = CellOrder(task.definition.notebook, is_strict=is_guarded, before_change=changing)
        task.order.watch(shell)


def _show_head(shell: Any, task: TaskSession) -> None:
    number, minutes = task.definition.number, task.definition.minutes
    title = f"{'Rollback of ' if task.undo else ''}Task {number} · {task.definition.name}"

    def header(name: str, value: str) -> Markup:
        return show_header(title, _facts(task, (name, value)), task.environment.protected)

    handle = display(header("estimate", f"{minutes} min"), display_id=True)
    if hasattr(shell, "kernel") and HOLDER_VARIABLE not in os.environ:  # somebody looks at it
        task.clock = TaskClock(shell, handle, lambda said: header("elapsed", said), minutes)


def _enter(task: TaskSession) -> None:
    """Check everything that may forbid the task, then make its session ready."""
    redaction.hide_personal(task.plan, task.environment)
    poolers.require_sessions(task.ledger.connection, task.connection, task.environment)
    shown = shown_target(task.plan, task.environment)
    claims.require_own(task.ledger.connection, task.plan.name, task.environment, task.target, shown)
    if holder := os.environ.get(HOLDER_VARIABLE):  # the batch holds the lock for its kernels
        lock.require_holder(task.ledger.connection, task.plan.name, int(holder))
    else:
        lock.take(task.ledger.connection, task.plan.name)
        print("".join(f"{line}\n" for line in copies.sweep(task.ledger.connection)), end="")
    if task.undo or cells.changes_target(task.definition.notebook):
        finality.require_open(task.ledger.connection, task.plan.name)
    _require_reversible(task) if task.undo else _require_dependencies(task)
    if confirmation.is_needed(task.environment, (task.definition,), undo=task.undo):
        confirmation.ask_confirmation(task.plan, task.environment)
    number = task.definition.number
    state = task.ledger.states().get(number)
    task.is_first = state is None or state.status == ledger.UNDONE
    schema = task.schema() if not task.undo else ""
    if not task.undo:
        found = objects.find_objects(task.connection)
        schemas.keep_schema(task.ledger, number, schema, found)
    if not task.is_of_batch and task.ledger.has_ended(task.run_id):
        raise UsageError(f"Run {task.run_id} has ended: unset {RUN_VARIABLE}, which is for the batch to set.")
    task.ledger.open_run(task.run_id, task.environment.name, operator(), fingerprint.plan_digest(task.plan), {})
    task.ledger.start_task(task.run_id, number, fingerprint.task_digest(task.plan, number))
    task.connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
    task.describe_plan()
    for name, value in task.parameters.items():
        task.setting(name, value)
    if not task.undo and not cells.changes_target(task.definition.notebook):
        begin_reading(task, schema)


def _require_unchanged(task: TaskSession) -> None:
    """Make sure, right before the first cell that changes the target, that all is still as it was approved.

    Where nothing of the plan has changed the target yet, its schema must be the approved one as well.

    Raises:
        NotApproved: it is not.
    """
    first = next(one for one in task.plan.tasks if cells.changes_target(one.notebook))
    schema = None
    if task.definition == first:
        schema = task.schema() if task.is_first else schemas.schema_before(task.ledger, first.number)
    try:
        approval_required.require_approval(task, schema)
    except NotApproved:
        task.ledger.finish_task(task.run_id, task.definition.number, "failed")
        raise


def _parameters(shell: Any, notebook: Path) -> dict[str, Any]:
    """Return the parameters above, as declared and, where papermill injected some, as given."""
    # nbval keeps no history of cells: then the notebook's file says what it declares.
    sources = [cell.source for cell in cells.read_cells(notebook) if "parameters" in cell.tags]
    written = {name: one for source in sources for name, one in parameters.declarations(source).items()}
    known = {name: one for name, one in written.items() if name in shell.user_ns}
    injected: set[str] = set()
    newer: set[str] = set()  # what a cell declares that was corrected and run again counts no more
    for source in reversed(shell.user_ns["In"]):
        if source.lstrip().startswith("# Parameters"):
            injected |= parameters.assigned(source)
        elif not source.lstrip().startswith(("%", "!")) and ": " in source:
            try:
                if not (names := parameters.assigned(source)) <= newer:
                    known = parameters.declarations(source) | known  # the file's limits stand, whatever the cell says
                    newer |= names
            except SyntaxError:  # IPython's own syntax: no parameters there
                continue
    values = {name: shell.user_ns[name] for name in (known.keys() | injected)}
    if "environment" not in known:
        raise UsageError(f"{notebook.name} declares no parameter 'environment': run its parameters cell first.")
    parameters.check_values(known, values, notebook.name)
    return {name: values[name] for name in known}


def _require_dependencies(task: TaskSession) -> None:
    states = task.ledger.states()
    for number in task.definition.needs:
        state = states.get(number)
        if state is None or state.status != ledger.DONE:
            found = f"its last run here is {state.status}" if state else "it has not run here"
            raise NotAllowed(
                f"Task {task.definition.number} needs Task {number} complete on {task.environment.name!r}, "
                f"but {found}. Run it first: `runbook run --environment {task.environment.name} --from {number}`."
            )
        task.starts_from.append(require_completion(task, number))
    if task.definition.needs:
        approval_required.require_approval(task)


def _require_reversible(task: TaskSession) -> None:
    states = task.ledger.states()
    for later in task.plan.tasks:
        state = states.get(later.number)
        if task.definition.number in later.needs and state and state.status != ledger.UNDONE:
            raise NotAllowed(
                f"Task {task.definition.number} cannot be reversed while Task {later.number} is {state.status}: "
                f"`runbook rollback --environment {task.environment.name} --to {task.definition.number}` reverses both."
            )
    rollback_end.require_free_way(task)


def _facts(task: TaskSession, time: tuple[str, str]) -> list[tuple[str, str]]:
    definition = task.definition
    position = task.plan.tasks.index(definition) + 1
    return [
        ("environment", task.environment.name.upper() if task.environment.protected else task.environment.name),
        ("task", f"{position} of {len(task.plan.tasks)}"),
        time,
        ("risk", definition.risk),
        *(("starts from", said) for said in task.starts_from),
    ]
