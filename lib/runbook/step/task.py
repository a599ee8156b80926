"""One task on one target: what the cells of its notebook call."""

import subprocess
from collections.abc import Mapping
from functools import partial
from typing import Any

import pandas as pd
import psycopg
from psycopg import sql

from runbook import plan
from runbook.errors import StepFailed, UsageError
from runbook.step import access, gate, indexes, measurement, plans, record, timing, transport
from runbook.step.checks import Refused
from runbook.step.display import Table
from runbook.step.transport import Persona
from runbook.target import environments, ledger, snapshot
from runbook.target.embedded import state_folder

OWNER = Persona()


class Task:
    """One task on one target, from `begin` to `conclude`.

    Attributes:
        connection: the session the cells run in, autocommit.
        parameters: the notebook's parameters, by name.
        names: the notebook's own names: what `%%sql name <<` writes to.
        undo: whether the task is being reversed.
        record: what was made readable in SQL and who was named, for running the SQL again later.
    """

    def __init__(
        self,
        definition: plan.Task,
        whole: plan.Plan,
        run_id: str,
        given: Mapping[str, Any],
        names: dict[str, Any],
        *,
        undo: bool = False,
    ) -> None:
        self.definition, self.plan, self.run_id, self.undo = definition, whole, run_id, undo
        self.parameters = dict(given)
        self.environment = whole.environment(self.parameters["environment"])
        self.personas: dict[str, Persona] = {}
        self.names = names
        self.record, self._kept = record.Record(), 0
        name = f"runbook {run_id} task {definition.number}"
        self.ledger = ledger.Ledger(environments.connect(whole, self.environment, f"{name} ledger"), whole.name)
        self.connection = environments.connect(whole, self.environment, name)

    def persona(self, name: str, role: str, **settings: str) -> None:
        """Name somebody whom `%%sql --as` and `-- as:` can act as.

        Args:
            name: how cells call them.
            role: the database role taken.
            **settings: settings taken, `__` standing for a dot: `request__jwt__claims='{…}'`.
        """
        self.personas[name] = Persona(role, tuple((key.replace("__", "."), value) for key, value in settings.items()))
        self.record.personas.append((self._cell(), name, self.personas[name]))

    def acting(self, name: str | None) -> Persona:
        """Return the persona with this name; None is the owner.

        Raises:
            UsageError: nobody has that name.
        """
        if name is None:
            return OWNER
        if name not in self.personas:
            raise UsageError(f"Nobody is named {name!r}: there are {', '.join(self.personas) or 'no personas'}.")
        return self.personas[name]

    def setting(self, name: str, value: object) -> None:
        """Make a value readable in SQL as current_setting('runbook.<name>')."""
        text = transport.as_setting(value)
        self.connection.execute("SELECT set_config(%s, %s, false)", [f"runbook.{name}", text])
        self.record.settings.append((self._cell(), name, text))

    def rows(self, query: str) -> Table:
        """Return what a query returns (the last statement, where there are several).

        Raises:
            StepFailed: the server refused, or nothing was returned.
        """
        tables = self.send(query).tables
        if not tables:
            raise StepFailed("The query returned no rows to read; end it with a SELECT.")
        return tables[-1]

    def frame(self, query: str) -> pd.DataFrame:
        """Return what a query returns as a DataFrame, a column each."""
        table = self.rows(query)
        return pd.DataFrame(list(table), columns=table.field_names)

    def value(self, query: str) -> Any:
        """Return the single value a query returns.

        Raises:
            StepFailed: it returned more or less than one.
        """
        table = self.rows(query)
        if len(table) != 1 or len(table[0]) != 1:
            raise StepFailed(f"One value was expected, but the query returned {len(table)} rows.")
        return table[0][0]

    def send(self, text: str) -> transport.Answer:
        """Send SQL as it stands.

        Raises:
            StepFailed: the server refused, with what it said.
        """
        try:
            answer = transport.send(self.connection, text)
            self.record.settings += [(self._cell(), *pair) for pair in record.settings_made(self.connection, text)]
            return answer
        except psycopg.Error as error:
            raise transport.failure(error, text) from None
        finally:
            if not self.connection.closed:
                for remark in transport.clean_up(self.connection):
                    print(remark)

    def attempt(self, persona: str | None, statement: str) -> Table | Refused:
        """Run a statement as somebody, roll it back, and return its rows or the server's refusal.

        A statement that returns no rows gives one row with the command tag, such as `UPDATE 1`.
        """
        try:
            with transport.probe(self.connection, self.acting(persona)):
                answer = transport.send(self.connection, statement)
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise transport.failure(error, statement) from None
            return Refused(error.sqlstate, error.diag.message_primary or "")
        return answer.tables[-1] if answer.tables else Table(["command"], [[answer.tags[-1]]])

    def access(self, statements: Mapping[str, str], declared: pd.DataFrame) -> pd.DataFrame:
        """Try every statement as every persona, rolled back, and hold the outcome against what was declared.

        Args:
            statements: by name; `object · operation` names what it concerns.
            declared: the expected outcomes (`1 or denied` allows either); index: the names, columns: the personas.

        Returns:
            One row per cell of `declared`: `object`, `operation`, `persona`, `expected`, `outcome`, `right`.
            An outcome is `denied`, another SQLSTATE, how many rows were read or changed, or `done`.

        Raises:
            UsageError: something declared has no statement, or a statement no expectation.
        """
        return access.matrix(self.attempt, statements, declared)

    def check(
        self, name: str, found: Any, expected: str, *, criterion: str | None = None, trigger: str | None = None
    ) -> None:
        """Hold what was found against what is expected, remember and show the verdict.

        Args:
            name: the check's name, unique in the task.
            found: rows (a frame counts as rows), a scalar, a measurement, a comparison or a refusal.
            expected: in the grammar of `runbook.step.checks`.
            criterion: the success criterion it decides, in the plan's words.
            trigger: the rollback trigger it fires when it fails, in the plan's words.

        Raises:
            GateShut: it failed.
            UsageError: the plan has no such criterion or trigger, or the check decides nothing.
        """
        gate.check(self, name, found, expected, criterion, trigger)

    def plans(self, statements: Mapping[str, str], persona: str | None = None, setup: str = "") -> pd.DataFrame:
        """Run every statement, rolled back, and tell how the server carried it out.

        Args:
            statements: by name.
            persona: who runs them.
            setup: SQL run as the owner first, in the same rolled-back transaction.

        Returns:
            One row per statement: `statement` (its name), `indexes` it used and tables it read `whole` (lists of
            names), `pages` of shared memory it touched.
        """
        with self._probe(None, setup):
            if setup:
                self.connection.execute(setup.encode())
            sent = {name: statement.encode() for name, statement in statements.items()}
            return plans.explain(self.connection, sent, self._ready(persona))

    def concurrently(self, text: str) -> Table:
        """Build and drop indexes one after the other, each outside a transaction; see `runbook.step.indexes`.

        Raises:
            StepFailed: the server refused one; no invalid index is left of it.
        """
        try:
            return indexes.carry_out(self.connection, text)
        except psycopg.Error as error:
            raise transport.failure(error, text) from None

    def measure(
        self, name: str, statement: str, samples: int = 200, persona: str | None = None, *, fresh: bool = False
    ) -> measurement.Measurement:
        """Time a statement, each time rolled back, and remember the figures.

        Args:
            name: what the figure is called.
            statement: what is timed.
            samples: how many.
            persona: who runs it.
            fresh: whether each sample is the first call in a session of its own, which has nothing cached yet.
        """
        if fresh:
            subject = timing.Subject(statement.encode(), self._ready(persona))
            open_session = partial(environments.connect, self.plan, self.environment, f"runbook {self.run_id} fresh")
            found = timing.measure_fresh(open_session, name, subject, samples)
        else:
            with self._probe(persona, statement):
                found = timing.measure(self.connection, name, statement.encode(), samples)
        self.write(name, found.summary())
        return found

    def compare(
        self,
        name: str,
        before: str,
        after: str,
        *,
        samples: int = 200,
        floor: float = 0.05,
        persona: str | tuple[str, str] | None = None,
        setup: str = "",
        mode: str = "statement",
    ) -> measurement.Comparison:
        """Time two statements in pairs, each time rolled back, and remember the figures.

        Args:
            name: what the figure is called.
            before: the yardstick.
            after: what is held against it.
            samples: number of pairs.
            floor: milliseconds below which a difference is noise.
            persona: who runs them, or a pair: who runs `before`, who runs `after`. Roles change outside the timed
                region.
            setup: SQL run as the owner first, in the same rolled-back transaction.
            mode: what counts: `statement`, `prepared` or `request`; see `timing.MODES`.
        """
        earlier, later = persona if isinstance(persona, tuple) else (persona, persona)
        first = timing.Subject(before.encode(), self._ready(earlier))
        second = timing.Subject(after.encode(), self._ready(later))
        with self._probe(None, setup + before + after):
            if setup:
                self.connection.execute(setup.encode())
            found = timing.compare(self.connection, name, first, second, samples, floor, mode)
        self.write(name, found.summary())
        return found

    def write(self, name: str, value: Any) -> None:
        """Remember a value (anything JSON can hold) in the ledger."""
        self.ledger.write(self.run_id, self.definition.number, name, value)

    def keep_record(self) -> None:
        """Remember the record of this session in the ledger, if it has grown."""
        size = len(self.record.settings) + len(self.record.personas)
        if size != self._kept:
            self.write(record.NOTE, self.record.summary())
            self._kept = size

    def read(self, name: str) -> Any:
        """Return the value last written under a name by any task.

        Raises:
            StepFailed: none has.
        """
        value = self.ledger.read(name)
        if value is None:
            raise StepFailed(f"The ledger holds no {name!r}: the step that writes it has not run on this target.")
        return value

    def back_up(self, tables: list[str]) -> snapshot.Backup:
        """Back the tables up, restore the file elsewhere, compare, and remember where it is."""
        path = state_folder(self.plan.root) / "backups" / self.environment.name / f"{self.run_id}.dump"
        url = environments.url_of(self.plan, self.environment)
        backup = snapshot.back_up(self.connection, url, tables, path)
        summary = {"file": path.name, "sha256": backup.sha256, "bytes": backup.size, "proven": backup.proven}
        self.write("backup", summary)
        return backup

    def digest(self, table: str) -> str:
        """Return the digest of a table: equal content, equal digest, whatever the order of rows."""
        found = snapshot.digest(self.connection, table)
        return f"{found.rows}:{found.digest}"

    def schema(self, *schemas: str) -> str:
        """Return the definition of everything in the schemas, as pg_dump writes it."""
        return snapshot.schema_dump(environments.url_of(self.plan, self.environment), schemas)

    def command(self, arguments: list[str], skip: str = "") -> None:
        """Run a command in the checkout and show what it said; with a reason in `skip`, say that instead.

        Raises:
            StepFailed: the command is not there, or its exit code is not 0.
        """
        line = " ".join(argument or "…" for argument in arguments)
        if skip:
            print(f"Skipped, {skip}: {line}")
            return
        try:
            result = subprocess.run(arguments, cwd=self.plan.root, capture_output=True, text=True, check=False)
        except FileNotFoundError:
            raise StepFailed(
                f"{arguments[0]} is not installed here: install it and run this cell again ({line})."
            ) from None
        print(result.stdout.strip())
        if result.returncode:
            raise StepFailed(f"{line} ended with exit code {result.returncode}: {' '.join(result.stderr.split())}")

    def approval(self) -> dict[str, str] | None:
        """Return who authorized this migration here (`approver`, `statement`), or None.

        An approval counts for the very content it was given for: a changed notebook, script or plan voids it.
        """
        if self.environment.approval == "automatic":
            return {"approver": "automatic", "statement": f"environment {self.environment.name} needs no approval"}
        digest = self.plan.digest()
        for approval in self.ledger.approvals(self.environment.name):
            if approval["digest"] == digest:
                return {"approver": approval["approver"], "statement": approval["statement"]}
        return None

    def authorize(self) -> dict[str, str]:
        """Return the approval of this very content (see `approval`).

        Raises:
            NotAllowed: there is none; the message says how to give it.
        """
        return gate.authorize(self)

    def conclude(self) -> None:
        """Show every success criterion and rollback trigger with its verdict, and decide the gate.

        Where the task is being reversed: prove that the schema is, to the byte, what it was before it.

        Raises:
            GateShut: one is not as it must be, nothing decided it, or something was not given back.
        """
        gate.given_back(self) if self.undo else gate.conclude(self)

    def close(self) -> None:
        """Close both connections; what a cell left open is rolled back by the server."""
        self.connection.close()
        self.ledger.connection.close()

    def _cell(self) -> int:
        """Return the execution number of the cell that runs."""
        return len(self.names.get("In", ("",))) - 1

    def _probe(self, persona: str | None, text: str) -> "_Probe":
        return _Probe(self, self.acting(persona), text)

    def _ready(self, name: str | None) -> bytes:
        """Return the SQL that makes a persona of this session until the end of the transaction or savepoint."""
        persona = self.acting(name)
        settings = (*persona.settings, *([("role", persona.role)] if persona.role else []))
        calls = [sql.SQL("set_config({}, {}, true)").format(key, value) for key, value in settings]
        return (sql.SQL("SELECT ") + sql.SQL(", ").join(calls)).as_bytes(self.connection) if calls else b""


class _Probe:
    """A transaction rolled back at its end, whose SQL errors become StepFailed."""

    def __init__(self, task: Task, persona: Persona, text: str) -> None:
        self.task, self.text = task, text
        self.inner = transport.probe(task.connection, persona)

    def __enter__(self) -> None:
        self.inner.__enter__()

    def __exit__(self, kind: Any, error: Any, trace: Any) -> None:
        self.inner.__exit__(kind, error, trace)
        if isinstance(error, psycopg.Error):
            raise transport.failure(error, self.text) from None
