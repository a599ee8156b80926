"""What a cell shows: ipython-sql's tables made readable, verdicts, the task's header, the gate, progress.

Everything has a plain text form as well: it is what nbval compares and what a terminal reads.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from html import escape
from typing import TYPE_CHECKING, Any

from sql.run import ResultSet

from runbook.query import redaction, table_html
from runbook.query.table_html import MUTED, cell_text

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 20
PASS, FAIL, INFO, WARN = "#1a7f37", "#b3261e", "#1f5f99", "#8a5300"
ENVIRONMENT_COLOURS = {False: INFO, True: FAIL}


@dataclass(frozen=True)
class _Rows:
    """What ipython-sql's ResultSet reads: SQLAlchemy's result, in as much as it uses it."""

    names: Sequence[str]
    rows: Sequence[Sequence[Any]]
    returns_rows: bool = True

    def keys(self) -> list[str]:
        return list(self.names)

    def fetchall(self) -> list[tuple[Any, ...]]:
        return [tuple(row) for row in self.rows]


class _Config:
    autolimit = 0
    displaylimit = MAX_ROWS
    style = "DEFAULT"


class Table(ResultSet):  # type: ignore[misc]
    """ipython-sql's result set: a list of rows with `.DataFrame()`, `.dicts()`, `.csv()`; shown 20 rows at most."""

    def __init__(self, names: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        super().__init__(_Rows(names, rows), _Config())
        for position, name in enumerate(self.field_names):
            values = [row[position] for row in self if row[position] is not None]
            numeric = bool(values) and all(isinstance(value, int | float | Decimal) for value in values)
            self.pretty.align[name] = "r" if numeric else "l"
            self.pretty.custom_format[name] = cell_text

    @classmethod
    def from_frame(cls, frame: "pd.DataFrame") -> "Table":
        """Return a frame, shown like what a query returns."""
        return cls([str(name) for name in frame.columns], frame.astype(object).to_numpy().tolist())

    def DataFrame(self) -> "pd.DataFrame":  # noqa: N802 - ipython-sql's name
        """Return the table as a frame, its columns named where it has no row too."""
        import pandas as pd

        return pd.DataFrame(list(self), columns=list(self.field_names))

    def where(self, wanted: Callable[[Sequence[Any]], bool]) -> "Table":
        """Return the table with the rows that are wanted, under the same names."""
        return Table(list(self.field_names), [row for row in self if wanted(row)])

    def without_last(self) -> "Table":
        """Return the table without its last column."""
        return Table(list(self.field_names)[:-1], [row[:-1] for row in self])

    def summary(self) -> dict[str, Any]:
        """Return the table as the ledger keeps it, its columns in their order: what makes it again."""
        return {"names": list(self.field_names), "rows": [list(row) for row in self]}

    def markdown(self) -> str:
        """Return the table in Markdown, all of its rows, each value as it is shown; empty where it has none."""
        if not self:
            return ""
        rows = [[cell_text(name, value) for name, value in zip(self.field_names, row, strict=True)] for row in self]
        lines = [list(self.field_names), ["---"] * len(self.field_names), *rows]
        return "\n".join("| " + " | ".join(map(_in_markdown, line)) + " |" for line in lines) + "\n"

    def _repr_html_(self) -> str:
        numeric = [self.pretty.align[name] == "r" for name in self.field_names]
        return table_html.render(self.field_names, self, numeric, MAX_ROWS)

    def __repr__(self) -> str:
        self.pretty.add_rows(self)
        text = self.pretty.get_string()
        more = len(self) - MAX_ROWS
        return f"{text}\n… {more:,} more rows" if more > 0 else str(text)

    __str__ = __repr__


class Markup:
    """Something shown as HTML where there is a browser, as text where there is none."""

    def __init__(self, html: str, text: str) -> None:
        self.html, self.text = html, text

    def _repr_html_(self) -> str:
        return self.html

    def __repr__(self) -> str:
        return self.text


def show_redacted(table: Table) -> Table:
    """Return the table as it may be shown, where the environment is protected."""
    names = list(table.field_names)
    return Table(
        names, [[redaction.shown(name, value) for name, value in zip(names, row, strict=True)] for row in table]
    )


def show_verdict(
    passed: bool, name: str, expected: str, actual: str, decides: Iterable[tuple[str, str]], accepted: str = ""
) -> Markup:
    """Return the badge of a check.

    Args:
        passed: the verdict.
        name: the check's name.
        expected: in words.
        actual: in words.
        decides: pairs of `criterion` or `trigger` and the plan's words.
        accepted: who let what was found stand, and why; empty: nobody had to.
    """
    colour, sign, word = (PASS, "✓", "PASS") if passed else (FAIL, "✗", "FAIL")
    if accepted:
        colour, sign, word = WARN, "!", "ACCEPTED"
    decides = [*decides, *([("accepted", accepted)] if accepted else [])]
    lines = "".join(f'<div style="{MUTED}">{kind} · {escape(text)}</div>' for kind, text in decides)
    html = (
        f'<div role="status" style="border-left:6px solid {colour};padding:4px 10px;margin:2px 0">'
        f'<span style="background:{colour};color:#fff;border-radius:4px;padding:1px 7px;font-weight:600">'
        f"{sign} {word}</span> <b>{escape(name)}</b>"
        f"<div>expected <b>{escape(expected)}</b>, found <b>{escape(actual)}</b></div>{lines}</div>"
    )
    text = f"{sign} {word}  {name}: expected {expected}, found {actual}"
    return Markup(html, "\n".join([text, *(f"        {kind}: {words}" for kind, words in decides)]))


def show_header(title: str, facts: Sequence[tuple[str, str]], protected: bool) -> Markup:
    """Return the head of a notebook: the task, and the facts an operator must not miss."""
    colour = ENVIRONMENT_COLOURS[protected]
    items = "".join(
        f'<span style="display:inline-block;margin-right:1.6em"><span style="opacity:.85">{escape(name)}</span> '
        f"<b>{escape(value)}</b></span>"
        for name, value in facts
    )
    html = (
        f'<div style="background:{colour};color:#fff;padding:10px 14px;border-radius:6px">'
        f'<div style="font-size:125%;font-weight:600">{escape(title)}</div><div>{items}</div></div>'
    )
    return Markup(html, f"{title}\n" + " · ".join(f"{name} {value}" for name, value in facts))


def show_elapsed(seconds: float) -> str:
    """Return how long something took, as a person says it: `4.2 s`, `12 min`."""
    return f"{seconds:.1f} s" if seconds < 60 else f"{seconds / 60:.0f} min"


def show_progress(label: str, done: int, total: int, detail: str) -> Markup:
    """Return a progress bar."""
    share = done / total if total else 1.0
    html = (
        f"<div><b>{escape(label)}</b> · {share:.0%} · {escape(detail)}"
        f'<div style="background:#d0d7de;border-radius:4px;height:10px;width:420px">'
        f'<div style="background:{INFO};border-radius:4px;height:10px;width:{share:.1%}"></div></div></div>'
    )
    return Markup(html, f"{label}: {share:.0%} · {detail}")


def _in_markdown(value: str) -> str:
    return value.replace("|", "\\|").replace("\n", "<br>")
