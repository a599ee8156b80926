"""Backfill: one statement over a whole table, in batches of row identifiers, by several workers, while others write.

The statement restricts itself to the batch with
`ctid >= current_setting('runbook.first')::tid AND ctid < current_setting('runbook.last')::tid`
(a TID range scan, whatever the statistics say) and to rows not done yet. Each batch is a transaction of its own,
so a killed backfill has done whole batches and a rerun does the rest. A pass that finds nothing to do ends it:
rows that moved to another block meanwhile are caught by the next pass.

Others wait for the rows of a batch until it commits, and for the core it works on: so what is kept short is its time.
A batch takes as many rows as the ones before it managed in the milliseconds it is given, on this machine, under this
load; few enough, if need be, to be a part of a block. While others are at work, one worker goes alone and rests after
every batch: it leaves them the cores, and their commits little WAL to flush besides their own.
"""

import math
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor

import psycopg
from IPython.display import display

from runbook.errors import StepFailed, TryAgain, UsageError
from runbook.notebook.backfill.batches import BatchWorker
from runbook.notebook.backfill.pacing import Batch, Cost, Pace, Tids
from runbook.notebook.backfill.progress import Progress
from runbook.notebook.backfill.throttle import Throttle
from runbook.notebook.context import Context
from runbook.query import lock_retry, older_transactions
from runbook.query.table import Table, show_progress

REPAINT = 0.5  # seconds
TURN = 0.05  # seconds until a worker asks again whether it may go
# Blocks, and rows in one: as many as it can hold at most (291 in 8 kB), whatever the statistics say. The most that
# the table or what inherits it has: a range of places is one in each of them.
EXTENT = """
WITH RECURSIVE family (oid) AS (
    SELECT %s::regclass::oid
    UNION
    SELECT inhrelid FROM pg_inherits JOIN family ON inhparent = family.oid
)

SELECT
    GREATEST(1, max(pg_relation_size(oid)) / current_setting('block_size')::bigint),
    LEAST(291, GREATEST(1, max(ceil(reltuples / GREATEST(relpages, 1)))))::integer
FROM family JOIN pg_class USING (oid)
"""
MOST_PASSES = 25  # one or two do it, unless the statement does the same rows again and again
RETRIED = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected, psycopg.errors.SerializationFailure)


def run_backfill(task: Context, table: str, statement: str) -> Table:
    """Run `statement` over `table` until a whole pass changes nothing; remember and return the figures.

    The notebook's parameters decide how: `workers`; `batch_ms`, the milliseconds a batch should take; `batch_blocks`,
    the heap blocks of 8 kB it takes at most; `gentle_ms` and `rest`, see `pacing`; and, for the limits beyond which it
    waits, see `throttle`; `longest_wait_s`, the seconds the first batch waits for transactions that are open before it.

    Returns:
        One row: rows changed, batches, passes, retries, seconds, seconds waited, seconds rested, and the sums of what
        the batches returned.

    Raises:
        UsageError: the statement does not restrict itself to the batch, or returns something else.
        NotAsDue: a batch left something else than what was due; it was rolled back, the batches before it stand.
        StepFailed: a batch failed for good; the batches before it stand.
        TryAgain: … because others held a lock at every attempt, or transactions that began before are still open.
    """
    backfill = _Backfill(task, table, statement)
    if (longest := task.parameters.get("longest_wait_s")) is not None:
        older_transactions.wait(task.connection, longest)
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
    task.write(f"backfill {table}", {**figures, "history": progress.points(), "slowed": progress.spans()})
    return Table(list(figures), [list(figures.values())])


