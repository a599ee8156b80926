"""What a task works with: its definition, its parameters, its target and the ledger there."""

import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from runbook.database import as_found, environments, ledger, snapshot
from runbook.database.identity import HOLDER_VARIABLE
from runbook.database.target import Target
from runbook.errors import StepFailed
from runbook.notebook import recording
from runbook.plan import fingerprint, plan
from runbook.plan.changes import OF_THE_SESSION
from runbook.plan.finding import Finding
from runbook.policy import approval_required
from runbook.query import session_record
from runbook.query.send import SqlAnswer
from runbook.query.sql_session import SqlSession
from runbook.query.table import Table


class Context(SqlSession):
    """A session on one target for one task.

    Attributes:
        parameters: the notebook's parameters, by name.
        undo: whether the task is being reversed.
        is_first: whether the task has left nothing here so far.
        target: the database it works on; a copy is one, too.
        findings: what its cells found about the target, in order.
        failed: of these, what its failed checks found, each with the rollback trigger it fires.
        found: the state of the target as a task found it that changes nothing; None: it may change it.
        starts_from: what the tasks it needs have left, in words.
        shows_preparation: whether the conditions of preparation are shown already.
    """

    shows_preparation = False
    is_first = True
    found: Any = None

    def __init__(
        self,
        definition: plan.Task,
        whole: plan.Plan,
        run_id: str,
        given: Mapping[str, Any],
        names: dict[str, Any],
        *,
        undo: bool = False,
        target: Target | None = None,
    ) -> None:
        self.definition, self.plan, self.run_id, self.undo = definition, whole, run_id, undo
        self.parameters = dict(given)
        self.environment = whole.environment(self.parameters["environment"])
        self.findings: list[Finding] = []
        self.failed: list[tuple[Finding, str | None]] = []
        self.starts_from: list[str] = []
        self._kept = 0
        name = f"runbook {run_id} task {definition.number}"
        self.target = target or environments.find(whole, self.environment)
        self.ledger = ledger.Ledger(self.target.connect(f"{name} ledger"), whole.name)
        super().__init__(self.target.connect(name), names)

    def apply(self, text: str) -> SqlAnswer:
        """Send SQL that may change the schema, and write down what it makes, changes and drops.

        Both in one transaction, but where the text will not run in one, such as VACUUM: then right after it.

        Raises:
            StepFailed: the server refused, with what it said; nothing was done and nothing written down.
        """
        return recording.apply(self, self.ledger, self.definition.number, text)

    def concurrently(self, text: str) -> Table:
        """Build and drop indexes, each outside a transaction, and write down which; see `SqlSession.concurrently`."""
        return recording.concurrently(self, self.ledger, self.definition.number, text, super().concurrently)

    def write(self, name: str, value: Any) -> None:
        """Remember a value (anything JSON can hold, or a table) in the ledger."""
        if isinstance(value, Table):
            value = json.loads(json.dumps(value.summary(), default=float))
        self.ledger.write_note(self.run_id, self.definition.number, name, value)

    def note(self, name: str, found: Table) -> None:
        """Remember a table in the ledger; of a single row its values by column, so that two moments can be compared."""
        rows = list(found.dicts())
        value: Any = rows[0] if len(rows) == 1 else rows
        self.write(name, json.loads(json.dumps(value, default=float)))

    @property
    def is_of_batch(self) -> bool:
        """Whether a batch executes this task, rather than a person; a batch knows the parameters of the whole run."""
        return HOLDER_VARIABLE in os.environ

    def keep(self, name: str, value: Any) -> None:
        """Remember something as it was found, for later tasks, until these are rolled back."""
        as_found.keep(self.ledger, self.definition.number, name, value)

    def as_found(self, name: str) -> Any:
        """Return what was found under a name before anything was changed; an empty list where nothing was kept."""
        return as_found.kept(self.ledger, name)

    def describe_plan(self) -> None:
        """Make readable in SQL what the plan says: its name, and what columns hold (pattern → content)."""
        self.setting("plan", self.plan.name)
        self.setting("classification", json.dumps(self.plan.classification))

    def content(self) -> fingerprint.Parts:
        """Return the content of this task, which is compared with what was approved."""
        return approval_required.content(self)

    def keep_record(self) -> None:
        """Remember the record of this session in the ledger, if it has grown."""
        size = len(self.record.settings) + len(self.record.personas)
        if size != self._kept:
            self.write(session_record.NOTE, self.record.summary())
            self._kept = size

    def read(self, name: str) -> Any:
        """Return the value last written under a name by any task.

        Raises:
            StepFailed: none has.
        """
        value = self.ledger.read_note(name)
        if value is None:
            raise StepFailed(f"The ledger holds no {name!r}: the step that writes it has not run on this target.")
        return value

    def send(self, text: str, then: Callable[[], None] | None = None) -> SqlAnswer:
        """Send SQL as it stands; a task that changes nothing may make no more than temporary objects of its own.

        Raises:
            StepFailed: the server refused, with what it said.
        """
        if self.found and OF_THE_SESSION.search(text):
            with self.writable():
                return super().send(text, then)
        return super().send(text, then)

    @contextmanager
    def writable(self) -> Iterator[None]:
        """Let the read-only session of a task write its own things for a while: temporary views, a scratch database."""
        if self.found:
            self.connection.execute("SET default_transaction_read_only = off")
        try:
            yield
        finally:
            if self.found and not self.connection.closed:
                self.connection.execute("SET default_transaction_read_only = on")

    def digest(self, table: str) -> str:
        """Return the digest of a table: equal content, equal digest, whatever the order of rows."""
        found = snapshot.digest(self.connection, table)
        return f"{found.rows}:{found.digest}"

    def schema(self) -> str:
        """Return the definition of everything in the target's schemas, as pg_dump writes it."""
        return snapshot.schema_dump(self.target)

    def close(self) -> None:
        """Close both connections; what a cell left open is rolled back by the server."""
        self.connection.close()
        self.ledger.connection.close()
