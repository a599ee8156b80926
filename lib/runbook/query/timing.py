"""Timing: samples of how long statements take, each rolled back.

Small times drift with the machine, so two statements are never timed one after the other: their samples are
taken in pairs, in alternating order, in one session.
"""

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np
import psycopg

from runbook.errors import UsageError
from runbook.query.expectation import Expectation
from runbook.query.statistics import Comparison, Measurement

WARM_UP = 10
MOST_ROUNDS = 10  # of samples, where a busy machine leaves a figure vague
MODES = {
    "statement": "the statement alone, planned every time",
    "prepared": "the statement alone, planned once by whoever runs it",
    "request": "prepared, and opening, taking the role and closing count too, as in a request to an API",
}


@dataclass(frozen=True)
class TimedStatement:
    """What is timed.

    Attributes:
        statement: sent as it is.
        ready: sent before each sample, outside the timed region, such as taking a role.
    """

    statement: bytes
    ready: bytes = b""


def measure(connection: psycopg.Connection, name: str, statement: bytes, samples: int, until: str = "") -> Measurement:
    """Time a statement `samples` times, or ten times as often at most, each in a savepoint that is rolled back.

    Args:
        connection: inside a transaction.
        name: what the figure is called.
        statement: sent as it is.
        samples: how many are kept of each round; a few more warm up first.
        until: expectation of the median's spread that ends the rounds; empty: one round is enough.
    """

    def is_enough(found: Measurement) -> bool:
        return not until or Expectation(until).judge(found.spread())[0]

    subject = TimedStatement(statement)
    times = [_once(connection, subject) for _ in range(WARM_UP + samples)][WARM_UP:]
    while not is_enough(found := Measurement(name, np.array(times))) and len(times) < MOST_ROUNDS * samples:
        times += [_once(connection, subject) for _ in range(samples)]
    return found


def measure_fresh(
    open_session: Callable[[], psycopg.Connection], name: str, subject: TimedStatement, samples: int
) -> Measurement:
    """Time the first call of a statement in `samples` sessions of its own, each rolled back."""
    times = []
    for _ in range(samples):
        with open_session() as connection:
            connection.execute(b"BEGIN")
            times.append(_once(connection, subject))
            connection.execute(b"ROLLBACK")
    return Measurement(name, np.array(times))


def compare(
    connection: psycopg.Connection,
    name: str,
    before: TimedStatement,
    after: TimedStatement,
    samples: int,
    mode: str = "statement",
    until: str = "",
) -> Comparison:
    """Time two subjects in pairs, in alternating order, each in a savepoint that is rolled back.

    Args:
        connection: inside a transaction.
        name: what the figure is called.
        before: the yardstick.
        after: what is held against it.
        samples: number of pairs kept of each round; a few more warm up first.
        mode: what counts; see `MODES`.
        until: expectation of the comparison that ends the rounds, ten at most; empty: one round is enough.

    Raises:
        UsageError: there is no such mode.
    """
    if mode not in MODES:
        raise UsageError(f"There is no mode {mode!r} of comparing; there are {', '.join(MODES)}.")
    if mode != "statement":
        connection.execute(b"DEALLOCATE ALL")
        before, after = _prepare(connection, before, b"runbook_before"), _prepare(connection, after, b"runbook_after")
    once = _request if mode == "request" else _once
    pairs = [_pair(connection, once, before, after, number) for number in range(WARM_UP + samples)][WARM_UP:]
    while True:
        times = np.array(pairs)
        found = Comparison(name, Measurement("before", times[:, 0]), Measurement("after", times[:, 1]))
        if not until or Expectation(until).judge(found)[0] or len(pairs) >= MOST_ROUNDS * samples:
            return found
        pairs += [_pair(connection, once, before, after, number) for number in range(samples)]


def _pair(
    connection: psycopg.Connection,
    once: Callable[[psycopg.Connection, TimedStatement], float],
    before: TimedStatement,
    after: TimedStatement,
    number: int,
) -> tuple[float, float]:
    if number % 2:
        second = once(connection, after)
        return once(connection, before), second
    return once(connection, before), once(connection, after)


def _prepare(connection: psycopg.Connection, subject: TimedStatement, name: bytes) -> TimedStatement:
    # Each by its own name and in its own role: the server plans a shared one anew at every change of role.
    connection.execute(b"SAVEPOINT measurement")
    if subject.ready:
        connection.execute(subject.ready)
    connection.execute(b"PREPARE " + name + b" AS " + subject.statement)
    connection.execute(b"ROLLBACK TO SAVEPOINT measurement; RELEASE SAVEPOINT measurement")
    return TimedStatement(b"EXECUTE " + name, subject.ready)


def _once(connection: psycopg.Connection, subject: TimedStatement) -> float:
    connection.execute(b"SAVEPOINT measurement; " + subject.ready)
    begun = perf_counter()
    connection.execute(subject.statement)
    elapsed = perf_counter() - begun
    connection.execute(b"ROLLBACK TO SAVEPOINT measurement; RELEASE SAVEPOINT measurement")
    return elapsed * 1000


def _request(connection: psycopg.Connection, subject: TimedStatement) -> float:
    begun = perf_counter()
    connection.execute(b"SAVEPOINT measurement")
    if subject.ready:
        connection.execute(subject.ready)
    connection.execute(subject.statement)
    connection.execute(b"ROLLBACK TO SAVEPOINT measurement; RELEASE SAVEPOINT measurement")
    return (perf_counter() - begun) * 1000
