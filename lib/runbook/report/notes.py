"""The notes of a run in a readable form, whatever they are about.

A note's shape decides how it is shown. Two notes whose names differ in `before` and `after` only belong together.
"""

import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from runbook import formatting
from runbook.evidence.model import TaskEntry
from runbook.report import access

SIDE = re.compile(r"(?:^|[\s_·,:-]+)(before|after)(?=$|[\s_·,:-])", re.IGNORECASE)
MOST_ROWS = 20
MOST_LINES = 400


@dataclass(frozen=True)
class Note:
    """A value a task wrote down.

    Attributes:
        text: the value in words, for a line of its own.
        folded: the value at length, where it is too long for a line.
        columns: names of the columns, where the value is a table.
        numeric: which columns hold nothing but numbers.
        rows: its rows, as many as are shown.
        more: how many rows are not.
    """

    task: int
    name: str
    text: str = ""
    folded: str = ""
    columns: tuple[str, ...] = ()
    numeric: tuple[bool, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    more: int = 0


@dataclass(frozen=True)
class Difference:
    """A value before and after.

    Attributes:
        rows: (what, before, after, change) for plain values and objects of them.
        lines: a unified diff for everything else, without its header.
        summary: in words.
    """

    name: str
    summary: str
    rows: tuple[tuple[str, str, str, str], ...] = ()
    lines: tuple[str, ...] = ()


@dataclass
class Changes:
    """Everything the tasks wrote down, sorted by what it is.

    Attributes:
        measurements: (task, summary of a `Measurement`).
        comparisons: (task, summary of a `Comparison`).
    """

    differences: list[Difference] = field(default_factory=list)
    notes: list[Note] = field(default_factory=list)
    measurements: list[tuple[int, dict[str, Any]]] = field(default_factory=list)
    comparisons: list[tuple[int, dict[str, Any]]] = field(default_factory=list)

    @property
    def reach(self) -> float:
        """How far the intervals of the comparisons reach from 0, in percent; 10 at least."""
        return max([10.0, *(abs(float(one[side])) for _, one in self.comparisons for side in ("low", "high"))])


def sort_notes(tasks: Sequence[TaskEntry], skip: tuple[str, ...] = ()) -> Changes:
    """Return what the notes of a manifest's tasks tell, without empty ones and those named in `skip`."""
    found = Changes()
    sides: dict[str, dict[str, tuple[int, Any]]] = {}
    for task in tasks:
        for name, value in task.notes.items():
            side = SIDE.search(name)
            if name in skip or value == "" or access.is_matrix(value):
                continue
            if isinstance(value, dict) and {"before", "after", "change"} <= value.keys():
                found.comparisons.append((task.number, value))
            elif isinstance(value, dict) and {"median", "low", "high"} <= value.keys():
                found.measurements.append((task.number, value))
            elif side:
                bare = " ".join((name[: side.start()] + " " + name[side.end() :]).split())
                sides.setdefault(bare, {})[side[1].lower()] = (task.number, value)
            else:
                found.notes.append(_note(task.number, name, value))
    for name, pair in sides.items():
        if len(pair) == 2:
            found.differences.append(_difference(name, pair["before"][1], pair["after"][1]))
        else:
            found.notes += [_note(number, f"{name} {side}", value) for side, (number, value) in pair.items()]
    return found


def _note(task: int, name: str, value: Any) -> Note:
    if isinstance(value, dict) and value.keys() == {"names", "rows"}:  # a table a cell wrote
        value = [dict(zip(value["names"], row, strict=True)) for row in value["rows"]]
    if isinstance(value, list) and value and all(isinstance(row, dict) for row in value):
        columns = tuple(dict.fromkeys(key for row in value for key in row))
        rows = tuple(tuple(formatting.value(row.get(column)) for column in columns) for row in value[:MOST_ROWS])
        numeric = tuple(all(_is_number(row.get(column)) for row in value) for column in columns)
        return Note(task, name, columns=columns, numeric=numeric, rows=rows, more=max(len(value) - MOST_ROWS, 0))
    said = formatting.value(value)
    if len(said) > formatting.LONGEST or "\n" in said:
        return Note(task, name, folded=formatting.text(value))
    return Note(task, name, text=said)


def _difference(name: str, before: Any, after: Any) -> Difference:
    if before == after:
        return Difference(name, "unchanged")
    if _is_flat(before) and _is_flat(after):
        return Difference(name, "changed", rows=(_row("", before, after),))
    if isinstance(before, dict) and isinstance(after, dict) and all(map(_is_flat, [*before.values(), *after.values()])):
        keys = dict.fromkeys([*before, *after])
        rows = tuple(_row(key, before.get(key), after.get(key)) for key in keys)
        changed = sum(before.get(key) != after.get(key) for key in keys)
        return Difference(name, f"{changed} of {len(rows)} changed", rows=rows)
    old, new = formatting.text(before).splitlines(), formatting.text(after).splitlines()
    lines = list(difflib.unified_diff(old, new, lineterm="", n=2))[2:]
    added, removed = (sum(line.startswith(sign) for line in lines) for sign in "+-")
    summary = f"{formatting.amount(added, 'line')} added, {formatting.amount(removed, 'line')} removed"
    if len(lines) > MOST_LINES:
        lines = [*lines[:MOST_LINES], f"… {len(lines) - MOST_LINES:,} more lines"]
    return Difference(name, summary, lines=tuple(lines))


def _row(what: str, before: Any, after: Any) -> tuple[str, str, str, str]:
    change = "" if before != after else "–"
    if before != after and _is_number(before) and _is_number(after):
        change = f"{after - before:+,.10g}" + (f" ({after / before - 1:+.0%})" if before else "")
    return what, formatting.value(before), formatting.value(after), change


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_flat(value: Any) -> bool:
    is_short = not isinstance(value, str) or (len(value) <= formatting.LONGEST and "\n" not in value)
    return not isinstance(value, dict | list) and is_short
