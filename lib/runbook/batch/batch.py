"""The batch: it runs the plan's notebooks in sequence, up to the first shut gate, and always leaves evidence."""

import gc
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import psycopg
from rich.console import Console

from runbook.batch import asking, ending, promotion, resume, waves
from runbook.batch.finalize import Finalizer
from runbook.batch.window import ESTIMATES, Window
from runbook.changes import finality
from runbook.database import environments
from runbook.database.ledger import DONE
from runbook.errors import Interrupted, NotAllowed, NotApproved, RunbookError, UsageError
from runbook.evidence import notebooks
from runbook.evidence.gate_rows import DELIVERED
from runbook.evidence.model import Failure
from runbook.plan import cells, parameters
from runbook.plan.plan import Plan, Task
from runbook.policy import confirmation

if TYPE_CHECKING:
    from runbook.batch.execution import Execution

REFUSED = {"NotAllowed", "NotApproved"}  # before the task did anything
MEND = "mend the cause, then "
EXECUTION = "runbook.batch.execution"  # imported late, because papermill comes with it


@dataclass(frozen=True)
class RunRequest:
    """What a run was asked to do.

    Attributes:
        first: number of the first task, None for the plan's first.
        last: number of the last task, None for the plan's last.
        given: parameters for the notebooks, by name.
        resume: go on with the newest run of the environment where it stopped.
        fresh: give an embedded environment a fresh baseline first.
        keep_expected: make this run's notebooks the expected results.
        confirm: the digest of what was approved, for a protected environment.
        note: the operator's note; it decides nothing and voids no approval.
        unproven: warnings of the static check, printed when the run has begun.
        rollback_on_trigger: when a rollback trigger fires, reverse the task that fired it without asking.
    """

    environment: str = "local"
    first: int | None = None
    last: int | None = None
    given: Mapping[str, Any] = field(default_factory=dict)
    resume: bool = False
    fresh: bool = False
    keep_expected: bool = False
    confirm: str = ""
    note: str = ""
    unproven: str = ""
    rollback_on_trigger: bool = False


def run_batch(plan: Plan, request: RunRequest, console: Console) -> int:
    """Run the batch and return the exit code.

    Raises:
        UsageError: a parameter, the plan or the environment is wrong; nothing was run.
        NotAllowed: a dependency or the lock forbids it; nothing was run.
    """
    tasks, given = plan.between(request.first, request.last), dict(request.given)
    parameters.check_parameters(plan.tasks, given)
    if unneeded := sorted(given.keys() - parameters.known_parameters(tasks)):
        console.print(f"None of these tasks takes {', '.join(unneeded)}: it is for others.", style="yellow")
    if request.fresh and request.resume:
        raise UsageError("--fresh deletes what --resume goes on with: give only one of them.")
    if request.fresh:
        _reset(plan, request.environment)
    promoted = promotion.require_promotion(plan, plan.environment(request.environment))
    waves.require_wave_before(plan, plan.environment(request.environment))
    asking.ask_for_approval(plan, plan.environment(request.environment), tasks, given, console, resume=request.resume)
    execution: Execution = _import_execution().Execution(plan, request.environment, console, request.confirm)
    is_fresh = not execution.ledger.states()
    whole = tasks  # of the run; `tasks` are those that it has still to do
    if request.resume:
        whole, tasks, given = resume.resume_run(execution, request.first, request.last, given)
    _require_dependencies(execution, tasks)
    # Only a fresh demonstration with default parameters must give exactly the expected outputs.
    strict = execution.environment.server == "embedded" and is_fresh and not given
    finalizer = Finalizer(execution, strict=strict, keep=request.keep_expected)
    with execution.open(given, len(tasks)):
        execution.ledger.set_range(execution.run_id, whole[0].number, whole[-1].number)
        _announce_notes(execution, request)
        execution.announcer.window = Window(plan, tasks, execution.ledger.read_note(ESTIMATES))
        failure = _run_tasks(execution, tasks, given, finalizer)
    comparison = None if failure else finalizer.comparison()
    stopped = plan.task(failure.task) if failure and failure.task is not None and request.rollback_on_trigger else None
    fired = _fired(execution, stopped) if stopped else ()
    code = _conclude(execution, failure, comparison, promoted, finalizer, whole)
    if stopped:
        _roll_back_unasked(execution, stopped, fired)
    return code


def _run_tasks(
    execution: "Execution", tasks: tuple[Task, ...], given: Mapping[str, Any], finalizer: Finalizer
) -> Failure | None:
    """Run tasks until one stops, and return why, or None."""
    task = tasks[0] if tasks else execution.plan.tasks[-1]
    try:
        for task in tasks:
            if failure := _run_task(execution, task, given):
                return failure
            finalizer.task(task)
        finalizer.tasks(tasks)
    except KeyboardInterrupt:  # between two notebooks
        return execution.interrupted(task)
    return None


def _announce_notes(execution: "Execution", request: RunRequest) -> None:
    if request.unproven:
        execution.console.print(request.unproven, style="yellow", markup=False, soft_wrap=True)
    if request.note:
        execution.ledger.note_run(execution.run_id, request.note)
        execution.announcer.event("note", request.note)


