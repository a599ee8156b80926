"""The batch: the plan's notebooks in sequence, each behind its gate, with evidence whatever happens."""

import json
import threading
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError
from rich.console import Console

from runbook import parameters
from runbook.errors import NotAllowed, RunbookError, StepFailed, UsageError, exit_code_of
from runbook.plan import Environment, Plan, Task
from runbook.run import evidence, expected, kernels, pages, report
from runbook.run.announce import Announcer, Watch
from runbook.step.session import RUN_VARIABLE, operator
from runbook.target import environments
from runbook.target.ledger import DONE, Ledger


@dataclass(frozen=True)
class Request:
    """What a run was asked to do.

    Attributes:
        first: number of the first task, None for the plan's first.
        last: number of the last task, None for the plan's last.
        given: parameters for the notebooks, by name.
        resume: go on with the newest run of the environment where it stopped.
        keep_expected: make this run's notebooks the expected results.
    """

    environment: str = "local"
    first: int | None = None
    last: int | None = None
    given: Mapping[str, Any] | None = None
    resume: bool = False
    keep_expected: bool = False


@dataclass(frozen=True)
class Failure:
    """Why a run stopped."""

    task: Task
    kind: str
    message: str

    @property
    def exit_code(self) -> int:
        """The exit code this failure means."""
        return exit_code_of(self.kind)


class Run:
    """One run of the batch on one target, from lock to report."""

    def __init__(self, plan: Plan, request: Request, console: Console) -> None:
        self.plan, self.request = plan, request
        self.environment = plan.environment(request.environment)
        self.tasks = plan.between(request.first, request.last)
        self.given = dict(request.given or {})
        validate(self.tasks, self.given)
        self.run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
        connection = environments.connect(plan, self.environment, f"runbook {self.run_id} batch")
        self.ledger = Ledger(connection, plan.name)
        self.ledger.prepare(plan.root / "sql" / "ledger.sql")
        self.ledger.lock()
        self.is_fresh = not self.ledger.states()
        if request.resume:
            self._take_up()
        self._must_be_allowed()
        self.folder = evidence.folder_of(plan, self.environment, self.run_id)
        self.announcer = Announcer(plan, self.folder / evidence.JOURNAL, console)

    def execute(self) -> int:
        """Run the tasks and write the evidence; return the exit code."""
        digest = self.plan.digest()
        self.ledger.open_run(self.run_id, self.environment.name, operator(), digest, self.given)
        self.announcer.event("run", f"{self.plan.title} on {self.environment.name}", run_id=self.run_id, digest=digest)
        failure: Failure | None = None
        with ThreadPoolExecutor(1) as pool:
            rendering: list[Future[Path]] = []
            warm = kernels.Kernels(self.plan.root / "notebooks", {RUN_VARIABLE: self.run_id}, len(self.tasks))
            try:
                warm.prepare()
                for task in self.tasks:
                    failure = self._run_task(task, warm)
                    if (notebook := self.folder / task.notebook.name).exists():
                        rendering.append(pool.submit(pages.render, notebook))
                    if failure:
                        break
            finally:
                warm.close()
            for page in rendering:
                page.result()
        return self._conclude(failure)

    def _run_task(self, task: Task, warm: kernels.Kernels) -> Failure | None:
        target = self.folder / task.notebook.name
        with self.announcer.task(task) as watch:
            failure = None
            try:
                self._papermill(task, target, warm, watch)
            except PapermillExecutionError as error:
                failure = Failure(task, error.ename, error.evalue)
            except KeyboardInterrupt:
                failure = Failure(task, "Interrupted", "The run was interrupted by the operator.")
            except Exception as error:  # whatever a dead kernel or a full disk raises
                failure = Failure(task, type(error).__name__, f"The notebook stopped: {error}")
        # papermill calls a dead kernel and sys.exit(0) complete: the ledger decides.
        state = self.ledger.states().get(task.number)
        if failure is None and (state is None or state.run_id != self.run_id or state.status != DONE):
            failure = Failure(task, "StepFailed", "The notebook ended before its gate was decided.")
        if failure is None:
            self.announcer.complete(task)
        else:
            self._announce(failure)
        return failure

    def _papermill(self, task: Task, target: Path, warm: kernels.Kernels, watch: Watch) -> None:
        notebook = nbformat.read(task.notebook, as_version=4)
        steps, total = headings(notebook), sum(cell.cell_type == "code" for cell in notebook.cells)
        known = declared(task)
        given = {name: value for name, value in self.given.items() if name in known}
        if self.environment.name != known["environment"].default:
            given["environment"] = self.environment.name
        done = 0

        def on_cell(index: int) -> None:
            nonlocal done
            watch.cell(min(done, total - 1), total, steps[min(index, len(steps) - 1)])
            done += 1

        papermill.execute_notebook(
            str(task.notebook),
            str(target),
            parameters=given,
            engine_name=kernels.ENGINE,
            kernel_name="python3",
            progress_bar=False,
            kernels=warm,
            on_cell=on_cell,
        )

    def _announce(self, failure: Failure) -> None:
        self.ledger.finish_task(self.run_id, failure.task.number, "failed")
        command = f"runbook run --environment {self.environment.name} --resume"
        self.announcer.issue(failure.task, failure.message, f"look at the notebook, mend the cause, then `{command}`")
        reason = "trigger" if "rollback trigger" in failure.message else "error"
        if failure.kind == "NotAllowed":
            reason = "input"
        self.announcer.escalate(failure.task, reason, f"Task {failure.task.number} stopped the run. {failure.message}")

    def _conclude(self, failure: Failure | None) -> int:
        comparison = self._compare() if failure is None else None
        differs = comparison is not None and not comparison["passed"]
        self.ledger.close_run(self.run_id, "failed" if failure or differs else DONE)
        manifest = evidence.manifest(self.plan, self.environment, self.ledger, self.run_id, self.folder)
        manifest["comparison"] = comparison
        if failure:
            manifest["failure"] = {
                "task": failure.task.number,
                "name": failure.kind,
                "message": failure.message,
                "next": f"runbook run --environment {self.environment.name} --resume",
            }
        evidence.write(self.folder, manifest)
        report.build(self.folder, self.plan)
        if failure is None and comparison:
            self._say_comparison(comparison)
        status = "failed" if failure or differs else "complete"
        self.announcer.say("end", f"Run {self.run_id} {status} · evidence: {self.folder}", run_id=self.run_id)
        self.ledger.connection.close()
        if failure:
            return failure.exit_code
        return 1 if differs else 0

    def _compare(self) -> dict[str, Any] | None:
        store = self.plan.root / "outputs" / "expected"
        if self.request.keep_expected:
            for task in self.tasks:
                expected.keep(self.folder / task.notebook.name, store / task.notebook.name)
        # Only a fresh demonstration with the default parameters must give the very same outputs.
        strict = self.environment.server == "embedded" and self.is_fresh and not self.given
        tasks = [task for task in self.tasks if (store / task.notebook.name).exists()]
        if not tasks:
            return None
        found = [
            expected.compare(self.folder / task.notebook.name, store / task.notebook.name, strict=strict)
            for task in tasks
        ]
        return {
            "mode": "strict" if strict else "lax",
            "passed": all(one.passed for one in found),
            "notebooks": [one.summary() for one in found],
        }

    def _say_comparison(self, comparison: dict[str, Any]) -> None:
        wrong = [(one["notebook"], text) for one in comparison["notebooks"] for text in one["differences"]]
        if not wrong:
            cells = sum(one["compared"] for one in comparison["notebooks"])
            self.announcer.say("expected", f"Outputs equal the expected results ({cells} cells, {comparison['mode']}).")
        for notebook, text in wrong:
            self.announcer.say("difference", f"Differs from the expected results: {notebook}, {text}", "red")

    def _take_up(self) -> None:
        """Become the unfinished run: its identity, its parameters, from the first task it did not complete."""
        run_id = self.ledger.unfinished_run(self.environment.name)
        if run_id is None:
            raise UsageError(f"There is nothing to resume on {self.environment.name!r}: its last run ended well.")
        ended = self.ledger.end_leftovers(run_id)
        self.run_id = run_id
        given = self.ledger.run(run_id)["parameters"]
        self.given = {name: value for name, value in given.items() if name != "environment"} | self.given
        done = {state["number"] for state in self.ledger.tasks_of(run_id) if state["status"] == DONE}
        self.tasks = tuple(task for task in self.tasks if task.number not in done)
        if ended:
            Console(stderr=True).print(f"Ended {ended} session(s) the dead run had left on the server.")

    def _must_be_allowed(self) -> None:
        states, done = self.ledger.states(), set()
        for task in self.tasks:
            for number in task.needs:
                state = states.get(number)
                if number not in done and (state is None or state.status != DONE):
                    raise NotAllowed(
                        f"Task {task.number} needs Task {number} complete on {self.environment.name!r}: "
                        f"run `runbook run --environment {self.environment.name} --from {number}`."
                    )
            done.add(task.number)


