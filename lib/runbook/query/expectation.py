"""Expectations: what a check must find, in words, compared with what it found."""

import operator
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from itertools import zip_longest
from typing import Any, Protocol, runtime_checkable

import numpy as np

from runbook.errors import UsageError
from runbook.plan.expectations import ALL_TRUE, COMPARISON, NUMBER, REFUSAL, ROWS, require_understood
from runbook.query.redaction import shown

OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
    "=": operator.eq,
}
REMEDIES = {"what_to_do": "→ "}  # columns that say what helps, and what stands before it
MOST_NAMED = 3  # rows that are not true, in a verdict


@runtime_checkable
class Measured(Protocol):
    """A figure with an uncertainty: it is over a limit only where that is more than noise."""

    def exceeds(self, limit: float, floor: float) -> bool:
        """Tell whether the figure is above `limit` beyond reasonable doubt, and above `floor` milliseconds."""


@dataclass(frozen=True)
class Refused:
    """What a statement got that the server refused.

    Attributes:
        sqlstate: the five characters of the SQL standard.
    """

    sqlstate: str
    message: str


@dataclass(frozen=True)
class Expectation:
    """What must be found, in words (see `runbook.plan.expectations`)."""

    text: str

    def judge(self, found: Any) -> tuple[bool, str]:
        """Compare `found` with the expectation.

        Args:
            found: rows (a sequence of sequences), a scalar, a measured figure, or a refusal.

        Returns:
            Whether it passes, and what was found, in words.

        Raises:
            UsageError: the expectation is not in the grammar, or does not fit what was found.
        """
        require_understood(self.text)
        if isinstance(found, np.generic):
            found = found.item()  # what pandas counted is a number like any other
        if expected := REFUSAL.fullmatch(self.text):
            if isinstance(found, Refused):
                return found.sqlstate == expected[1], f"error {found.sqlstate}: {found.message}"
            return False, f"no error, {_in_words(found)}"
        if isinstance(found, Refused):
            return False, f"error {found.sqlstate}: {found.message}"
        if comparison := COMPARISON.fullmatch(self.text):
            return _compare(comparison[1], comparison[2].strip(), found)
        return self._judge_rows(found)

    def failing(self, found: Any) -> Any:
        """Return the part of a failed result that is wrong: if all rows must be true, those that are not."""
        if self.text != ALL_TRUE or not _is_rows(found):
            return found
        return (
            found.where(lambda row: row[-1] is not True)
            if hasattr(found, "where")
            else [row for row in found if row[-1] is not True]
        )

    def _judge_rows(self, found: Any) -> tuple[bool, str]:
        if self.text == "true":
            return found is True, str(found).lower()
        if not _is_rows(found):
            raise UsageError(f"The expectation {self.text!r} is about rows, but {found!r} was found.")
        if self.text == "no rows":
            passed = not found
        elif self.text == "some rows":
            passed = bool(found)
        elif rows := ROWS.fullmatch(self.text):
            passed = len(found) == int(rows[1].replace(",", ""))
        else:  # all true
            wrong = sum(row[-1] is not True for row in found)
            named = f", not: {_named(self.failing(found))}" if wrong else ""
            return bool(found) and not wrong, f"{len(found) - wrong} of {len(found)} true{named}"
        return passed, _in_words(found)


def _is_rows(found: Any) -> bool:
    return isinstance(found, Sequence) and not isinstance(found, str | bytes)


def _named(rows: Sequence[Sequence[Any]]) -> str:
    """Name rows by the values before their verdict; personal data is redacted on a protected environment."""
    columns = getattr(rows, "field_names", ())
    named = []
    for row in rows[:MOST_NAMED]:
        pairs = zip_longest(columns, row[:-1], fillvalue="")
        said = (REMEDIES.get(column, "") + str(shown(column, value)) for column, value in pairs if value is not None)
        named.append(" · ".join(filter(None, said)))
    more = [f"{len(rows) - MOST_NAMED} more"] if len(rows) > MOST_NAMED else []
    return "; ".join([*filter(None, named), *more])


def _in_words(found: Any) -> str:
    if not _is_rows(found):
        return str(found)
    return {0: "no rows", 1: "1 row"}.get(len(found), f"{len(found):,} rows")


def _compare(sign: str, limit: str, found: Any) -> tuple[bool, str]:
    if _is_rows(found):
        if len(found) != 1 or len(found[0]) != 1:
            raise UsageError(f"'{sign} {limit}' needs one value, but the query returned {_in_words(found)}.")
        found = found[0][0]
    number = NUMBER.match(limit)
    if isinstance(found, Measured):
        if number is None or not sign.startswith("<"):
            raise UsageError(f"A measured figure is held against '< number' or '<= number', not '{sign} {limit}'.")
        floor = re.search(r" or ([\d.]+) ms$", limit)
        return not found.exceeds(float(number[0].replace(",", "")), float(floor[1]) if floor else 0.0), str(found)
    if isinstance(found, bool) or found is None or number is None:
        words = str(found) if isinstance(found, str) else str(found).lower()  # true, false, none
        return sign == "=" and words.lower() == limit.lower(), words
    try:
        passed = OPERATORS[sign](Decimal(str(found)), Decimal(number[0].replace(",", "")))
    except InvalidOperation:  # no number was found
        return sign == "=" and str(found) == limit, str(found)
    return passed, f"{found:,}" if isinstance(found, int) else str(found)
