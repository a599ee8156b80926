"""One execution on one target: it holds the lock, keeps the ledger and the folder, and runs notebooks one by one.

A run, a rollback and a finish are executions.
"""

import os
from collections.abc import Mapping
from concurrent.futures import Future
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import nbformat
import papermill
from papermill.exceptions import PapermillExecutionError
from papermill.iorw import LocalHandler, papermill_io
from rich.console import Console

from runbook import errors
from runbook.batch import background_jobs
from runbook.batch.announcer import Announcer, TaskWatch
from runbook.batch.webhook import Webhook
from runbook.database import claims, clocks, copies, environments, lock, poolers, seals
from runbook.database.identity import HOLDER_VARIABLE, RUN_VARIABLE, operator
from runbook.database.ledger import UNDONE, Ledger
from runbook.errors import Interrupted, with_advice
from runbook.evidence import manifest, notebooks, seal, signature, store
from runbook.evidence.gate_rows import ADVICE
from runbook.evidence.model import Failure
from runbook.kernels import engine
from runbook.kernels.background import BackgroundProcess
from runbook.plan import fingerprint
from runbook.plan.plan import Plan, Task
from runbook.policy import confirmation


class _Whole(LocalHandler):  # type: ignore[misc]
    """How papermill writes a notebook: the file is there as a whole, or as it was."""

    def write(self, buf: str, path: str) -> None:
        """Write it whole or not at all."""
        manifest.write_whole(Path(path), buf)


papermill_io.register("/", _Whole())


