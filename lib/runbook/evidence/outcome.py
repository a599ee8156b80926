"""The outcome: a sentence of the plan about what a task did, with figures from its notes."""

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

from runbook.plan.model import Outcome

UNKNOWN = "?"  # stands for a figure that the note does not hold


class _Unknown:
    """A figure nobody has noted: shown as such, whatever format is asked for."""

    def __format__(self, _form: str) -> str:
        return UNKNOWN


class _Figures(dict[str, Any]):
    def __missing__(self, name: str) -> _Unknown:
        return _Unknown()


def outcome_of(told: Outcome | None, notes: Mapping[str, Any]) -> str:
    """Return the sentence about what a task did; empty if the plan has none or nothing was noted.

    Args:
        told: the plan's words, and the note that holds their figures.
        notes: what the task wrote down, by name. Of a table the first row counts; only numbers are said.
    """
    noted = notes.get(told.note) if told else None
    if told is None or not isinstance(noted, Mapping):
        return ""
    if noted.keys() == {"names", "rows"}:
        noted = dict(zip(noted["names"], noted["rows"][0], strict=True)) if noted["rows"] else {}
    figures = {name: _number(value) for name, value in noted.items()}
    return told.words.format_map(_Figures({name: one for name, one in figures.items() if one is not None}))


def _number(value: Any) -> Decimal | None:
    """Return a figure as the ledger keeps it, or None for what is no number."""
    try:
        found = Decimal(str(value))
    except InvalidOperation:
        return None
    if not found.is_finite():
        return None
    return found.quantize(Decimal(1)) if found == found.to_integral_value() else found
