"""The ledger: what the runbook remembers in the target, in the schema `runbook`.

It writes on a connection of its own, so that nothing a step rolls back is forgotten.
Source of the tables: see `ledger_schema`.
"""

from dataclasses import asdict
from typing import Any

import psycopg
from psycopg.rows import class_row, dict_row
from psycopg.types.json import Jsonb

from runbook.database import ledger_schema
from runbook.database.records import Check, TaskState
from runbook.errors import UsageError

DONE = "complete"
UNDONE = "rolled_back"


class Ledger:
    """Reads and writes the ledger of one plan over one connection.

    Attributes:
        keeps: whether what it is told stays.
    """

    keeps = True

    def __init__(self, connection: psycopg.Connection, plan: str) -> None:
        self.connection = connection
        self.plan = plan

    def prepare(self) -> None:
        """Create what is missing of the schema `runbook`; see `ledger_schema.prepare`."""
        ledger_schema.prepare(self.connection)

    def exists(self) -> bool:
        """Tell whether the target has a ledger, of whatever version."""
        return ledger_schema.exists(self.connection)

    def open_run(
        self, run_id: str, environment: str, operator: str, digest: str, parameters: dict[str, Any], kind: str = "run"
    ) -> None:
        """Remember that a run began; one opened again goes on, with what parameters it is given anew."""
        self.connection.execute(
            """
            INSERT INTO runbook.runs (run_id, plan, kind, environment, operator, digest, parameters)
            VALUES (%s, %s, %s, %s, %s, %s, %s)
            ON CONFLICT (run_id) DO UPDATE
            SET status = 'running', finished_at = NULL, parameters = runs.parameters || excluded.parameters
            """,
            [run_id, self.plan, kind, environment, operator, digest, Jsonb(parameters)],
        )

    def note_run(self, run_id: str, text: str) -> None:
        """Remember what an operator wants noted of a run, below what was noted before."""
        self.connection.execute(
            "UPDATE runbook.runs SET note = concat_ws(E'\\n', NULLIF(note, ''), %s::TEXT) WHERE run_id = %s",
            [text, run_id],
        )

    def close_run(self, run_id: str, status: str) -> None:
        """Remember how a run ended: complete, failed or rolled_back."""
        self.connection.execute(
            "UPDATE runbook.runs SET status = %s, finished_at = clock_timestamp() WHERE run_id = %s",
            [status, run_id],
        )

    def run_entry(self, run_id: str) -> dict[str, Any]:
        """Return a run: operator, kind, status, digest, parameters, note, first_task, last_task and both times.

        Raises:
            UsageError: the ledger does not know it.
        """
        rows = self._rows(
            """
            SELECT operator, kind, status, digest, parameters, note, first_task, last_task, started_at, finished_at
            FROM runbook.runs WHERE run_id = %s
            """,
            [run_id],
        )
        if not rows:
            raise UsageError(f"The ledger of this target knows no run {run_id!r}.")
        return rows[0]

    def has_ended(self, run_id: str) -> bool:
        """Tell whether a run of this name was closed."""
        return bool(self._rows("SELECT FROM runbook.runs WHERE run_id = %s AND finished_at IS NOT NULL", [run_id]))

    def unfinished_run(self, environment: str) -> str | None:
        """Return the newest run of an environment if it did not end well, else None."""
        rows = self._rows(
            """
            SELECT run_id, status FROM runbook.runs
            WHERE plan = %s AND environment = %s AND kind = 'run' AND run_id NOT LIKE 'interactive%%'
            ORDER BY started_at DESC LIMIT 1
            """,
            [self.plan, environment],
        )
        return rows[0]["run_id"] if rows and rows[0]["status"] != DONE else None

    def set_range(self, run_id: str, first: int, last: int) -> None:
        """Remember which tasks a run is about: the numbers of the first and the last."""
        self.connection.execute(
            "UPDATE runbook.runs SET first_task = %s, last_task = %s WHERE run_id = %s", [first, last, run_id]
        )

    def refuse_run(self, run_id: str) -> None:
        """Remember that a run was refused before it did anything: none goes on with it."""
        self.connection.execute("UPDATE runbook.runs SET kind = 'refused' WHERE run_id = %s", [run_id])

    def start_task(self, run_id: str, number: int, content: str = "") -> None:
        """Remember that a task began, and forget the verdicts of an earlier attempt in this run.

        Args:
            run_id: of the run.
            number: of the task.
            content: the digest of what decides what it does.
        """
        with self.connection.transaction():
            self.connection.execute("DELETE FROM runbook.checks WHERE run_id = %s AND task = %s", [run_id, number])
            self.connection.execute(
                """
                INSERT INTO runbook.tasks (run_id, number, status, content) VALUES (%s, %s, 'running', %s)
                ON CONFLICT (run_id, number)
                DO UPDATE SET status = 'running', started_at = clock_timestamp(), finished_at = NULL,
                    content = excluded.content, sha256 = NULL
                """,
                [run_id, number, content],
            )

    def finish_task(self, run_id: str, number: int, status: str) -> None:
        """Remember how a task ended: complete, failed or rolled_back."""
        self.connection.execute(
            """
            UPDATE runbook.tasks SET status = %s, finished_at = clock_timestamp()
            WHERE run_id = %s AND number = %s
            """,
            [status, run_id, number],
        )

    def states(self) -> dict[int, TaskState]:
        """Return the last state of every task that ever ran here, by number."""
        with self.connection.cursor(row_factory=class_row(TaskState)) as cursor:
            rows = cursor.execute(
                """
                SELECT DISTINCT ON (number) number, run_id, tasks.status, tasks.started_at, tasks.finished_at, content
                FROM runbook.tasks JOIN runbook.runs USING (run_id)
                WHERE plan = %s
                ORDER BY number, tasks.started_at DESC
                """,
                [self.plan],
            ).fetchall()
        return {state.number: state for state in rows}

    def is_complete(self, number: int) -> bool:
        """Tell whether the last run of a task ended well and was not rolled back."""
        state = self.states().get(number)
        return state is not None and state.status == DONE

    def tasks_of(self, run_id: str) -> list[dict[str, Any]]:
        """Return the tasks of one run: number, status, started_at, finished_at, sha256 of the notebook it left."""
        return self._rows(
            "SELECT number, status, started_at, finished_at, sha256 FROM runbook.tasks WHERE run_id = %s "
            "ORDER BY number",
            [run_id],
        )

    def record(self, run_id: str, task: int, check: Check) -> None:
        """Remember a verdict; a check of the same name in the same task replaces the earlier one."""
        self.connection.execute(
            """
            INSERT INTO runbook.checks (
                run_id, task, name, criterion, trigger, deliverable, box, gate, expected, actual, passed, accepted
            ) VALUES (
                %(run)s, %(task)s, %(name)s, %(criterion)s, %(trigger)s, %(deliverable)s, %(box)s, %(gate)s,
                %(expected)s, %(actual)s, %(passed)s, %(accepted)s
            )
            ON CONFLICT (run_id, task, name) DO UPDATE
            SET criterion = excluded.criterion, trigger = excluded.trigger, deliverable = excluded.deliverable,
                box = excluded.box, gate = excluded.gate, expected = excluded.expected, actual = excluded.actual,
                passed = excluded.passed, accepted = excluded.accepted, at = clock_timestamp()
            """,
            {"run": run_id, "task": task, **asdict(check)},
        )

    def checks(self, run_id: str, task: int) -> list[Check]:
        """Return the verdicts of a task, in the order they were given first."""
        with self.connection.cursor(row_factory=class_row(Check)) as cursor:
            return cursor.execute(
                """
                SELECT name, expected, actual, passed, criterion, trigger, deliverable, box, gate, accepted
                FROM runbook.checks WHERE run_id = %s AND task = %s ORDER BY position
                """,
                [run_id, task],
            ).fetchall()

    def write_note(self, run_id: str, task: int, name: str, value: Any) -> None:
        """Remember a value (anything JSON can hold) under a name."""
        self.connection.execute(
            """
            INSERT INTO runbook.notes (run_id, task, name, value) VALUES (%s, %s, %s, %s)
            ON CONFLICT (run_id, task, name) DO UPDATE SET value = excluded.value, at = clock_timestamp()
            """,
            [run_id, task, name, Jsonb(value)],
        )

    def read_note(self, name: str) -> Any:
        """Return the value last written under a name, in whichever run and task; None if there is none."""
        row = self.connection.execute(
            """
            SELECT value FROM runbook.notes JOIN runbook.runs USING (run_id)
            WHERE name = %s AND plan = %s ORDER BY notes.at DESC LIMIT 1
            """,
            [name, self.plan],
        ).fetchone()
        return row[0] if row else None

    def notes(self, run_id: str, task: int) -> dict[str, Any]:
        """Return everything a task wrote down, by name."""
        rows = self._rows(
            "SELECT name, value FROM runbook.notes WHERE run_id = %s AND task = %s ORDER BY at", [run_id, task]
        )
        return {row["name"]: row["value"] for row in rows}

    def _rows(self, query: str, values: list[Any]) -> list[dict[str, Any]]:
        with self.connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(query, values).fetchall()
