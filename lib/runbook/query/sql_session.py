"""The session of a task on its target: SQL sent as it stands, and probes in somebody's name, rolled back."""

from collections.abc import Callable, Collection, Mapping
from functools import partial
from typing import Any, TypeVar

import pandas as pd
import psycopg
from psycopg import sql

from runbook import server_words
from runbook.errors import StepFailed, UsageError
from runbook.query import access_matrix, concurrent_indexes, explain, lock_retry, session_record
from runbook.query.expectation import Refused
from runbook.query.send import Persona, SqlAnswer, as_setting, clean_up, mend_json, rolled_back, send_sql, step_failure
from runbook.query.table import Table

T = TypeVar("T")
OWNER = Persona()
INVALID_TEXT = psycopg.errors.InvalidTextRepresentation.sqlstate


class SqlSession:
    """A session on a target.

    Attributes:
        connection: the session the cells run in, autocommit.
        names: the notebook's own names: what `%%sql name <<` writes to.
        begin_probe: what begins a transaction that is rolled back.
        record: what was made readable in SQL and who was named, for running the SQL again later.
    """

    def __init__(self, connection: psycopg.Connection, names: dict[str, Any]) -> None:
        self.connection, self.names = connection, names
        self.begin_probe = b"BEGIN"
        self.personas: dict[str, Persona] = {}
        self.record = session_record.SessionRecord()

    def persona(self, name: str, role: str, given: Mapping[str, str] | None = None, /, **settings: str) -> None:
        """Name somebody whom `%%sql --as` and `-- as:` can act as.

        Args:
            name: how cells call them.
            role: the database role taken.
            given: settings taken, by their names.
            **settings: settings taken, `__` standing for a dot: `request__jwt__claims='{…}'`.
        """
        taken = {**(given or {}), **{key.replace("__", "."): value for key, value in settings.items()}}
        self.personas[name] = Persona(role, tuple(taken.items()))
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
        text = as_setting(value)
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

    def send(self, text: str, then: Callable[[], None] | None = None) -> SqlAnswer:
        """Send SQL as it stands.

        Args:
            text: the SQL.
            then: what is done after it in the same transaction; not called where the text will not run in one.

        Raises:
            StepFailed: the server refused, with what it said.
        """
        try:
            answer = self._in_one(text, then) if then else send_sql(self.connection, text)
            self.record.settings += [
                (self._cell(), *pair) for pair in session_record.settings_made(self.connection, text)
            ]
            return answer
        except psycopg.Error as error:
            raise step_failure(error, text) from None
        finally:
            if not self.connection.closed:
                for remark in clean_up(self.connection):
                    print(remark)

    def _in_one(self, text: str, then: Callable[[], None]) -> SqlAnswer:
        """Send SQL and do what comes then in one transaction; where the text refuses to run in one, send it alone."""
        self.connection.execute(b"BEGIN")
        try:
            answer = send_sql(self.connection, text)
        except (psycopg.errors.ActiveSqlTransaction, psycopg.errors.InvalidTransactionTermination):
            self.connection.execute(b"ROLLBACK")
            return send_sql(self.connection, text)
        then()
        self.connection.execute(b"COMMIT")
        return answer

    def attempt(self, persona: str | None, statement: str) -> Table | Refused:
        """Run a statement as somebody, roll it back, and return its rows or the server's refusal.

        A statement that returns no rows gives one row with the command tag, such as `UPDATE 1`.
        """
        try:
            answer = self.probe(persona, statement)
        except psycopg.Error as error:
            if error.sqlstate is None:
                raise step_failure(error, statement) from None
            return Refused(error.sqlstate, server_words.message(error.diag))
        if not answer.tables and not answer.tags:
            raise StepFailed("The cell holds no SQL to run.")
        return answer.tables[-1] if answer.tables else Table(["command"], [[answer.tags[-1]]])

    def probe(self, persona: str | None, text: str) -> SqlAnswer:
        """Send SQL as somebody and roll it back."""

        def send() -> SqlAnswer:
            with rolled_back(self.connection, self.acting(persona), self.begin_probe):
                return send_sql(self.connection, text)

        return self._with_json(send)

    def patiently(self, action: Callable[[], T]) -> T:
        """Return what `action` returns, which is rolled back; where a customer holds a lock, try again later."""
        return lock_retry.retry_while_locked(self.connection, action)

    def access(
        self,
        statements: Mapping[str, str],
        declared: pd.DataFrame,
        before: Mapping[tuple[str, str], str] | None = None,
        narrowed: Collection[tuple[str, str]] = (),
    ) -> pd.DataFrame:
        """Try every statement as every persona, rolled back, and hold the outcome against what was declared.

        What came of a statement before is right as well; where it was to be narrowed, only if it was refused. One
        refusal is as good as another: nothing read, no right, a token that cannot be read.

        Args:
            statements: by name; `object · operation` names what it concerns.
            declared: the expected outcomes (`1 or denied` allows either); index: the names, columns: the personas.
            before: outcomes as they were found, by name and persona.
            narrowed: names and personas for which only what is declared is right.

        Returns:
            One row per cell of `declared`: `name`, `object`, `operation`, `persona`, `expected`, `outcome`, `right`.
            An outcome is `denied`, another SQLSTATE, how many rows were read or changed, or `done`.

        Raises:
            UsageError: something declared has no statement, or a statement no expectation.
        """
        return access_matrix.matrix(self.attempt, statements, declared, before or {}, narrowed)

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
        sent = {name: statement.encode() for name, statement in statements.items()}
        explained = partial(explain.explain, self.connection, sent, self._ready(persona))
        return self._in_probe(None, "", explained, setup)

    def concurrently(self, text: str) -> Table:
        """Build and drop indexes one after the other, each outside a transaction.

        Raises:
            StepFailed: the server refused one; no invalid index is left of it.
        """
        try:
            return concurrent_indexes.carry_out(self.connection, text)
        except psycopg.Error as error:
            raise step_failure(error, text) from None

    def _cell(self) -> int:
        """Return the execution number of the cell that runs."""
        return len(self.names.get("In", ("",))) - 1

    def _in_probe(self, persona: str | None, text: str, work: Callable[[], T], setup: str = "") -> T:
        """Return what `work` returns, done as somebody, after `setup`, and rolled back; `text` is what it sends."""

        def once() -> T:
            try:
                with rolled_back(self.connection, self.acting(persona), self.begin_probe):
                    if setup:
                        self.connection.execute(setup.encode())
                    return work()
            except psycopg.Error as error:
                raise step_failure(error, text) from None

        return self._with_json(once)

    def _with_json(self, probe: Callable[[], T]) -> T:
        """Return what a probe returns; where it found a setting empty that ought to be JSON, mend that, and again."""
        try:
            return self.patiently(probe)
        except (StepFailed, psycopg.errors.InvalidTextRepresentation) as error:
            if error.sqlstate != INVALID_TEXT or not mend_json(self.connection, self.personas.values()):
                raise
        return self.patiently(probe)

    def _ready(self, name: str | None) -> bytes:
        """Return the SQL that makes a persona of this session until the end of the transaction or savepoint."""
        persona = self.acting(name)
        settings = (*persona.settings, *([("role", persona.role)] if persona.role else []))
        calls = [sql.SQL("set_config({}, {}, true)").format(key, value) for key, value in settings]
        return (sql.SQL("SELECT ") + sql.SQL(", ").join(calls)).as_bytes(self.connection) if calls else b""
