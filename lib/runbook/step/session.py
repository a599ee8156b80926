"""The session of a notebook: `task = runbook.begin(N)` opens it, `task.conclude()` decides its gate."""

import getpass
import os
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pandas as pd
import psycopg
from IPython import get_ipython
from IPython.display import display

from runbook import parameters, plan
from runbook.errors import GateShut, NotAllowed, RunbookError, StepFailed, UsageError
from runbook.step import display as show
from runbook.step import measurement, transport
from runbook.step.checks import Expectation, Refused
from runbook.step.display import Table
from runbook.step.transport import Persona
from runbook.target import environments, ledger, snapshot
from runbook.target.embedded import state_folder

RUN_VARIABLE = "RUNBOOK_RUN"
LOCK_TIMEOUT = "500ms"
OWNER = Persona()


class Task:
    """One task on one target, from `begin` to `conclude`.

    Attributes:
        connection: the session the cells run in, autocommit.
        parameters: the notebook's parameters, by name.
    """

    def __init__(self, definition: plan.Task, whole: plan.Plan, run_id: str, given: Mapping[str, Any]) -> None:
        self.definition, self.plan, self.run_id = definition, whole, run_id
        self.parameters = dict(given)
        self.environment = whole.environment(self.parameters["environment"])
        self.personas: dict[str, Persona] = {}
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
        self.connection.execute("SELECT set_config(%s, %s, false)", [f"runbook.{name}", transport.as_setting(value)])

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
            return transport.send(self.connection, text)
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

    def access(self, statements: Mapping[str, str], personas: list[str]) -> pd.DataFrame:
        """Try every statement as every persona, rolled back.

        Returns:
            A frame with the columns `persona`, `statement`, `outcome`: `denied`, an SQLSTATE,
            or the number of rows it read or changed.
        """
        found = [
            {"persona": persona, "statement": name, "outcome": _outcome(self.attempt(persona, statement))}
            for persona in personas
            for name, statement in statements.items()
        ]
        return pd.DataFrame(found)

    def check(
        self, name: str, found: Any, expected: str, *, criterion: str | None = None, trigger: str | None = None
    ) -> None:
        """Hold what was found against what is expected, remember and show the verdict.

        Args:
            name: the check's name, unique in the task.
            found: rows, a scalar, a measurement, a comparison or a refusal.
            expected: in the grammar of `runbook.step.checks`.
            criterion: the success criterion it decides, in the plan's words.
            trigger: the rollback trigger it fires when it fails, in the plan's words.

        Raises:
            GateShut: it failed.
            UsageError: the plan has no such criterion or trigger, or the check decides nothing.
        """
        self._must_decide(name, criterion, trigger)
        passed, actual = Expectation(expected).judge(found)
        self.ledger.record(
            self.run_id, self.definition.number, ledger.Check(name, expected, actual, passed, criterion, trigger)
        )
        decides = [(kind, text) for kind, text in (("criterion", criterion), ("trigger", trigger)) if text]
        display(show.verdict(passed, name, expected, actual, decides))
        if not passed:
            if isinstance(found, Table) and found:
                display(found)
            fired = f" This fires the rollback trigger “{trigger}”." if trigger else ""
            self.ledger.finish_task(self.run_id, self.definition.number, "failed")
            raise GateShut(
                f"Task {self.definition.number}, check “{name}”: expected {expected}, found {actual}.{fired} "
                f"{self._advice()}"
            )

    def measure(self, name: str, statement: str, samples: int = 200, persona: str | None = None) -> measurement.Measurement:
        """Time a statement, each time rolled back, and remember the figures."""
        with self._probe(persona, statement):
            found = measurement.measure(self.connection, name, statement.encode(), samples)
        self.write(name, found.summary())
        return found

    def compare(  # noqa: PLR0913
        self,
        name: str,
        before: str,
        after: str,
        *,
        samples: int = 200,
        floor: float = 0.05,
        persona: str | None = None,
        setup: str = "",
    ) -> measurement.Comparison:
        """Time two statements in pairs, each time rolled back, and remember the figures.

        Args:
            name: what the figure is called.
            before: the yardstick.
            after: what is held against it.
            samples: number of pairs.
            floor: milliseconds below which a difference is noise.
            persona: who runs them.
            setup: SQL run as the owner first, in the same rolled-back transaction.
        """
        with self._probe(None, setup + before + after):
            if setup:
                self.connection.execute(setup.encode())
            self._become(self.acting(persona))
            found = measurement.compare(self.connection, name, before.encode(), after.encode(), samples, floor)
        self.write(name, found.summary())
        return found

    def write(self, name: str, value: Any) -> None:
        """Remember a value (anything JSON can hold) in the ledger."""
        self.ledger.write(self.run_id, self.definition.number, name, value)

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
            raise StepFailed(f"{arguments[0]} is not installed here: install it and run this cell again ({line}).") from None
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

    def conclude(self) -> None:
        """Show every success criterion and rollback trigger with its verdict, and decide the gate.

        Raises:
            GateShut: one is not as it must be, or nothing decided it.
        """
        number = self.definition.number
        checks = self.ledger.checks(self.run_id, number)
        rows = [("criterion", text, _decide(text, checks, "criterion")) for text in self.definition.criteria]
        rows += [("trigger", text, _decide(text, checks, "trigger")) for text in self.definition.triggers]
        is_open = all(fine for _, _, fine in rows)
        self.ledger.finish_task(self.run_id, number, ledger.DONE if is_open else "failed")
        self.ledger.unlock()
        display(show.gate(f"Task {number} · {self.definition.name}", rows, self._next(is_open)))
        if not is_open:
            wrong = next(f"{kind} “{text}”" for kind, text, fine in rows if not fine)
            raise GateShut(f"Task {number}: the gate is shut by the {wrong}. {self._advice()}")

    def close(self) -> None:
        """Close both connections; what a cell left open is rolled back by the server."""
        self.connection.close()
        self.ledger.connection.close()

    def _probe(self, persona: str | None, text: str) -> "_Probe":
        return _Probe(self, self.acting(persona), text)

    def _become(self, persona: Persona) -> None:
        for name, value in persona.settings:
            self.connection.execute("SELECT set_config(%s, %s, true)", [name, value])
        if persona.role:
            self.connection.execute("SELECT set_config('role', %s, true)", [persona.role])

    def _must_decide(self, name: str, criterion: str | None, trigger: str | None) -> None:
        if not criterion and not trigger:
            raise UsageError(f"The check {name!r} decides nothing: name a criterion or a trigger.")
        if criterion and criterion not in self.definition.criteria:
            raise UsageError(f"Task {self.definition.number} has no success criterion {criterion!r} in {plan.FILE}.")
        if trigger and trigger not in self.definition.triggers:
            raise UsageError(f"Task {self.definition.number} has no rollback trigger {trigger!r} in {plan.FILE}.")

    def _advice(self) -> str:
        where = f"--environment {self.environment.name}"
        number = self.definition.number
        return (
            f"Next: mend the cause and `runbook run {where} --from {number}`, "
            f"or give back what was changed: `runbook rollback {where} --to {number}`."
        )

    def _next(self, is_open: bool) -> str:
        if not is_open:
            return self._advice()
        follower = next((task for task in self.plan.tasks if task.number > self.definition.number), None)
        return f"Next: Task {follower.number} · {follower.name}." if follower else "This was the last task."


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