class _Backfill:
    """One statement on its way through one table."""

    def __init__(self, task: Context, table: str, statement: str) -> None:
        for setting in ("runbook.first", "runbook.last"):
            if setting not in statement:
                raise UsageError(
                    f"The statement of %%backfill must restrict itself by current_setting('{setting}')::tid."
                )
        self.pace = Pace.from_parameters(task.parameters)
        self.task, self.table, self.statement = task, table, statement.encode()
        self.throttle, self.progress = Throttle(task, table), Progress()
        self.free, self.stop = threading.Event(), threading.Event()
        self.handle = display(show_progress(table, 0, 1, "starting"), display_id=True)

    def one_pass(self) -> None:
        """Go over all blocks once."""
        progress, workers = self.progress, self.pace.workers
        tids = Tids(*_extent(self.task.connection, self.table), self.pace.batch_blocks)
        progress.total, progress.done = tids.total, 0
        self._look()
        with ThreadPoolExecutor(workers) as pool:
            futures = [pool.submit(self._work, number, tids) for number in range(workers)]
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
        """Show the progress and throttle until every worker is done or one has failed."""
        looked = -REPAINT
        while not all(future.done() for future in futures):
            begun = time.perf_counter()
            if begun - looked >= REPAINT:
                looked, reason = begun, self._look()
            self._say(
                reason or f"{self.progress}{f' · gently: {self.throttle.gentle_because}' if self.pace.gently else ''}"
            )
            if any(future.done() and future.exception() for future in futures):
                return
            time.sleep(0.02 if self.progress.batches < 50 else REPAINT)
            if reason:
                self.progress.waited += time.perf_counter() - begun

    def _look(self) -> str:
        """Let the workers go, gently or not, or hold them; return why they wait."""
        reason = self.throttle.reason()
        self.pace.others = bool(self.throttle.gentle_because)
        self.progress.slow(reason or (self.pace.gently and f"gently: {self.throttle.gentle_because}") or "")
        self.free.clear() if reason else self.free.set()
        return reason

    def _say(self, words: str) -> None:
        self.handle.update(show_progress(self.table, self.progress.done, self.progress.total, words))

    def _work(self, number: int, tids: Tids) -> None:
        task, pace = self.task, self.pace
        name = f"runbook {task.run_id} worker {number}"
        with task.target.connect(name) as connection:
            worker = BatchWorker(connection, task.parameters, self.statement)
            cost, size, single = Cost(), 1, -math.inf
            while self._may_go(number, tids):
                # Of one row, now and then: what a batch costs by itself rises and falls with the load.
                batch = tids.take(1 if time.perf_counter() - single >= REPAINT else size)
                if batch is None:
                    break
                try:
                    seconds = self._batch(worker, batch)
                except BaseException:
                    self.stop.set()  # for the other workers too, before their next batch
                    raise
                if batch.size == 1:
                    single = time.perf_counter()
                cost.add(batch.size, seconds)
                size = pace.next_size(max(size, batch.size), cost)
                self.progress.rested += (pause := pace.pause(seconds))
                self.stop.wait(pause)

    def _may_go(self, number: int, tids: Tids) -> bool:
        """Wait for this worker's turn; return whether there is one."""
        self.free.wait()
        while number > 0 and self.pace.gently and tids.given < tids.total and not self.stop.wait(TURN):
            pass
        return not self.stop.is_set()

    def _batch(self, worker: BatchWorker, batch: Batch) -> float:
        """Do one batch, again where it meets a lock; return the seconds the server worked on it."""
        for pause in lock_retry.pauses():
            try:
                done, seconds = worker.do(batch)
            except RETRIED:
                worker.connection.execute(b"ROLLBACK")
                self.progress.retries += 1
            else:
                self.progress.add(batch.size, done)
                return seconds
            if self.stop.wait(pause):
                return 0.0
        raise TryAgain(
            f"The batch from {batch.first} to {batch.last} met a lock or a deadlock at every attempt; those before it "
            f"stand. {older_transactions.holders(worker.connection)}"
        )


def _extent(connection: psycopg.Connection, table: str) -> tuple[int, int]:
    """Return how many heap blocks the table has, and how many rows one holds as far as the statistics know."""
    row = connection.execute(EXTENT, [table]).fetchone()
    return row if row else (1, 1)
