"""Backfill: one statement over a whole table, in batches of heap blocks, by several workers, while others write.

The statement restricts itself to the batch with
`ctid >= current_setting('runbook.first')::tid AND ctid < current_setting('runbook.last')::tid`
(a TID range scan, whatever the statistics say) and to rows not done yet. Each batch is a transaction of its own,
so a killed backfill has done whole batches and a rerun does the rest. A pass that finds nothing to do ends it:
rows that moved to another block meanwhile are caught by the next pass.

It may return one row: `rows`, how many it did, and pairs of columns `x` and `x_due`. A batch in which a pair differs
is rolled back and ends the backfill: so a batch that lost a credit leaves no trace, and the next one never runs.

Others wait for the rows of a batch until it commits, so what is kept short is its time: a batch takes as many blocks
as the ones before it managed in the milliseconds it is given, on this machine, under this load. While others are at
work, one worker goes alone and rests after every batch: it leaves them the cores, and their commits little WAL to
flush besides their own.
"""

import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import psycopg
from IPython.display import display
from psycopg import sql

from runbook.errors import StepFailed, UsageError
from runbook.step import display as show
from runbook.step import retry
from runbook.step.brake import Brake
from runbook.step.display import Table
from runbook.step.pace import Blocks, Pace
from runbook.step.progress import Progress
from runbook.step.transport import as_setting
from runbook.target import environments

if TYPE_CHECKING:
    from runbook.step.task import Task

REPAINT = 0.3  # seconds
TURN = 0.05  # seconds until a worker asks again whether it may go
GENTLY = " · gently: others are at work"
DUE = "_due"
FIGURES = {"batches", "passes", "retries", "seconds", "waited", "rested"}
MOST_PASSES = 25  # one or two do it, unless the statement does the same rows again and again
RETRIED = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


class NotAsDue(StepFailed):
    """A batch left something else than what was due."""


def run(task: "Task", table: str, statement: str) -> Table:
    """Run `statement` over `table` until a whole pass changes nothing; remember and return the figures.

    The notebook's parameters decide how: `workers`; `batch_ms`, the milliseconds a batch should take; `batch_blocks`,
    the heap blocks of 8 kB it takes at most; `gentle_ms` and `rest`, see `runbook.step.pace`; and, for the limits
    beyond which it waits, see `runbook.step.brake`.

    Returns:
        One row: rows changed, batches, passes, retries, seconds, seconds waited, seconds rested, and the sums of what
        the batches returned.

    Raises:
        UsageError: the statement does not restrict itself to the batch, or returns something else.
        NotAsDue: a batch left something else than what was due; it was rolled back, the batches before it stand.
        StepFailed: a batch failed for good; the batches before it stand.
    """
    backfill = _Backfill(task, table, statement)
    progress = backfill.progress
    passes, before = 0, -1
    while progress.sums["rows"] != before:
        if passes == MOST_PASSES:
            raise StepFailed(
                f"After {passes} passes over {table} there are still rows to do: "
                "the statement of %%backfill must leave out the rows it has done."
            )
        before = progress.sums["rows"]
        backfill.one_pass()
        passes += 1
    figures = {
        "rows": progress.sums["rows"],
        "batches": progress.batches,
        "passes": passes,
        "retries": progress.retries,
        "seconds": round(progress.seconds, 2),
        "waited": round(progress.waited, 2),
        "rested": round(progress.rested, 2),
        **progress.sums,
    }
    # The ledger's commit is synchronous, so it also makes the workers' commits durable.
    task.write(f"backfill {table}", {**figures, "history": progress.points()})
    return Table(list(figures), [list(figures.values())])


