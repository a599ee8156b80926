"""Fault injection: every seeded fault on a scratch copy, and whether the very check that must catch it does.

The state before each task is kept as a template database; a fault costs one copy of it, one forked process and the
cells up to the check.
"""

import json
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import nbformat
import rich.box
import rich.table
import rich.text
from psycopg import sql
from rich.console import Console

from runbook.database import copies, embedded, environments
from runbook.database.identity import RUN_VARIABLE
from runbook.database.ledger import UNDONE, Ledger
from runbook.database.target import Target
from runbook.errors import GateShut, NotAccepted, StepFailed, UsageError
from runbook.kernels import forkserver
from runbook.notebook import dry_run
from runbook.notebook.begin import TARGET_NAME
from runbook.plan import cells, fingerprint
from runbook.plan.faults import DELIVERED, Fault, read_faults
from runbook.plan.plan import Environment, Plan, Task

WORKERS = 2
STAGE = "injection_stage"
CAUGHT, MISSED, FALSE_ALARM = "caught", "missed", "false alarm"
RESULTS = {CAUGHT: "green", MISSED: "red", FALSE_ALARM: "yellow"}


@dataclass(frozen=True)
class FaultVerdict:
    """What became of one fault.

    Attributes:
        result: `caught` by the check it is for, `missed`, or `false alarm` where another one failed.
        found: what failed instead, empty if it was caught.
    """

    fault: Fault
    result: str
    found: str

    def summary(self) -> dict[str, Any]:
        """Return what the evidence keeps."""
        fault = self.fault
        return {
            "fault": fault.name,
            "task": fault.task,
            "check": fault.check,
            "trigger": fault.trigger,
            "reason": fault.reason,
            "result": self.result,
            "found": self.found,
        }


class Injection:
    """Scratch databases on the embedded server, and the notebooks run in them."""

    def __init__(self, plan: Plan, environment: Environment, console: Console) -> None:
        if environment.server != "embedded":
            raise UsageError(
                f"Fault injection needs scratch copies it may break; {environment.name!r} is somebody's database. "
                "Name an embedded environment."
            )
        self.plan, self.environment, self.console = plan, environment, console
        self.server = embedded.start(plan.root)
        self.target = environments.find(plan, environment)

    def inject(self, faults: list[Fault]) -> list[FaultVerdict]:
        """Inject the faults and return a verdict each, in their order."""
        last = max(fault.task for fault in faults)
        ready: dict[int, Future[None]] = {task.number: Future() for task in self.plan.tasks if task.number <= last}
        jobs = iter(sorted(faults, key=lambda fault: fault.task))  # shared: each worker takes the next one
        verdicts: dict[str, FaultVerdict] = {}
        self._drop_all()
        try:
            with ThreadPoolExecutor(WORKERS) as pool:
                staging = pool.submit(self._stage, ready)
                for worker in [pool.submit(self._work, number, jobs, ready, verdicts) for number in range(WORKERS)]:
                    worker.result()
                staging.result()
        finally:
            self._drop_all()
        return [verdicts[fault.name] for fault in faults]

    def _stage(self, ready: dict[int, "Future[None]"]) -> None:
        """Go through the tasks once on a scratch database, and keep its state before each."""
        try:
            embedded.fill(self.server, self.environment, STAGE)
            for number, future in ready.items():
                self._copy(STAGE, _template(number))
                task = self.plan.task(number)
                error = self._execute(nbformat.read(task.notebook, as_version=4), STAGE)
                if error:
                    raise StepFailed(f"Task {number} fails without any fault, so none can be injected: {error[1]}")
                self._share_dry_run(task)
                future.set_result(None)
        except BaseException as error:
            for future in ready.values():
                if not future.done():
                    future.set_exception(error)

    def _share_dry_run(self, task: Task) -> None:
        """Let the faults of a task share its dry run, which counts where its subject stays the same."""
        with self._ledger(STAGE) as stage, self._ledger(_template(task.number)) as template:
            notes = {name: value for name, value in stage.notes(STAGE, task.number).items() if _is_shared(name)}
            if notes:
                template.prepare()
                template.open_run(
                    STAGE, self.environment.name, "fault injection", fingerprint.plan_digest(self.plan), {}
                )
                template.start_task(STAGE, task.number)
                template.finish_task(STAGE, task.number, UNDONE)
                for name, value in notes.items():
                    template.write_note(STAGE, task.number, name, value)

    def _work(
        self, number: int, jobs: Iterator[Fault], ready: dict[int, "Future[None]"], verdicts: dict[str, FaultVerdict]
    ) -> None:
        database = f"injection_{number}"
        for fault in jobs:
            ready[fault.task].result()
            self._copy(_template(fault.task), database)
            verdict = self._inject(fault, database)
            verdicts[fault.name] = verdict
            sign = "✓" if verdict.result == CAUGHT else "✗"
            self.console.print(f"{sign} {verdict.result:<12} {fault.name} {verdict.found}", markup=False)

    def _inject(self, fault: Fault, database: str) -> FaultVerdict:
        task = self.plan.task(fault.task)
        error = self._execute(fault.seed(nbformat.read(task.notebook, as_version=4)), database)
        with self._ledger(database) as ledger:
            failed = [check for check in ledger.checks(database, fault.task) if not check.passed]
        if error is None:
            return FaultVerdict(fault, MISSED, "")
        kind, message = error
        caught = next((check for check in failed if check.name == fault.check), None)
        # A task that changes nothing goes on, and what it then cannot say follows from the fault.
        goes_on = not cells.changes_target(task.notebook)
        others = [check for check in failed if check != caught and not check.name.startswith(DELIVERED)]
        is_it = caught is not None and (goes_on or not others) and fault.trigger in ("", caught.trigger)
        if is_it and kind in {GateShut.__name__, NotAccepted.__name__}:  # a gate, not an error
            return FaultVerdict(fault, CAUGHT, "")
        found = f"{kind}: {message}"
        if others or (caught is None and failed):
            found = f"failed instead: {'; '.join(f'{check.name} ({check.trigger})' for check in others or failed)}"
        return FaultVerdict(fault, FALSE_ALARM, found)

    def _execute(self, notebook: Any, database: str) -> tuple[str, str] | None:
        """Execute a notebook on a scratch database; return the name of the error that stopped it, and its words."""
        code = [cell.source for cell in notebook.cells if cell.cell_type == "code"]
        # Two at once: each run with a name, and so with files, of its own.
        return forkserver.execute(
            code, self.plan.root / "notebooks", {RUN_VARIABLE: database}, {TARGET_NAME: self._target(database)}
        )

    def _target(self, database: str) -> Target:
        address = self.target.address.beside(database)
        return replace(Target.reached(address, self.target.schemas, self.target.written), is_copy=True)

    @contextmanager
    def _ledger(self, database: str) -> Iterator[Ledger]:
        with self._target(database).connect("runbook injection") as connection:
            yield Ledger(connection, self.plan.name)

    def _copy(self, source: str, target: str) -> None:
        embedded.drop(self.server, target)
        with self.target.connect("runbook injection") as connection:
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(copy.format(sql.Identifier(target), sql.Identifier(source)))

    def _drop_all(self) -> None:
        with self.target.connect("runbook injection") as connection:
            rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'injection\\_%'").fetchall()
        for (name,) in rows:
            with self._ledger(name) as ledger:  # it knows what was copied from it
                copies.sweep(ledger.connection)
            embedded.drop(self.server, name)  # the owner may not end an autovacuum there