def run(plan: Plan, request: Request, console: Console) -> int:
    """Run the batch and return the exit code.

    Raises:
        UsageError: a parameter, the plan or the environment is wrong; nothing was run.
        NotAllowed: a dependency or the lock forbids it; nothing was run.
    """
    return Run(plan, request, console).execute()


def declared(task: Task) -> dict[str, parameters.Parameter]:
    """Return the parameters a task's notebook declares.

    Raises:
        UsageError: the notebook is missing, or has no cell tagged `parameters`.
    """
    try:
        cells = json.loads(task.notebook.read_text(encoding="utf-8"))["cells"]
    except FileNotFoundError:
        raise UsageError(f"The notebook of task {task.number} is missing: {task.notebook}.") from None
    for cell in cells:
        if "parameters" in cell["metadata"].get("tags", []):
            return parameters.declared("".join(cell["source"]))
    raise UsageError(f"{task.notebook.name} has no cell tagged 'parameters'.")


def validate(tasks: tuple[Task, ...], given: Mapping[str, Any]) -> None:
    """Check parameters before anything runs: each must be known to a notebook and of its type there.

    Raises:
        UsageError: naming the first that is not.
    """
    known: dict[str, parameters.Parameter] = {}
    for task in tasks:
        known.update(declared(task))
    if "environment" in given:
        raise UsageError("Give the environment by --environment, not as a parameter.")
    parameters.check(known, given, f"This run (tasks {tasks[0].number} to {tasks[-1].number})")


def headings(notebook: Any) -> list[str]:
    """Return, for every cell, the heading it stands under."""
    current, found = "", []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("#"):
                    current = line.lstrip("# ")
        found.append(current)
    return found
