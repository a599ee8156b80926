"""Live verification: the `verify` cells of executed notebooks are run again and compared with the evidence.

The session is read-only, every cell is rolled back, and it begins with the settings and personas the cell had in the
run. Checks are held against their verdict. A table must still be readable, but its text must be the same only where
its cell is tagged `nbval-check-output`, because rows may rightly change. When a run ends it does this once itself: what
does not hold even then was changed by a later task, and is left out for ever after.
"""

import re
import shlex
from collections.abc import Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg
import sqlparse

from runbook import server_words
from runbook.database import environments, poolers
from runbook.database.ledger import Ledger
from runbook.errors import StepFailed, UsageError
from runbook.evidence import notebooks
from runbook.evidence.drift import Drift, ReplayOutcome
from runbook.evidence.expected import CHECK
from runbook.plan import cells
from runbook.plan.changes import FORMER_TABLE, TEMPORARY_TABLE, TEMPORARY_VIEW
from runbook.plan.plan import Environment, Plan
from runbook.query import redaction
from runbook.query.expectation import Expectation, Refused
from runbook.query.send import Persona, SqlAnswer, rolled_back, send_sql, step_failure
from runbook.query.session_record import NOTE, SessionRecord
from runbook.query.table import Table

LOCK_TIMEOUT = "10s"
AT_ONCE = 2  # tasks, each in a session of its own
PYTHON, UNTRIED = "Python cell", "unreached cell"


@dataclass(frozen=True)
class RecordedCell:
    """A `verify` cell as the run left it."""

    task: dict[str, Any]
    index: int
    place: str
    cell: cells.Cell
    number: int | None
    outputs: list[dict[str, Any]]

    def drift(self, words: str) -> Drift:
        """Return a drift of this cell."""
        return Drift(self.task["number"], self.index, f"Task {self.task['number']}, {self.place}: {words}")


def replay_cells(
    plan: Plan,
    environment: Environment,
    folder: Path,
    manifest: dict[str, Any],
    without: Collection[tuple[int, int]] = (),
) -> ReplayOutcome:
    """Run the `verify` cells of a run again, in read-only sessions, and return what came of it.

    Args:
        plan: the plan of the run.
        environment: where the run was.
        folder: of the run; its seal must have been checked, for its SQL is sent to the target.
        manifest: of the run.
        without: (task, cell) of the cells to leave out.

    Raises:
        UsageError: the target cannot be reached, or only through a pooler that would lose what is read-only.
        StepFailed: the connection was lost.
    """
    name = f"runbook {manifest['run_id']} verify"
    connect = partial(environments.find(plan, environment).connect, name)
    with connect() as this, connect() as other:
        poolers.require_sessions(this, other, environment)
    redaction.hide_personal(plan, environment)  # tables are held against what the run has shown

    def one_task(task: dict[str, Any]) -> ReplayOutcome:
        every, outcome = list(_evidence(folder, task)) if task["notebook"] else [], ReplayOutcome()
        if every:
            with connect() as connection:
                # Of a protected target the ledger alone keeps it
                told = task.get("session") or Ledger(connection, plan.name).notes(
                    manifest["run_id"], task["number"]
                ).get(NOTE)
                session = ReplaySession(connection, SessionRecord.from_summary(told))
                for one in every:
                    _again(session, one, outcome, is_asked=(task["number"], one.index) not in without)
        return outcome

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return sum(pool.map(one_task, manifest["tasks"]), ReplayOutcome())


class ReplaySession:
    """A read-only session that stands where the notebook's stood."""

    def __init__(self, connection: psycopg.Connection, record: SessionRecord) -> None:
        self.connection, self.record = connection, record
        self.settings: dict[str, str] = {}
        connection.execute("SET default_transaction_read_only = on")
        connection.execute("SELECT set_config('lock_timeout', %s, false)", [LOCK_TIMEOUT])

    def go_to(self, number: int) -> None:
        """Give the session the settings it had when the cell of this execution number began."""
        for name, value in self.record.settings_at(number).items():
            if self.settings.get(name) != value:
                self.connection.execute("SELECT set_config(%s, %s, false)", [f"runbook.{name}", value])
                self.settings[name] = value

    def send(self, text: str, name: str | None, number: int) -> SqlAnswer | Refused:
        """Send a text as somebody, rolled back, and return what the server said."""
        persona = self.record.personas_at(number).get(name) if name else Persona()
        if persona is None:
            return Refused("22023", f"nobody was named {name!r}")
        try:
            with rolled_back(self.connection, persona):
                return send_sql(self.connection, text)
        except psycopg.Error as error:
            if self.connection.closed:
                raise step_failure(error, text) from None
            return Refused(error.sqlstate or "", server_words.message(error.diag) or str(error))
        except StepFailed as error:  # a command of psql's that found nothing
            return Refused("", str(error))

    def make_temporary(self, text: str) -> str:
        """Make the temporary views and tables of a cell, which later cells need, and return the rest of it."""
        if not re.search(r"\bTEMP(ORARY)?\b", text, re.IGNORECASE):  # parsing takes longer than asking
            return text
        rest = []
        for one in sqlparse.split(text):
            words = sqlparse.format(one, strip_comments=True).rstrip("; \n")
            if TEMPORARY_VIEW.match(words):
                self._make(words)
            elif table := TEMPORARY_TABLE.match(words):
                self._make(f"{words} WITH NO DATA")
                if not self._try(f"INSERT INTO {table[1]} {table[2]}"):  # read-only as all that is asked
                    self._make(f"DROP TABLE {table[1]}")  # an empty one would be an answer
            elif not FORMER_TABLE.match(words):
                rest.append(one)
        return "\n".join(rest)

    def _make(self, statement: str) -> None:
        """Make what asks nothing, and is this session's own."""
        self.connection.execute("SET default_transaction_read_only = off")
        try:
            self._try(statement)
        finally:
            self.connection.execute("SET default_transaction_read_only = on")

    def _try(self, statement: str) -> bool:
        try:
            self.connection.execute(statement.encode(), prepare=True)  # one statement, whatever its text is
        except psycopg.Error:
            return False  # whoever needs it will say so
        return True