def inject_faults(plan: Plan, environment: str, names: tuple[str, ...], console: Console) -> int:
    """Inject faults (all, or those named) and return the exit code; `faults.json` tells of the last time for all.

    Raises:
        UsageError: a name is no fault, or the environment is not embedded.
        StepFailed: a task fails without any fault.
    """
    faults = [fault for fault in read_faults(plan) if not names or fault.name in names]
    unknown = set(names) - {fault.name for fault in faults}
    if unknown:
        raise UsageError(f"There is no fault {sorted(unknown)[0]!r} in sql/faults.")
    scratch = Injection(plan, plan.environment(environment), console)
    if not faults:
        raise UsageError("There are no faults in sql/faults: nothing can be injected.")
    verdicts = scratch.inject(faults)
    counts = {result: sum(verdict.result == result for verdict in verdicts) for result in RESULTS}
    if not names:
        found = {
            "digest": fingerprint.plan_digest(plan),
            "counts": counts,
            "faults": [verdict.summary() for verdict in verdicts],
        }
        path = fingerprint.injection_record(plan, environment)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(_chart(plan, verdicts))
    console.print(" · ".join(f"{count} {result}" for result, count in counts.items()))
    return 0 if counts[CAUGHT] == len(verdicts) else 1


def _chart(plan: Plan, verdicts: list[FaultVerdict]) -> rich.table.Table:
    """Return a table of the tasks: how many faults were caught, missed and false alarms, and a bar of it."""
    table = rich.table.Table("Task", *RESULTS, "", box=rich.box.SIMPLE_HEAD)
    for task in plan.tasks:
        counts = Counter(verdict.result for verdict in verdicts if verdict.fault.task == task.number)
        if counts:
            bar = rich.text.Text.assemble(*(("█" * counts[result], style) for result, style in RESULTS.items()))
            table.add_row(f"{task.number} · {task.name}", *(str(counts[result]) for result in RESULTS), bar)
    return table


def _template(task: int) -> str:
    return f"injection_before_{task}"


def _is_shared(note: str) -> bool:
    return note.startswith(dry_run.NOTE) or note == dry_run.ESTIMATES
