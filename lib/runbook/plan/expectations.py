"""The grammar of expectations: what may follow the colon of a check."""

import re

from runbook.errors import UsageError
from runbook.plan.cells import VARIES

GRAMMAR = (
    "no rows · N rows · some rows · all true · true · error SQLSTATE · = text · < <= >= > number [unit] [or number ms]"
)
ROWS = re.compile(r"(\d[\d,]*) rows?")
REFUSAL = re.compile(r"error (\w{5})")
COMPARISON = re.compile(r"(<=|>=|<|>|=) ?(.+)")
NUMBER = re.compile(r"-?[\d,]*\.?\d+(?:[eE][-+]?\d+)?")
ALL_TRUE = "all true"
WORDS = {"no rows", "some rows", ALL_TRUE, "true"}
AS_FOUND = "as found"  # in a matrix of who may do what: declares nothing, what comes of it is on record for later
STAND_INS = ("1", "11111")  # for `…`, what is known only when the cell runs


def problem(text: str) -> str:
    """Return why an expectation is not in the grammar, or an empty text."""
    if text == VARIES or any(_is_understood(text.replace(VARIES, one)) for one in STAND_INS):
        return ""
    lacks = "needs a number" if COMPARISON.fullmatch(text) else "is not understood"
    return f"The expectation {text!r} {lacks}; write one of: {GRAMMAR}."


def require_understood(text: str) -> None:
    """Make sure that an expectation is in the grammar.

    Raises:
        UsageError: it is not; the message holds the grammar.
    """
    if said := problem(text):
        raise UsageError(said)


def _is_understood(text: str) -> bool:
    if comparison := COMPARISON.fullmatch(text):
        return comparison[1] == "=" or bool(NUMBER.match(comparison[2].strip()))
    return text in WORDS or bool(ROWS.fullmatch(text) or REFUSAL.fullmatch(text))