def _evidence(folder: Path, task: dict[str, Any]) -> Iterator[RecordedCell]:
    path = folder / task["notebook"]
    raw = notebooks.cells_of(path)
    for index, (cell, found) in enumerate(zip(cells.read_cells(path), raw, strict=True)):
        if cell.kind == "code" and ("verify" in cell.tags or (cell.magic and cell.magic[0] == "sql")):
            place = notebooks.place(raw, index)
            yield RecordedCell(task, index, place, cell, found["execution_count"], found["outputs"])


def _again(session: ReplaySession, one: RecordedCell, outcome: ReplayOutcome, *, is_asked: bool) -> None:
    magic = one.cell.magic
    if "verify" not in one.cell.tags or not is_asked:
        if one.number is not None and magic:
            session.go_to(one.number)
            session.make_temporary(one.cell.body)
    elif one.number is None:
        outcome.skipped[UNTRIED] += 1
    elif magic is None or magic[0] not in {"sql", "finding", "check"}:
        outcome.skipped[PYTHON] += 1
    else:
        session.go_to(one.number)
        drift = _check(session, one, magic[1]) if magic[0] == "check" else _table(session, one, magic[1], outcome)
        if drift:
            outcome.drifts.append(drift)
        elif magic[0] == "check":
            outcome.checks += 1


def _check(session: ReplaySession, one: RecordedCell, line: str) -> Drift | None:
    name, _, expected = (part.strip() for part in line.rpartition(": "))
    was = next((check for check in one.task["checks"] if check["name"] == name), None)
    answer = session.send(one.cell.body, dict(cells.CHECK_HEAD.findall(one.cell.body)).get("as"), one.number or 0)
    try:
        passed, actual = Expectation(expected).judge(_found(answer))
    except UsageError as error:  # such as no row where one value is expected
        passed, actual = False, str(error)
    if was and (passed == was["passed"] or was.get("accepted")):
        return None  # what was accepted may go on as it is, or be mended
    then = f"the run had found {was['actual']}" if was else "the run left no verdict on it"
    return one.drift(f"check “{name}”: expected {expected}, found {actual}; {then}")


def _table(session: ReplaySession, one: RecordedCell, line: str, outcome: ReplayOutcome) -> Drift | None:
    words = shlex.split(line) if one.cell.magic and one.cell.magic[0] == "sql" else []
    text = session.make_temporary(one.cell.body)
    if not text:
        return None
    answer = session.send(text, words[words.index("--as") + 1] if "--as" in words else None, one.number or 0)
    if isinstance(answer, Refused):
        return one.drift(f"the table cannot be read any more: {answer.sqlstate} {answer.message}")
    was = [text for output in one.outputs if (text := "".join(output.get("data", {}).get("text/plain", "")))]
    now = [repr(table) for table in answer.tables]
    if was == now:
        outcome.tables += 1
        return None
    if CHECK not in one.cell.tags:
        outcome.moved += 1
        return None
    lines = zip("\n".join(was).splitlines(), "\n".join(now).splitlines(), strict=False)
    first = next(((old, new) for old, new in lines if old != new), ("", "another number of rows"))
    return one.drift(f"the table is another: first “{' '.join(first[1].split())}”, was “{' '.join(first[0].split())}”")


def _found(answer: SqlAnswer | Refused) -> Table | Refused:
    if isinstance(answer, Refused):
        return answer
    return answer.tables[-1] if answer.tables else Table(["command"], [[answer.tags[-1] if answer.tags else ""]])
