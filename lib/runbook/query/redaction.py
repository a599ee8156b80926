"""Redaction: on a protected environment tables show no personal data, only what tells one person from another.

Which columns those are the plan says (`personal`), by the names they have in results. It is a matter of display: what a
cell computes with, and what checks decide on, stays whole.
"""

import hashlib
import re
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any
from uuid import UUID

from runbook.plan.plan import Environment, Plan

if TYPE_CHECKING:
    import pandas as pd

ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)
NAMES_ID = re.compile(r"(^|_)id$")  # a column of ids, whatever their type
PLAN, LITERAL = "QUERY PLAN", re.compile(r"'(?:[^']|'')*'")  # what EXPLAIN calls its lines
_hidden: set[str] = set()


def hide_personal(plan: Plan, environment: Environment) -> None:
    """Hide the plan's personal columns from now on, or nothing where the environment is not protected."""
    _hidden.clear()
    _hidden.update(plan.personal if environment.protected else ())
    if _hidden:
        _hide_frames()


def shown(column: str, value: Any) -> Any:
    """Return what may be shown of a value: of an id the beginning of its digest, of a text its first letter.

    The digest is the SHA-256 of the id as text, so whoever may ask the target can tell whose it is. Numbers, such as
    the position of a row in a log, name nobody and stay.
    """
    if column == PLAN and _hidden:  # its conditions name whom they are about
        return LITERAL.sub("'…'", str(value))
    if column not in _hidden or value is None or isinstance(value, bool | int | float):
        return value
    if isinstance(value, list):
        return [shown(column, one) for one in value]
    text = str(value)
    if isinstance(value, UUID) or ID.fullmatch(text) or NAMES_ID.search(column):
        return f"#{hashlib.sha256(text.lower().encode()).hexdigest()[:8]}"
    return f"{text[:1]}…"


def redacted_tables(value: Any) -> Any:
    """Return a note as it may be shown: of the tables in it, what `shown` lets be seen."""
    if isinstance(value, dict) and value.keys() == {"names", "rows"}:
        names = value["names"]
        return {
            "names": names,
            "rows": [[shown(name, one) for name, one in zip(names, row, strict=True)] for row in value["rows"]],
        }
    return value


@cache
def _hide_frames() -> None:
    """Have frames printed and displayed without what is personal; the frames themselves stay whole."""
    from pandas import DataFrame

    for method in ("__repr__", "_repr_html_"):
        setattr(DataFrame, method, _hiding(getattr(DataFrame, method)))


def _hiding(printed: Callable[["pd.DataFrame"], Any]) -> Callable[["pd.DataFrame"], Any]:
    def hidden(frame: "pd.DataFrame") -> Any:
        copy = frame.copy()
        for place, name in enumerate(frame.columns):
            if name in _hidden:
                copy.isetitem(place, [shown(name, one) for one in frame.iloc[:, place]])
        return printed(copy)

    return hidden