class Execution:
    """Holds the lock on a target while notebooks run against it.

    Attributes:
        previous: the head of the newest seal of a run that is resumed; None for a new run.
    """

    def __init__(self, plan: Plan, environment: str, console: Console, confirm: str = "") -> None:
        self.plan, self.environment, self.confirm = plan, plan.environment(environment), confirm
        signature.require_signing()
        store.require_store()
        self.run_id = f"{datetime.now(UTC):%Y%m%dT%H%M%S.%f}"[:-3] + "Z"
        self.target = environments.find(plan, self.environment)
        connection = self.target.connect(f"runbook {self.run_id} batch")
        with self.target.connect(f"runbook {self.run_id} other") as other:
            poolers.require_sessions(connection, other, self.environment)
        self.ledger = Ledger(connection, plan.name)
        shown = manifest.shown_target(plan, self.environment)
        claims.require_own(connection, plan.name, self.environment, self.target, shown)
        lock.take(connection, plan.name)
        clocks.require_forward(connection, self.run_id)
        self.console = console
        for line in copies.sweep(connection):
            console.print(line, markup=False)
        self.worker = BackgroundProcess()
        self._printer = BackgroundProcess()
        self._printer.submit(os.nice, 10)  # a page can wait
        self._pages: dict[Path, Future[Path]] = {}
        self.previous: str | None = None

    def open(self, given: Mapping[str, Any], count: int, kind: str = "run") -> Self:
        """Make the folder, the journal and the first kernel; remember the run in the ledger."""
        self.folder = manifest.make_folder(self.plan, self.environment, self.run_id)
        about = {"environment": self.environment.name, "run_id": self.run_id}
        webhook = Webhook.from_environment(about)
        self.announcer = Announcer(self.plan, self.folder / manifest.JOURNAL, self.console, webhook)
        digest = fingerprint.plan_digest(self.plan)
        self.ledger.open_run(self.run_id, self.environment.name, operator(), digest, dict(given), kind)
        seal.set_aside(self.folder)
        self.announcer.event("run", f"{self.plan.title} on {self.environment.name}", run_id=self.run_id, digest=digest)
        backend = poolers.backend(self.ledger.connection)
        identity = {RUN_VARIABLE: self.run_id, HOLDER_VARIABLE: str(backend), confirmation.VARIABLE: self.confirm}
        self.kernels = engine.Kernels(self.plan.root / "notebooks", identity, count)
        self.kernels.prepare()
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.kernels.close()
        if error is not None:
            words = " ".join(str(error).split()) or type(error).__name__
            with suppress(OSError):  # on a full disk the journal fails as well; the operator is told by what is raised
                self.announcer.say("escalation", f"ESCALATION · The run broke off: {words}", "bold red", reason="error")
                self.announcer.close()
            self.finish_pages()

    def tell(self, message: str, style: str = "red") -> None:
        """Print a message that the journal no longer takes, because the run is over."""
        self.console.print(message, style=style, markup=False, highlight=False, soft_wrap=True)

    def finish_pages(self) -> None:
        """Wait until every page is written, those of notebooks from before a resume as well; say which could not be."""
        for path in sorted({*self.folder.glob("*.ipynb")} - self._pages.keys()):
            self._pages[path] = self._printer.submit(background_jobs.render_page, path)
        self._printer.close()
        for page in self._pages.values():
            if problem := page.exception():  # a page that is missing changes nothing of the result
                self.announcer.say("page", f"A page could not be written: {problem}", "red")

    def notebook(self, task: Task, notebook: Any, target: Path, given: Mapping[str, Any], done: str) -> Failure | None:
        """Execute a notebook under watch and return why it stopped, or None.

        Args:
            task: the task it belongs to.
            notebook: what to execute; it is parameterized first.
            target: where the executed notebook goes.
            given: parameters.
            done: the status the ledger must show afterwards; papermill's own word is not believed.
        """
        failure, self._place = None, 0
        with self.announcer.task(task, is_back=done == UNDONE) as watch:
            try:
                self._papermill(notebook, target, given, watch)
            except PapermillExecutionError as error:
                failure = self._stopped(task, error)
            except KeyboardInterrupt:
                failure = self.interrupted(task)
            except Exception as error:  # whatever a dead kernel or a full disk raises
                failure = Failure(task.number, type(error).__name__, f"The notebook stopped: {error}")
        state = self.ledger.states().get(task.number)
        if failure is None and (state is None or state.run_id != self.run_id or state.status != done):
            failure = Failure(task.number, "StepFailed", "The notebook ended before its gate was decided.")
        if target.exists():
            if failure:
                with suppress(OSError, ValueError):  # a full disk leaves half a notebook: there is nothing to mark
                    notebooks.mark_stop(target, self._place, failure.message)
            seals.keep_notebook(self.ledger, self.run_id, task.number, manifest.file_digest(target))
            self._pages[target] = self._printer.submit(background_jobs.render_page, target)
        return failure

    def interrupted(self, task: Task) -> Failure:
        """Return why a run stops that somebody ends by a signal."""
        return Failure(task.number, Interrupted.__name__, "The run was interrupted by the operator.")

    def _stopped(self, task: Task, error: PapermillExecutionError) -> Failure:
        """Return why a cell stopped its notebook, and what to do next, which the cell has written into the ledger."""
        advice = str(self.ledger.notes(self.run_id, task.number).get(ADVICE, ""))
        return Failure(task.number, error.ename, _said(error).removesuffix(with_advice(advice)), advice)

    def _papermill(self, notebook: Any, target: Path, given: Mapping[str, Any], watch: TaskWatch) -> None:
        steps = notebooks.headings(notebook)
        total = sum(cell.cell_type == "code" for cell in notebook.cells)
        done = 0

        def on_cell(index: int) -> None:
            nonlocal done
            watch.cell(min(done, total - 1), total, steps[min(index, len(steps) - 1)])
            self._place = index
            done += 1

        papermill.execute_notebook(
            nbformat.from_dict(notebook),
            str(target),
            parameters=dict(given),
            engine_name=engine.ENGINE,
            kernel_name="python3",
            progress_bar=False,
            kernels=self.kernels,
            on_cell=on_cell,
            on_update=watch.update,
        )


def _said(error: PapermillExecutionError) -> str:
    """Return the words of an error; one of Python's own says little without its name."""
    words: str = error.evalue
    return words if hasattr(errors, error.ename) else f"{error.ename}: {words}"
