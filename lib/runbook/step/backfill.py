"""Backfill: one statement over a whole table, in batches of heap blocks, by several workers, while others write.

The statement restricts itself to the batch with
`ctid >= current_setting('runbook.first')::tid AND ctid < current_setting('runbook.last')::tid`
(a TID range scan, whatever the statistics say) and to rows not done yet. Each batch is a transaction of its own,
so a killed backfill has done whole batches and a rerun does the rest. A pass that finds nothing to do ends it:
rows that moved to another block meanwhile are caught by the next pass.

Others wait for the rows of a batch until it commits, so what is kept short is its time: a batch takes as many blocks
as the ones before it managed in the milliseconds it is given, on this machine, under this load.
"""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import psycopg
from IPython.display import display
from psycopg import sql

from runbook.errors import StepFailed, UsageError
from runbook.step import display as show
from runbook.step import retry
from runbook.step.display import Table
from runbook.step.transport import as_setting
from runbook.target import environments

if TYPE_CHECKING:
    from runbook.step.task import Task

REPAINT = 0.3  # seconds
FIRST_BATCH = 8  # blocks: few, while nobody knows yet how long they take
USUAL = {"workers": 2, "batch_ms": 10, "batch_blocks": 128}
MOST_PASSES = 25  # one or two do it, unless the statement does the same rows again and again
RETRIED = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


@dataclass
class _Progress:
    blocks: int
    done_blocks: int = 0
    rows: int = 0
    batches: int = 0
    retries: int = 0
    begun: float = field(default_factory=time.perf_counter)
    history: list[tuple[float, int]] = field(default_factory=lambda: [(0.0, 0)])
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, blocks: int, rows: int) -> None:
        with self.lock:
            self.done_blocks += blocks
            self.rows += rows
            self.batches += 1
            self.history.append((time.perf_counter() - self.begun, self.rows))


@dataclass
class _Blocks:
    """Hands out the heap blocks of a pass, each once."""

    total: int
    given: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, size: int) -> tuple[int, int] | None:
        """Return the first of the next blocks and the one behind the last; None when there are no more."""
        with self.lock:
            first, self.given = self.given, min(self.given + size, self.total)
            return (first, self.given) if first < self.given else None


@dataclass(frozen=True)
class _Pace:
    """How a pass is carried out: by so many workers, in batches of so many milliseconds and at most so many blocks."""

    workers: int
    milliseconds: int
    most_blocks: int

    def next_size(self, size: int, seconds: float) -> int:
        """Return how many blocks to take after a batch of `size` blocks took `seconds`; at most twice as many."""
        fitting = int(size * self.milliseconds / 1000 / max(seconds, 1e-6))
        return max(1, min(fitting, 2 * size, self.most_blocks))


def run(task: "Task", table: str, statement: str) -> Table:
    """Run `statement` over `table` until a whole pass changes nothing; remember and return the figures.

    The notebook's parameters decide how: `workers`; `batch_ms`, the milliseconds a batch should take; `batch_blocks`,
    the heap blocks of 8 kB it takes at most.

    Returns:
        One row: rows changed, batches, passes, seconds, rows per second.

    Raises:
        UsageError: the statement does not restrict itself to the batch.
        StepFailed: a batch failed for good; the batches before it stand.
    """
    for setting in ("runbook.first", "runbook.last"):
        if setting not in statement:
            raise UsageError(f"The statement of %%backfill must restrict itself by current_setting('{setting}')::tid.")
    pace = _Pace(*(int(task.parameters.get(name, usual)) for name, usual in USUAL.items()))
    if min(pace.workers, pace.milliseconds, pace.most_blocks) < 1:
        raise UsageError(f"The parameters {', '.join(USUAL)} must be 1 or more.")
    progress, passes = _Progress(0), 0
    handle = display(show.progress(table, 0, 1, "starting"), display_id=True)
    while True:
        before = progress.rows
        progress.blocks, progress.done_blocks = _blocks(task.connection, table), 0
        _one_pass(task, statement, progress, pace, handle, table)
        passes += 1
        if progress.rows == before:
            break
        if passes == MOST_PASSES:
            raise StepFailed(
                f"After {passes} passes over {table} there are still rows to do: "
                "the statement of %%backfill must leave out the rows it has done."
            )
    seconds = time.perf_counter() - progress.begun
    handle.update(show.progress(table, 1, 1, f"{progress.rows:,} rows"))
    figures = {
        "rows": progress.rows,
        "batches": progress.batches,
        "passes": passes,
        "retries": progress.retries,
        "seconds": round(seconds, 2),
    }
    # The ledger's commit is synchronous, so it also makes the workers' commits durable.
    task.write(f"backfill {table}", {**figures, "history": _thin(progress.history)})
    return Table(list(figures), [list(figures.values())])


