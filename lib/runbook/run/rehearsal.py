"""The rehearsal: every seeded fault on a scratch copy, and whether the very check that must catch it does.

The state before each task is kept as a template database; a fault costs one copy of it and one notebook.
"""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
import papermill
import psycopg
from papermill.exceptions import PapermillExecutionError
from psycopg import sql
from psycopg.conninfo import make_conninfo
from rich.console import Console

from runbook import content
from runbook.errors import StepFailed, UsageError
from runbook.plan import Environment, Plan, Task
from runbook.run import kernels
from runbook.run.faults import Fault, read
from runbook.target import embedded
from runbook.target.environments import DATABASE_VARIABLE
from runbook.target.ledger import Ledger

WORKERS = 2
CAUGHT, MISSED, FALSE_ALARM = "caught", "missed", "false alarm"


@dataclass(frozen=True)
class Verdict:
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


class Rehearsal:
    """Scratch databases on the embedded server, and the notebooks run in them."""

    def __init__(self, plan: Plan, environment: Environment, console: Console) -> None:
        if environment.server != "embedded":
            raise UsageError(
                f"A rehearsal needs scratch copies it may break; {environment.name!r} is somebody's database. "
                "Rehearse on an embedded environment."
            )
        self.plan, self.environment, self.console = plan, environment, console
        self.server = embedded.start(plan.root)
        self.owner = make_conninfo(embedded.provide(plan.root, environment), dbname="postgres")

    def run(self, faults: list[Fault]) -> list[Verdict]:
        """Rehearse the faults and return a verdict each, in their order."""
        needed = {fault.task for fault in faults}
        jobs = iter(faults)  # shared: each worker takes the next one
        verdicts: dict[str, Verdict] = {}
        try:
            self._make_templates([task for task in self.plan.tasks if task.number <= max(needed)])
            with ThreadPoolExecutor(WORKERS) as pool:
                workers = [pool.submit(self._work, number, jobs, len(faults), verdicts) for number in range(WORKERS)]
                for worker in workers:
                    worker.result()
        finally:
            self._drop_all()
        return [verdicts[fault.name] for fault in faults]

    def _work(self, number: int, jobs: Iterator[Fault], count: int, verdicts: dict[str, Verdict]) -> None:
        database = f"rehearsal_{number}"
        warm = kernels.Kernels(self.plan.root / "notebooks", self._kernel_environment(database), count)
        try:
            for fault in jobs:
                self._copy(_template(fault.task), database)
                verdict = self._rehearse(fault, database, warm)
                verdicts[fault.name] = verdict
                sign = "✓" if verdict.result == CAUGHT else "✗"
                self.console.print(f"{sign} {verdict.result:<12} {fault.name} {verdict.found}", markup=False)
        finally:
            warm.close()

    def _rehearse(self, fault: Fault, database: str, warm: kernels.Kernels) -> Verdict:
        task = self.plan.task(fault.task)
        error = self._execute(fault.seed(nbformat.read(task.notebook, as_version=4)), warm)
        with psycopg.connect(make_conninfo(self.owner, dbname=database), autocommit=True) as connection:
            checks = Ledger(connection, self.plan.name).checks(database, fault.task)
        failed = [check for check in checks if not check.passed]
        if [check.name for check in failed] == [fault.check] and (
            not fault.trigger or failed[0].trigger == fault.trigger
        ):
            return Verdict(fault, CAUGHT, "")
        if failed:
            return Verdict(fault, FALSE_ALARM, f"failed instead: {failed[0].name} ({failed[0].trigger})")
        return Verdict(fault, MISSED if error is None else FALSE_ALARM, error or "")

    def _execute(self, notebook: Any, warm: kernels.Kernels) -> str | None:
        """Execute a notebook and return its error, or None."""
        with TemporaryDirectory() as folder:
            try:
                papermill.execute_notebook(
                    notebook,
                    str(Path(folder) / "rehearsal.ipynb"),
                    engine_name=kernels.ENGINE,
                    kernel_name="python3",
                    progress_bar=False,
                    kernels=warm,
                    on_cell=lambda index: None,
                )
            except PapermillExecutionError as error:
                return f"{error.ename}: {error.evalue}"
        return None

    def _make_templates(self, tasks: list[Task]) -> None:
        """Go through the tasks once on a scratch database, and keep its state before each."""
        stage = "rehearsal_stage"
        self._drop_all()
        embedded.fill(self.server, self.environment, stage)
        warm = kernels.Kernels(self.plan.root / "notebooks", self._kernel_environment(stage), len(tasks))
        try:
            for task in tasks:
                self._copy(stage, _template(task.number))
                error = self._execute(nbformat.read(task.notebook, as_version=4), warm)
                if error:
                    raise StepFailed(
                        f"Task {task.number} fails without any fault, so nothing can be rehearsed: {error}"
                    )
        finally:
            warm.close()

    def _copy(self, source: str, target: str) -> None:
        embedded.drop(self.server, target)
        with psycopg.connect(self.owner, autocommit=True) as connection:
            copy = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY file_copy")
            connection.execute(copy.format(sql.Identifier(target), sql.Identifier(source)))

    def _drop_all(self) -> None:
        with psycopg.connect(self.owner, autocommit=True) as connection:
            rows = connection.execute("SELECT datname FROM pg_database WHERE datname LIKE 'rehearsal\\_%'").fetchall()
        for (name,) in rows:
            embedded.drop(self.server, name)  # the owner may not end an autovacuum there

    def _kernel_environment(self, database: str) -> dict[str, str]:
        return {"RUNBOOK_RUN": database, DATABASE_VARIABLE: database}  # two at once: each with files of its own


def run(plan: Plan, environment: str, names: tuple[str, ...], console: Console) -> int:
    """Rehearse faults (all, or those named) and return the exit code; `rehearsal.json` tells of the last time for all.

    Raises:
        UsageError: a name is no fault, or the environment cannot be rehearsed on.
        StepFailed: a task fails without any fault.
    """
    faults = [fault for fault in read(plan) if not names or fault.name in names]
    unknown = set(names) - {fault.name for fault in faults}
    if unknown:
        raise UsageError(f"There is no fault {sorted(unknown)[0]!r} in sql/faults.")
    scratch = Rehearsal(plan, plan.environment(environment), console)
    if not faults:
        raise UsageError("There are no faults in sql/faults: nothing can be rehearsed.")
    verdicts = scratch.run(faults)
    counts = {result: sum(verdict.result == result for verdict in verdicts) for result in (CAUGHT, MISSED, FALSE_ALARM)}
    if not names:
        found = {"digest": plan.digest(), "counts": counts, "faults": [verdict.summary() for verdict in verdicts]}
        path = content.rehearsal(plan, environment)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    console.print(" · ".join(f"{count} {result}" for result, count in counts.items()))
    return 0 if counts[CAUGHT] == len(verdicts) else 1


def _template(task: int) -> str:
    return f"rehearsal_before_{task}"
