"""One task on one target: what the cells of its notebook call."""

from collections.abc import Collection, Mapping
from functools import partial
from typing import Any

import pandas as pd
import psycopg

from runbook.database import snapshot
from runbook.database.embedded import state_folder
from runbook.database.surroundings import find_surroundings
from runbook.errors import NotAllowed
from runbook.notebook import dry_run, findings, names, rollback_end
from runbook.notebook.cell_command import run_command
from runbook.notebook.cell_order import CellOrder
from runbook.notebook.context import Context
from runbook.notebook.deliverables import Document, deliver
from runbook.notebook.gate import conclude_task, record_check, require_order, stop_task, told_together
from runbook.notebook.task_clock import TaskClock
from runbook.notebook.unchanged import unchanged
from runbook.plan.decisions import Decides
from runbook.policy import approval_required
from runbook.query import statistics, timing
from runbook.query.send import step_failure
from runbook.query.table import Table


class TaskSession(Context):
    """One task on one target, from `begin` to `conclude`.

    Attributes:
        clock: runs in the head of the notebook, where somebody looks at it.
        order: follows the cells of the notebook, where a kernel runs them.
    """

    clock: TaskClock | None = None
    order: CellOrder | None = None

    def check(self, name: str, found: Any, expected: str, *, ends: bool = False, **decides: str) -> None:
        """Compare what was found with what is expected; remember and show the verdict.

        Args:
            name: the check's name, unique in the task.
            found: rows (a frame counts as rows), a scalar, a measurement, a comparison or a refusal.
            expected: in the grammar of `runbook.query.expectation`.
            ends: where it fails it ends the task all the same, because nothing below could be asked.
            **decides: what it decides, in the plan's words: `criterion`, `trigger`, `deliverable`, `box`, and the kind
                of the quality `gate` it belongs to; see `Decides`.

        Raises:
            GateShut: it failed, and ends the task.
            UsageError: the plan has no such words, or the check decides nothing.
        """
        record_check(self, name, found, expected, Decides.from_words(decides), ends=ends)

    def deliver(self, name: str, said: str, document: Document = None, *, gate: str | None = None) -> None:
        """Deliver what the plan promises, with its figure and its document; see `runbook.notebook.deliverables`."""
        deliver(self, name, said, document, gate)

    def finding(self, kind: str, name: str, found: Table, what: str = "") -> None:
        """Remember a finding that decides nothing, a row for each thing it is about.

        Args:
            kind: a class of `runbook.plan.finding`.
            name: what it is called; later tasks find its rows under it, as they were before these changed anything.
            found: the rows; none is no finding. A column `what_to_do` says what helps.
            what: in words.
        """
        findings.remember(self, kind, name, found, what)

    @property
    def is_shut(self) -> bool:
        """Whether a check has failed, so that an expensive step can be left out."""
        return bool(self.failed)

    def measure(
        self,
        name: str,
        statement: str,
        samples: int = 200,
        persona: str | None = None,
        *,
        fresh: bool = False,
        until: str = "",
    ) -> statistics.Measurement:
        """Time a statement, each time rolled back, and remember the figures.

        Args:
            name: what the figure is called.
            statement: what is timed.
            samples: how many.
            persona: who runs it.
            fresh: whether each sample is the first call in a session of its own, which has nothing cached yet.
            until: how closely to know the median, as `< 25 % or 1 ms`; it is taken ten times as often at most.
        """
        if fresh:
            subject = timing.TimedStatement(statement.encode(), self._ready(persona))
            open_session = partial(self.target.connect, f"runbook {self.run_id} fresh")
            found = timing.measure_fresh(open_session, name, subject, samples)
        else:
            work = partial(timing.measure, self.connection, name, statement.encode(), samples, until)
            with told_together(self):
                found = self._in_probe(persona, statement, work)
        self.write(name, found.summary())
        return found

    def compare(
        self,
        name: str,
        before: str,
        after: str,
        *,
        samples: int = 200,
        persona: str | tuple[str, str] | None = None,
        setup: str = "",
        mode: str = "statement",
        until: str = "",
    ) -> statistics.Comparison:
        """Time two statements in pairs, each time rolled back, and remember the figures.

        Args:
            name: what the figure is called.
            before: the yardstick.
            after: what is held against it.
            samples: number of pairs.
            persona: who runs them, or a pair: who runs `before`, who `after`; roles change outside the timed region.
            setup: SQL run as the owner first, in the same rolled-back transaction.
            mode: what counts: `statement`, `prepared` or `request`; see `timing.MODES`.
            until: what they are held against: a slowdown is looked at ten times as closely before it counts.
        """
        earlier, later = persona if isinstance(persona, tuple) else (persona, persona)
        first = timing.TimedStatement(before.encode(), self._ready(earlier))
        second = timing.TimedStatement(after.encode(), self._ready(later))
        work = partial(timing.compare, self.connection, name, first, second, samples, mode, until)
        with told_together(self):
            found = self._in_probe(None, "", work, setup)
        self.write(name, found.summary())
        return found

    def access(
        self,
        statements: Mapping[str, str],
        declared: pd.DataFrame,
        before: Mapping[tuple[str, str], str] | None = None,
        narrowed: Collection[tuple[str, str]] = (),
    ) -> pd.DataFrame:
        """Try every statement as every persona and remember the matrix; see `SqlSession.access`."""
        found = super().access(statements, declared, before, narrowed)
        self.write("access", found.to_dict("records"))
        return found

    def back_up(self, tables: list[str], beside: list[str]) -> snapshot.Backup:
        """Back the tables up, restore the file elsewhere, compare, and remember where it is.

        Args:
            tables: whose rows are kept.
            beside: schemas outside the plan's own whose functions and types the tables may need.
        """
        path = state_folder(self.plan.root) / "backups" / self.environment.name / f"{self.run_id}.dump"
        around = find_surroundings(self.connection, self.target.schemas, beside)
        with self.writable():  # it makes a scratch database
            backup = snapshot.back_up(self.connection, self.target, tables, path, around)
        summary = {"file": path.name, "sha256": backup.sha256, "bytes": backup.size, "proven": backup.proven}
        self.write("backup", summary)
        return backup

    def dry_run(self, schemas: list[str], tables: list[str], *, ahead: bool = False) -> Table:
        """Make the dry run of this task on a copy; see `runbook.notebook.dry_run`.

        Args:
            schemas: whose functions and types a copy needs beside the plan's own schemas.
            tables: whose content must be as before after the way down.
            ahead: try every task that changes the target instead, one after the other.
        """
        numbers = dry_run.changing_tasks(self.plan) if ahead else [self.definition.number]
        with self.writable():  # it makes a scratch database
            try:
                return dry_run.dry_run(self, numbers, schemas, tables)
            except psycopg.Error as error:
                raise step_failure(error, "the dry run") from None

    def unchanged(self) -> Table:
        """Return what this task, which changes nothing, has left as it was; see `runbook.notebook.unchanged`."""
        return unchanged(self)

    def command(self, arguments: list[str], skip: str = "") -> None:
        """Run a command in the checkout and show what it said; with a reason in `skip`, say that instead.

        Raises:
            StepFailed: the command is not there, or its exit code is not 0.
        """
        run_command(arguments, self.plan.root, skip)

    def approval(self) -> dict[str, str] | None:
        """Return who authorized this migration here (`approver`, `statement`), or None.

        It counts for what it was given for (see `approval_required`): a change voids it, and so does a rejection.
        """
        return approval_required.approval(self)

    def authorize(self) -> dict[str, str]:
        """Return the approval of this very content (see `approval`).

        Raises:
            NotAllowed: there is none; the message says what has changed, and how to give it.
            GateShut: a check has failed, so there is nothing to authorize; the message says what else is lacking.
        """
        try:
            approval = approval_required.authorize(self)
        except NotAllowed as refusal:
            stop_task(self, str(refusal))
            raise
        stop_task(self)
        return approval

    def break_off(self, why: str) -> None:
        """Raise GateShut where checks failed before an error ended the task, and name it beside them."""
        stop_task(self, why)

    def taken_names(self, replaced: Collection[str]) -> Table:
        """Return the names that the plan is about to create and that exist already; see `runbook.notebook.names`."""
        return names.taken_names(self, replaced)

    def drop_made(self) -> Table:
        """Drop what this task has made, as far as it still exists; see `runbook.notebook.rollback_end`."""
        return rollback_end.drop_made(self).tables[-1]

    def conclude(self) -> None:
        """Show every success criterion and rollback trigger with its verdict, and decide the gate.

        Where the task is being reversed: prove that nothing of it is left; see `runbook.notebook.rollback_end`.

        Raises:
            GateShut: one is not as it must be, nothing decided it, or something was not given back.
        """
        try:
            if self.order:
                require_order(self, self.order)
            rollback_end.conclude_rollback(self) if self.undo else conclude_task(self)
        finally:
            if self.clock:
                self.clock.stop()

    def close(self) -> None:
        """Close both connections, and stop the clock."""
        if self.clock:
            self.clock.stop()
        super().close()
