"""How a run ends: its notebooks are compared with the expected results, and its `verify` cells are run again."""

from concurrent.futures import Future
from typing import TYPE_CHECKING, Any

import psycopg

from runbook.batch import background_jobs
from runbook.errors import RunbookError
from runbook.evidence import manifest
from runbook.evidence.drift import ReplayOutcome
from runbook.plan.plan import Task

if TYPE_CHECKING:
    from runbook.batch.execution import Execution


class Finalizer:
    """What is asked about a run while it goes on, and answered at its end."""

    def __init__(self, execution: "Execution", *, strict: bool, keep: bool) -> None:
        self.execution, self.strict, self.keep = execution, strict, keep
        self._compared: list[Future[Any]] = []
        self._again: Future[Any] | None = None

    def task(self, task: Task) -> None:
        """Have a completed task held against the expected results; where they are to be kept, only at the end."""
        if not self.keep:
            self._compare(task)

    def tasks(self, tasks: tuple[Task, ...]) -> None:
        """Have the `verify` cells run once more: what a later task has changed can not be held against the target."""
        if self.keep:
            for task in tasks:
                self._compare(task)
        run = self.execution
        about = {"run_id": run.run_id, "tasks": manifest.task_entries(run.plan, run.ledger, run.run_id, run.folder)}
        self._again = run.worker.submit(background_jobs.replay, run.plan, run.environment, run.folder, about)

    def comparison(self) -> dict[str, Any] | None:
        """Announce and return what the comparisons found; None where nothing is expected."""
        say = self.execution.announcer.say
        found = [one for future in self._compared if (one := future.result())]
        if not found:
            return None
        for one in found:
            for text in one["differences"]:
                say("difference", f"Differs from the expected results: {one['notebook']}, {text}", "red")
        mode, passed = "strict" if self.strict else "lax", all(one["passed"] for one in found)
        cells = sum(one["compared"] for one in found)
        if passed and cells:
            say("expected", f"Outputs equal the expected results ({cells} cells compared, {mode}).")
        return {"mode": mode, "passed": passed, "notebooks": found}

    def held(self) -> dict[str, Any] | None:
        """Announce and return what still held at the end; None where the run stopped before it."""
        if self._again is None:
            return None
        say = self.execution.announcer.say
        try:
            outcome: ReplayOutcome = self._again.result()
        except (RunbookError, psycopg.Error) as error:
            say("issue", f"The verify cells could not be run again: {error}", "yellow")
            return None
        for drift in outcome.drifts:
            say("superseded", f"No longer so at the end: {drift.words}", "yellow", task=drift.task)
        say("held", f"Run again at the end, read-only: {outcome.words()}.")
        return outcome.summary()

    def _compare(self, task: Task) -> None:
        name = task.notebook.name
        wanted = self.execution.plan.root / "outputs" / "expected" / name
        executed = self.execution.folder / name
        self._compared.append(
            self.execution.worker.submit(background_jobs.compare_expected, executed, wanted, self.strict, self.keep)
        )