def _one_pass(
    task: "Task",
    statement: str,
    progress: _Progress,
    pace: _Pace,
    handle: show.Markup,
    label: str,
) -> None:
    blocks, stop = _Blocks(progress.blocks), threading.Event()

    def work(number: int) -> None:
        with environments.connect(task.plan, task.environment, f"runbook {task.run_id} worker {number}") as connection:
            connection.execute("SET synchronous_commit = off")  # a crash costs a repeated batch, never half of one
            connection.execute("SET lock_timeout = '5s'")
            for name, value in task.parameters.items():
                connection.execute("SELECT set_config(%s, %s, false)", [f"runbook.{name}", as_setting(value)])
            size = min(FIRST_BATCH, pace.most_blocks)
            while not stop.is_set() and (batch := blocks.take(size)):
                begun = time.perf_counter()
                progress.add(batch[1] - batch[0], _batch(connection, statement, batch, progress))
                size = pace.next_size(batch[1] - batch[0], time.perf_counter() - begun)

    with ThreadPoolExecutor(pace.workers) as pool:
        futures = [pool.submit(work, number) for number in range(pace.workers)]
        try:
            while not all(future.done() for future in futures):
                time.sleep(0.02 if len(progress.history) < 50 else REPAINT)
                if any(future.done() and future.exception() for future in futures):
                    break
                handle.update(show.progress(label, progress.done_blocks, progress.blocks, _eta(progress)))  # type: ignore[attr-defined]
        finally:
            stop.set()
    for future in futures:
        future.result()


def _batch(connection: psycopg.Connection, statement: str, batch: tuple[int, int], progress: _Progress) -> int:
    """Run one batch in a transaction of its own and return how many rows it changed."""
    for pause in retry.pauses():
        try:
            with connection.transaction():
                connection.execute(
                    "SELECT set_config('runbook.first', %s, true), set_config('runbook.last', %s, true)",
                    [f"({batch[0]},0)", f"({batch[1]},0)"],
                )
                cursor = connection.execute(statement.encode())
                while cursor.nextset():  # of several statements, the last one counts
                    pass
                return max(cursor.rowcount, 0)
        except RETRIED:
            progress.retries += 1
            time.sleep(pause)
    raise StepFailed(f"The batch of blocks {batch[0]} to {batch[1]} met a lock or a deadlock at every attempt.")


def _blocks(connection: psycopg.Connection, table: str) -> int:
    name = sql.Literal(table)
    row = connection.execute(
        sql.SQL("SELECT pg_relation_size({}::regclass) / current_setting('block_size')::bigint").format(name)
    ).fetchone()
    return int(row[0]) if row else 0


def _eta(progress: _Progress) -> str:
    elapsed = time.perf_counter() - progress.begun
    if not progress.done_blocks:
        return f"{progress.rows:,} rows"
    left = elapsed * (progress.blocks - progress.done_blocks) / progress.done_blocks
    return f"{progress.rows:,} rows · {progress.rows / elapsed:,.0f} rows/s · {left:,.0f} s left"


def _thin(history: list[tuple[float, int]], most: int = 200) -> list[tuple[float, int]]:
    step = -(-len(history) // most)
    kept = history[::step]
    return [(round(seconds, 3), rows) for seconds, rows in (kept if kept[-1] == history[-1] else [*kept, history[-1]])]
