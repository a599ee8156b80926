"""Retry: DDL and probes wait half a second for a lock, so that nobody queues behind them, and then try again."""

import time
from collections.abc import Callable, Iterator
from typing import TypeVar

import psycopg

from runbook.errors import StepFailed, TryAgain
from runbook.query import older_transactions

T = TypeVar("T")
HELD = (psycopg.errors.LockNotAvailable, psycopg.errors.DeadlockDetected)
LOCK_TIMEOUT = "500ms"  # others queue behind a session that waits for a lock, so none of ours waits for long
ATTEMPTS = 12
LONGEST_PAUSE = 30.0


def pauses() -> Iterator[float]:
    """Yield the seconds to wait after each failed attempt: 0.2, 0.4, 0.8 … up to the longest pause."""
    for attempt in range(ATTEMPTS):
        yield min(0.2 * 2**attempt, LONGEST_PAUSE)


def retry_while_locked(connection: psycopg.Connection, action: Callable[[], T]) -> T:
    """Return what `action` returns; where it cannot get a lock in time, try again after a growing pause.

    `action` must leave nothing behind when it fails: one implicit transaction, or one that cleans up.

    Raises:
        TryAgain: every attempt met a lock; the message names whose transactions are open on the connection's
            database.
    """
    waited = 0.0
    for pause in pauses():
        try:
            return action()
        except (StepFailed, *HELD) as error:
            if error.sqlstate not in {one.sqlstate for one in HELD}:
                raise
            print(f"The lock is held by others: trying again in {pause:.1f} s.")
        time.sleep(pause)
        waited += pause
    raise TryAgain(
        f"The lock could not be had in {ATTEMPTS} attempts over {waited:.0f} s; nothing was changed. "
        f"{older_transactions.holders(connection)}"
    )