def begin(number: int) -> Task:
    """Open the session of task `number`, in the notebook whose parameters stand in the cells above.

    Checks the parameters, connects to the environment, looks whether what the task needs is complete,
    takes the lock, registers the magics and shows the task's header.

    Raises:
        UsageError: a parameter, the plan or the environment is wrong.
        NotAllowed: a task it needs is not complete here, or another run holds the target.
    """
    shell = get_ipython()
    whole = plan.Plan.find()
    definition = whole.task(number)
    given = _parameters(shell, definition.notebook.name)
    previous = shell.user_ns.get("_runbook_task")
    if previous is not None:
        previous.close()  # a rerun of the cell starts anew
    run_id = os.environ.get(RUN_VARIABLE, "")
    task = Task(definition, whole, run_id or f"interactive-{datetime.now(UTC):%Y-%m-%d}", given)
    shell.user_ns["_runbook_task"] = task
    try:
        task.ledger.prepare(whole.root / "sql" / "ledger.sql")
        if not run_id:
            task.ledger.lock()
        _must_be_allowed(task)
        task.ledger.open_run(task.run_id, task.environment.name, operator(), whole.digest(), task.parameters)
        task.ledger.start_task(task.run_id, number)
        task.connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'")
        for name, value in given.items():
            task.setting(name, value)
    except RunbookError:
        task.close()
        raise
    from runbook.step import magic

    magic.register(shell, task)
    display(show.header(f"Task {number} · {definition.name}", _facts(task), task.environment.protected))
    return task


def operator() -> str:
    """Return who runs this: RUNBOOK_OPERATOR, or the account's name."""
    return os.environ.get("RUNBOOK_OPERATOR") or getpass.getuser()


def _parameters(shell: Any, notebook: str) -> dict[str, Any]:
    """Return the parameters above, as declared and, where papermill injected some, as given."""
    known: dict[str, parameters.Parameter] = {}
    injected: set[str] = set()
    for source in shell.user_ns["In"]:
        if source.lstrip().startswith("# Parameters"):
            injected |= parameters.assigned(source)
        elif not source.lstrip().startswith(("%", "!")) and ": " in source:
            try:
                known.update(parameters.declared(source))
            except SyntaxError:  # IPython's own syntax: no parameters there
                continue
    values = {name: shell.user_ns[name] for name in (known.keys() | injected)}
    if "environment" not in known:
        raise UsageError(f"{notebook} declares no parameter 'environment': run its parameters cell first.")
    parameters.check(known, values, notebook)
    return {name: values[name] for name in known}


def _must_be_allowed(task: Task) -> None:
    states = task.ledger.states()
    for number in task.definition.needs:
        state = states.get(number)
        if state is None or state.status != ledger.DONE:
            found = f"its last run here is {state.status}" if state else "it has not run here"
            raise NotAllowed(
                f"Task {task.definition.number} needs Task {number} complete on {task.environment.name!r}, but {found}. "
                f"Run it first: `runbook run --environment {task.environment.name} --from {number}`."
            )


def _facts(task: Task) -> list[tuple[str, str]]:
    definition = task.definition
    position = task.plan.tasks.index(definition) + 1
    return [
        ("environment", task.environment.name.upper() if task.environment.protected else task.environment.name),
        ("task", f"{position} of {len(task.plan.tasks)}"),
        ("estimate", f"{definition.minutes} min"),
        ("risk", definition.risk),
    ]


def _decide(text: str, checks: list[ledger.Check], kind: str) -> bool | None:
    verdicts = [check.passed for check in checks if getattr(check, kind) == text]
    return all(verdicts) if verdicts else None


def _outcome(found: Table | Refused) -> str:
    if isinstance(found, Refused):
        return "denied" if found.sqlstate == "42501" else found.sqlstate
    if found.field_names == ["command"]:
        return found[0][0].split()[-1]
    return str(len(found))