def _reset(plan: Plan, environment: str) -> None:
    """Give an embedded environment a fresh baseline; meanwhile import what the run needs."""
    with ThreadPoolExecutor(1) as pool:
        filled = pool.submit(environments.reset, plan, plan.environment(environment))
        _import_execution()
        filled.result()


def _import_execution() -> Any:
    gc.disable()  # modules live as long as the process: do not collect them, now or later
    try:
        return import_module(EXECUTION)
    finally:
        gc.freeze()
        gc.enable()


def _run_task(execution: "Execution", task: Task, given: Mapping[str, Any]) -> Failure | None:
    known = parameters.declared_parameters(task)
    fitting = {name: value for name, value in given.items() if name in known}
    if execution.environment.name != known["environment"].default:
        fitting["environment"] = execution.environment.name
    notebook = notebooks.read_notebook(task)
    failure = execution.notebook(task, notebook, execution.folder / task.notebook.name, fitting, DONE)
    if failure and failure.name in REFUSED and not execution.ledger.tasks_of(execution.run_id):
        execution.ledger.refuse_run(execution.run_id)
    if failure is None:
        notes = execution.ledger.notes(execution.run_id, task.number)
        said = {name: (notes.get(f"{DELIVERED}{name}") or {}).get("said", "") for name in task.deliverables}
        execution.announcer.complete(task, said)
        return None
    execution.ledger.finish_task(execution.run_id, task.number, "failed")
    execution.announcer.issue(task, failure.message, f"look at {task.notebook.name} in the run's folder")
    reason = "input" if failure.name in REFUSED else "trigger" if _fired(execution, task) else "error"
    execution.announcer.escalate(task, reason, f"Task {task.number} stopped the run.")
    return failure


def _conclude(
    execution: "Execution",
    failure: Failure | None,
    comparison: dict[str, Any] | None,
    promoted: dict[str, Any] | None,
    finalizer: Finalizer,
    whole: tuple[Task, ...],
) -> int:
    held = finalizer.held()
    failure = failure or resume.incomplete(execution, whole, held)
    differs = comparison is not None and not comparison["passed"]
    facts: dict[str, Any] = {"comparison": comparison, "promoted": promoted, "held": held}
    if failure:
        unapproved = failure.exit_code == NotApproved.exit_code
        first = "have it approved, as said above, then " if unapproved else MEND
        command = resume.command(execution.environment)
        if unapproved and asking.prepares(whole):  # what is approved is the whole run
            told = parameters.as_options(execution.ledger.run_entry(execution.run_id)["parameters"])
            command = f"runbook run --environment {execution.environment.name}{told}"
        again = f"{'' if failure.name == Interrupted.__name__ else first}`{command}`."
        facts["failure"] = asdict(replace(failure, next=failure.next or again))
    code = ending.end(execution, "failed" if failure or differs else DONE, "Run", **facts)
    if failure:
        return failure.exit_code
    return 1 if differs else code


def _fired(execution: "Execution", task: Task) -> tuple[str, ...]:
    """Return the rollback triggers that a task's checks fired."""
    checks = execution.ledger.checks(execution.run_id, task.number)
    return tuple(check.trigger for check in checks if check.trigger and not check.passed)


def _roll_back_unasked(execution: "Execution", task: Task, fired: tuple[str, ...]) -> None:
    """Reverse a task that fired a rollback trigger, as a rollback with its own evidence; the run stays failed."""
    name, say = execution.environment.name, partial(execution.console.print, markup=False, soft_wrap=True)
    if not fired:
        say(f"Task {task.number} failed, but fired no rollback trigger: nothing is rolled back by itself.")
        return
    if not cells.changes_target(task.notebook):  # what an earlier task migrated stays
        say(f"The rollback trigger “{fired[0]}” fired, but Task {task.number} changes nothing: nothing to roll back.")
        return
    say(f"The rollback trigger “{fired[0]}” fired: Task {task.number} is rolled back now.", style="bold red")
    from runbook.batch import rollback

    try:
        asked = rollback.RollbackRequest(task.number, execution.confirm, yes=True)
        rollback.roll_back(execution.plan, name, asked, execution.console)
    except (RunbookError, psycopg.Error) as error:
        again = f"`runbook rollback --environment {name} --to {task.number}`"
        say(f"The rollback could not be done: {error} Do it by hand: {again}.", style="bold red")


def _require_dependencies(execution: "Execution", tasks: tuple[Task, ...]) -> None:
    finality.require_open(execution.ledger.connection, execution.plan.name)
    if confirmation.is_needed(execution.environment, tasks):
        confirmation.require_confirmation(execution.plan, execution.environment, execution.confirm)
    done = {number for number, state in execution.ledger.states().items() if state.status == DONE}
    for task in tasks:
        for number in task.needs:
            if number not in done:
                name = execution.environment.name
                raise NotAllowed(
                    f"Task {task.number} needs Task {number} complete on {name!r}: "
                    f"run `runbook run --environment {name} --from {number}`."
                )
        done.add(task.number)
