"""Work beside a test, and waiting for what it must come to."""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import psycopg

T = TypeVar("T")
PATIENCE = 30  # seconds a test waits for what must come; no figure is measured against it


def wait_until(condition: Callable[[], T], patience: float = PATIENCE) -> T:
    deadline = time.monotonic() + patience
    while not (found := condition()):
        assert time.monotonic() < deadline, "what was waited for did not come"
        time.sleep(0.01)
    return found


@contextmanager
def in_background(work: Callable[[], object]) -> Iterator[threading.Thread]:
    """Run `work` beside the test; what it raises is raised at the end."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield thread
    finally:
        thread.join(PATIENCE)
    assert not thread.is_alive()
    for failure in failures:
        raise failure


def waits_for(observer: psycopg.Connection, waiting: psycopg.Connection, holding: psycopg.Connection) -> bool:
    """Return whether a session waits for another's lock."""
    row = observer.execute(
        "SELECT %s = ANY (pg_blocking_pids(%s))", [holding.info.backend_pid, waiting.info.backend_pid]
    ).fetchone()
    return row == (True,)
