"""Tables as HTML that fits a narrow window: no column is out of sight, and no word is cut where it need not be."""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from html import escape
from typing import Any

from runbook.query import redaction

MAX_WIDTH = 100  # characters of a value
MAX_ACROSS = 6  # columns: a single row of more is shown upright; of more rows, what never changes is said below
MAX_BESIDE = 8  # columns beside each other; of more, the table is folded into parts, each with the first column
NARROWEST = 12  # characters of a word that a narrow window does not break
MUTED = "opacity:.75;font-size:90%"  # of the theme's own ink, light or dark
TEXT = "text-align:left;vertical-align:top;white-space:pre-wrap;overflow-wrap:anywhere"
NUMBER = "text-align:right;vertical-align:top;white-space:nowrap"
STAYS = ";position:sticky;left:0;background:inherit"  # where a table is wider than its window
GROUND = "background:var(--jp-layout-color0,Canvas)"  # of the page, JupyterLab's or a browser's
LONG_NAME = re.compile(rf"\w{{{NARROWEST + 1},}}")
Rows = Sequence[Sequence[Any]]


def render(names: Sequence[str], rows: Rows, numeric: Sequence[bool], most: int) -> str:
    """Return a table as HTML.

    Args:
        names: of the columns.
        rows: all of them.
        numeric: which columns hold nothing but numbers.
        most: how many rows are shown.
    """
    if len(rows) == 1 and len(names) > MAX_ACROSS:
        body = [_row([_th(name, TEXT), _td(name, value, TEXT)]) for name, value in zip(names, rows[0], strict=True)]
        return f"<table><tbody>{''.join(body)}</tbody></table>{_footer(1, most, {})}"
    same = _same_in_every_row(names, rows)
    places = [place for place, name in enumerate(names) if name not in same]
    folded = list(_folded(places))
    style = ' style="font-size:90%"' if len(folded) > 1 else ""
    parts = (f"<table{style}>{_part(part, names, rows[:most], numeric)}</table>" for part in folded)
    return "".join(parts) + _footer(len(rows), most, same)


def cell_text(column: str, value: Any) -> str:
    """Return a value as a table shows it, redacted where the environment is protected."""
    value = redaction.shown(column, value)
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "–"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, Decimal | float):
        return f"{float(value):,.10g}"
    text = str(value)
    return text if len(text) <= MAX_WIDTH else f"{text[: MAX_WIDTH - 1]}…"


def _part(places: Sequence[int], names: Sequence[str], rows: Rows, numeric: Sequence[bool]) -> str:
    """Return the columns at these places as rows; the first stays in sight where the window is narrower."""
    columns = []
    for place in places:
        style = (NUMBER if numeric[place] else TEXT) + STAYS * (place == places[0])
        columns.append((place, names[place], style, 0 if numeric[place] else _narrowest(names[place], rows, place)))
    head = _row(_th(name, style, narrowest) for _, name, style, narrowest in columns)
    body = (_row(_td(name, row[place], style) for place, name, style, _ in columns) for row in rows)
    return f"<thead>{head}</thead><tbody>{''.join(body)}</tbody>"


def _same_in_every_row(names: Sequence[str], rows: Rows) -> dict[str, str]:
    """Return the columns of a wide table that say the same in every row, with what they say."""
    if len(rows) < 2 or len(names) < MAX_ACROSS:
        return {}
    said = {name: {cell_text(name, row[place]) for row in rows} for place, name in enumerate(names)}
    same = {name: values.pop() for name, values in said.items() if len(values) == 1}
    return same if len(same) < len(names) else {}


def _folded(places: list[int]) -> Iterator[list[int]]:
    """Yield the columns that stand beside each other: all, or equal parts of them, each with the first."""
    if len(places) <= MAX_BESIDE:
        yield places
        return
    first, *others = places
    parts = -(-len(others) // (MAX_BESIDE - 1))
    width = -(-len(others) // parts)
    for begin in range(0, len(others), width):
        yield [first, *others[begin : begin + width]]


def _row(cells: Iterable[str]) -> str:
    return f"<tr>{''.join(cells)}</tr>"


def _th(name: str, style: str, narrowest: int = 0) -> str:
    style = style.replace("nowrap", "normal").replace("background:inherit", GROUND)
    style += f";min-width:{narrowest * 0.65 + 1:.1f}em" if narrowest else ""
    return f'<th style="{style}">{escape(name).replace("_", "_<wbr>")}</th>'


def _td(name: str, value: Any, style: str) -> str:
    text = LONG_NAME.sub(lambda found: found[0].replace("_", "_<wbr>"), escape(cell_text(name, value)))
    return f'<td style="{style}">{text}</td>'


def _narrowest(name: str, rows: Rows, place: int) -> int:
    """Return how many characters of a column no narrow window may break."""
    said = " ".join([name, *(cell_text(name, row[place]) for row in rows)])
    return min(NARROWEST, max(map(len, said.replace("_", "_ ").split()), default=1))


def _footer(rows: int, most: int, same: Mapping[str, str]) -> str:
    note = f"{rows:,} row{'' if rows == 1 else 's'}" + (f", the first {most} shown" if rows > most else "")
    if same:
        note += "; in every row: " + ", ".join(f"{name} {value}" for name, value in same.items())
    return f'<div style="{MUTED}">{escape(note)}</div>'