class _Backfill:
    """One statement on its way through one table."""

    def __init__(self, task: "Task", table: str, statement: str) -> None:
        for setting in ("runbook.first", "runbook.last"):
            if setting not in statement:
                raise UsageError(
                    f"The statement of %%backfill must restrict itself by current_setting('{setting}')::tid."
                )
        self.pace = Pace.of(task.parameters)
        self.task, self.table, self.statement = task, table, statement.encode()
        self.brake, self.progress = Brake(task), Progress()
        self.free, self.stop = threading.Event(), threading.Event()
        self.handle = display(show.progress(table, 0, 1, "starting"), display_id=True)

    def one_pass(self) -> None:
        """Go over all blocks once."""
        progress, workers = self.progress, self.pace.workers
        progress.blocks, progress.done_blocks = max(1, _blocks(self.task.connection, self.table)), 0
        blocks = Blocks(progress.blocks)
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(self._work, number, blocks) for number in range(workers)]
            try:
                self._watch(futures)
            finally:
                self.stop.set()
                self.free.set()
        for future in futures:
            future.result()
        self.stop.clear()
        self._say(str(progress))

    def _watch(self, futures: list[Future[None]]) -> None:
        """Show the progress and hold the brake until every worker is done or one has failed."""
        looked = -REPAINT
        while not all(future.done() for future in futures):
            begun = time.perf_counter()
            if begun - looked >= REPAINT:
                looked, reason = begun, self.brake.reason()
                self.pace.others = self.brake.others_at_work
                self.free.clear() if reason else self.free.set()
            self._say(reason or f"{self.progress}{GENTLY if self.pace.gently else ''}")
            if any(future.done() and future.exception() for future in futures):
                return
            time.sleep(0.02 if self.progress.batches < 50 else REPAINT)
            if reason:
                self.progress.waited += time.perf_counter() - begun

    def _say(self, words: str) -> None:
        self.handle.update(show.progress(self.table, self.progress.done_blocks, self.progress.blocks, words))

    def _work(self, number: int, blocks: Blocks) -> None:
        task, pace = self.task, self.pace
        with environments.connect(task.plan, task.environment, f"runbook {task.run_id} worker {number}") as connection:
            connection.execute("SET synchronous_commit = off")  # a crash costs a repeated batch, never half of one
            connection.execute(f"SET lock_timeout = '{retry.LOCK_TIMEOUT}'")
            for name, value in task.parameters.items():
                connection.execute("SELECT set_config(%s, %s, false)", [f"runbook.{name}", as_setting(value)])
            size = pace.first_size
            while self._may_go(number, blocks) and (batch := blocks.take(size)):
                try:
                    seconds = self._batch(connection, batch)
                except BaseException:
                    self.stop.set()  # for the other workers too, before their next batch
                    raise
                size = pace.next_size(batch[1] - batch[0], seconds)
                self.progress.rested += (pause := pace.pause(seconds))
                self.stop.wait(pause)

    def _may_go(self, number: int, blocks: Blocks) -> bool:
        """Wait for this worker's turn; return whether there is one."""
        self.free.wait()
        while number > 0 and self.pace.gently and blocks.given < blocks.total and not self.stop.wait(TURN):
            pass
        return not self.stop.is_set()

    def _batch(self, connection: psycopg.Connection, batch: tuple[int, int]) -> float:
        """Run one batch in a transaction of its own and return the seconds the server worked on it."""
        first, last = batch
        bounds = f"set_config('runbook.first', '({first},0)', true), set_config('runbook.last', '({last},0)', true)"
        for pause in retry.pauses():
            begun = time.perf_counter()
            try:
                connection.execute(f"BEGIN; SELECT {bounds}".encode())
                opened = time.perf_counter()
                done = _done(connection.execute(self.statement))
                # Beyond what a round trip takes: however far away the server is, its batches keep their length
                seconds = time.perf_counter() - opened - (opened - begun)
                _must_be_as_due(done, batch)
                connection.execute(b"COMMIT")
                self.progress.add(last - first, {name: int(value) for name, value in done.items()})
                return seconds
            except RETRIED:
                connection.execute(b"ROLLBACK")
                self.progress.retries += 1
            if self.stop.wait(pause):
                return 0.0
        raise StepFailed(f"The batch of blocks {first} to {last} met a lock or a deadlock at every attempt.")


def _done(cursor: psycopg.Cursor) -> dict[str, Any]:
    """Return what a batch says it did; of several statements, the last one counts.

    Raises:
        UsageError: its row is not what a row of a batch must be.
    """
    while cursor.nextset():
        pass
    if cursor.description is None:
        return {"rows": max(cursor.rowcount, 0)}
    names = [column.name for column in cursor.description]
    rows = cursor.fetchall()
    lacking = {name.removesuffix(DUE) for name in names if name.endswith(DUE)} - set(names)
    if len(rows) != 1 or "rows" not in names or lacking:
        raise UsageError("The statement of %%backfill returns one row: `rows`, and for every column `x_due` an `x`.")
    if taken := FIGURES & set(names):
        raise UsageError(f"A column of %%backfill is named like one of its figures: {', '.join(sorted(taken))}.")
    return {name: value or 0 for name, value in zip(names, rows[0], strict=True)}


def _must_be_as_due(done: Mapping[str, Any], batch: tuple[int, int]) -> None:
    for due in (name for name in done if name.endswith(DUE)):
        found = due.removesuffix(DUE)
        if done[found] != done[due]:
            raise NotAsDue(
                f"in the batch of blocks {batch[0]} to {batch[1]} {found.replace('_', ' ')} would be {done[found]:,}, "
                f"due are {done[due]:,}: that batch is rolled back, the others stand"
            )


def _blocks(connection: psycopg.Connection, table: str) -> int:
    name = sql.Literal(table)
    row = connection.execute(
        sql.SQL("SELECT pg_relation_size({}::regclass) / current_setting('block_size')::bigint").format(name)
    ).fetchone()
    return int(row[0]) if row else 0
