"""The batches of a backfill: each is one statement, in a transaction of its own, that is checked before it commits.

The statement may return one row: `rows`, how many it did, and pairs of columns `x` and `x_due`. A batch in which a
pair differs is rolled back and ends the backfill: so a batch that lost a credit leaves no trace, and the next one
never runs.
"""

from collections.abc import Mapping
from typing import Any

import psycopg

from runbook.database import schema_names
from runbook.errors import StepFailed, UsageError
from runbook.notebook.backfill.pacing import Batch
from runbook.query import lock_retry
from runbook.query.send import as_setting

PREPARED = "runbook_batch"
DUE = "_due"
FIGURES = {"batches", "passes", "retries", "seconds", "waited", "rested"}  # of the backfill
WORKED = "SELECT extract(epoch FROM clock_timestamp() - statement_timestamp())::float8"  # however far away the server


class NotAsDue(StepFailed):
    """A batch left something else than what was due."""


class BatchWorker:
    """One session that does batches; the server plans their statement once."""

    def __init__(self, connection: psycopg.Connection, parameters: Mapping[str, Any], statement: bytes) -> None:
        """Make the session ready.

        Raises:
            psycopg.Error: the server refuses the statement.
        """
        self.connection = connection
        connection.execute("SET synchronous_commit = off")  # a crash costs a repeated batch, never half of one
        connection.execute(f"SET lock_timeout = '{lock_retry.LOCK_TIMEOUT}'")
        for name, value in parameters.items():
            connection.execute("SELECT set_config(%s, %s, false)", [f"runbook.{name}", as_setting(value)])
        # Parsed alone first: PREPARE would run what stands behind a semicolon. Prepared in SQL, for a pooler may give
        # a statement that was prepared by the protocol another name.
        parsed = connection.pgconn.prepare(b"", schema_names.as_sent(connection, statement))
        if parsed.status != psycopg.pq.ExecStatus.COMMAND_OK:
            raise psycopg.errors.error_from_result(parsed)
        connection.execute(f"PREPARE {PREPARED} AS ".encode() + statement)

    def do(self, batch: Batch) -> tuple[dict[str, int], float]:
        """Do one batch and commit it.

        Returns:
            What it returned by name, `rows` among it, and the seconds the server worked on it.

        Raises:
            UsageError: it returned something else than a batch must.
            NotAsDue: it left something else than what was due. Like after any other error, it is not committed.
        """
        bounds = f"set_config('runbook.first', '{batch.first}', true), set_config('runbook.last', '{batch.last}', true)"
        answers = self.connection.execute(f"BEGIN; SELECT {bounds}; EXECUTE {PREPARED}; {WORKED}".encode())
        for _ in ("BEGIN", "bounds"):
            answers.nextset()
        done = _done(answers)
        answers.nextset()
        worked = answers.fetchone()
        _require_due(done, batch)
        self.connection.execute(b"COMMIT")
        return {name: int(value) for name, value in done.items()}, worked[0] if worked else 0.0


def _done(answer: psycopg.Cursor) -> dict[str, Any]:
    """Return what a batch says it did.

    Raises:
        UsageError: its row is not what a row of a batch must be.
    """
    if answer.description is None:
        return {"rows": max(answer.rowcount, 0)}
    names = [column.name for column in answer.description]
    rows = answer.fetchall()
    lacking = {name.removesuffix(DUE) for name in names if name.endswith(DUE)} - set(names)
    if len(rows) != 1 or "rows" not in names or lacking:
        raise UsageError("The statement of %%backfill returns one row: `rows`, and for every column `x_due` an `x`.")
    if taken := FIGURES & set(names):
        raise UsageError(f"A column of %%backfill is named like one of its figures: {', '.join(sorted(taken))}.")
    return {name: value or 0 for name, value in zip(names, rows[0], strict=True)}


def _require_due(done: Mapping[str, Any], batch: Batch) -> None:
    for due in (name for name in done if name.endswith(DUE)):
        found = due.removesuffix(DUE)
        if done[found] != done[due]:
            raise NotAsDue(
                f"in the batch from {batch.first} to {batch.last} {found.replace('_', ' ')} would be {done[found]:,}, "
                f"due are {done[due]:,}: that batch is rolled back, the others stand"
            )
