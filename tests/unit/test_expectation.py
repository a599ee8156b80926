"""Checks: every expectation of the grammar, passing and failing, and what is no expectation."""

from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from runbook.errors import UsageError
from runbook.query.expectation import Expectation, Refused
from runbook.query.statistics import Comparison, Measurement
from runbook.query.table import Table

NONE = Table(["n"], [])
ONE = Table(["n"], [[1]])
TWO = Table(["n", "right"], [[1, True], [2, True]])
HALF = Table(["n", "right"], [[1, True], [2, None]])
DENIED = Refused("42501", "permission denied")


def steady(milliseconds: float) -> Measurement:
    return Measurement("steady", np.full(50, milliseconds))


def noisy(milliseconds: float) -> Measurement:
    return Measurement("noisy", np.random.default_rng(1).normal(milliseconds, milliseconds, 40))


def slower(percent: float) -> Comparison:
    return Comparison("both", steady(10), steady(10 * (1 + percent / 100)))


@pytest.mark.parametrize(
    ("expected", "found", "passed"),
    [
        ("no rows", NONE, True),
        ("no rows", ONE, False),
        ("some rows", ONE, True),
        ("some rows", NONE, False),
        ("1 row", ONE, True),
        ("2 rows", TWO, True),
        ("2 rows", ONE, False),
        ("1,000 rows", [[n] for n in range(1000)], True),
        ("all true", TWO, True),
        ("all true", HALF, False),
        ("all true", NONE, False),
        ("true", True, True),
        ("true", np.True_, True),
        ("true", False, False),
        ("true", 1, False),
        ("error 42501", DENIED, True),
        ("error 23505", DENIED, False),
        ("error 42501", NONE, False),
        ("no rows", DENIED, False),
        ("= 0", DENIED, False),
        ("= 1", ONE, True),
        ("= 2", ONE, False),
        ("= 1,500", 1500, True),
        ("= 5 MB", 5, True),
        ("= true", True, True),
        ("= true", False, False),
        ("= none", None, True),
        ("= 0", None, False),
        ("= a b", "a b", True),
        ("= a b", "a c", False),
        ("= 22023 PT402", "22023 PT402", True),
        ("= 9007199254740993", 9007199254740992, False),
        ("= 0.1", Decimal("0.1"), True),
        ("= 2025", datetime(2025, 1, 1, tzinfo=UTC), False),
        ("= 7d0d4e3c-0000-0000-0000-000000000000", UUID("7d0d4e3c-0000-0000-0000-000000000000"), True),
        ("< 1e-3", 0.0005, True),
        ("< 1e-3", 0.5, False),
        ("< 10", 9.99, True),
        ("< 10", 10, False),
        ("<= 10 ms", 10, True),
        ("<= 10 ms", 11, False),
        ("> -1", 0, True),
        ("> 10", 10, False),
        (">= 10", np.int64(10), True),
        (">= 10", 9, False),
        ("< 10", "many", False),
        ("< 10", float("nan"), False),
        ("< 50 ms", steady(49), True),
        ("< 50 ms", steady(51), False),
        ("< 50 ms", noisy(55), True),
        ("< 50 ms or 52 ms", steady(51), True),
        ("< 10 %", noisy(10).spread(), False),
        ("< 10 % or 20 ms", noisy(10).spread(), True),
        ("<= 10 %", slower(9), True),
        ("<= 10 %", slower(11), False),
        ("<= 10 % or 5 ms", slower(11), True),
        ("<= 10 % or 5 ms", slower(51), False),
        ("<= 10 % or 5 ms", slower(9), True),
        ("<= 10 %", slower(-50), True),
    ],
)
def test_an_expectation_passes_or_fails(expected, found, passed):
    assert Expectation(expected).judge(found)[0] is passed


@pytest.mark.parametrize(
    ("expected", "found", "words"),
    [
        ("no rows", TWO, "2 rows"),
        ("no rows", [[n] for n in range(1234)], "1,234 rows"),
        ("all true", HALF, "1 of 2 true, not: 2"),
        ("= 0", 1234567, "1,234,567"),
        ("error 23505", DENIED, "error 42501: permission denied"),
        ("error 23505", ONE, "no error, 1 row"),
        ("< 50 ms", steady(49), "49.000 ms"),
        ("<= 10 %", slower(11), "+11.0 % (+11.0 … +11.0 %), +1.100 ms"),
    ],
)
def test_what_was_found_is_said_in_words(expected, found, words):
    assert Expectation(expected).judge(found)[1] == words


@pytest.mark.parametrize(
    ("expected", "found"),
    [
        ("nothing", NONE),
        ("", NONE),
        ("rows", ONE),
        ("no rows", 5),
        ("all true", "text"),
        ("= 1", TWO),
        ("= 1", NONE),
        ("> many", 5),
        ("> 5 ms", steady(1)),
        ("= 5 ms", steady(1)),
        ("< few ms", steady(1)),
    ],
)
def test_nonsense_is_refused(expected, found):
    with pytest.raises(UsageError):
        Expectation(expected).judge(found)


@given(st.integers(), st.integers())
def test_whole_numbers_compare_exactly(limit, found):
    for sign, wanted in (("<", found < limit), ("<=", found <= limit), ("=", found == limit), (">=", found >= limit)):
        assert Expectation(f"{sign} {limit}").judge(found)[0] is wanted


def test_what_is_not_true_is_named_value_by_value_and_what_helps_behind_an_arrow():
    found = Table(
        ["item", "free", "what_to_do", "fine"], [["disk", None, "say how much", False], ["tables", 1, None, True]]
    )
    assert Expectation("all true").judge(found) == (False, "1 of 2 true, not: disk · → say how much")
