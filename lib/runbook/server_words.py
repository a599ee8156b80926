"""The server's messages, without the rows of customers where the target is protected.

DETAIL, HINT and CONTEXT hold rows, and so do the message of an error about a value and whatever a function raises. What
stays is the SQLSTATE, the sentence without its values, and the names of what it is about; and what the runbook's own
SQL raises, word for word.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

VALUES = ("22",)  # classes of SQLSTATE whose messages hold a value, in quotes
RAISED = ("P0", "38", "39", "XX")  # classes whose messages are somebody's own words
RAISERS = {"exec_stmt_raise", "exec_stmt_assert"}  # functions of the server that pass such words on, of any class
RAISE = re.compile(r"\bRAISE\s+\w+\s+'((?:[^']|'')*)'")
QUOTED = re.compile(r'".*"', re.DOTALL)  # a value may hold quotes itself
WITHHELD = "a function of the target raised it; its words may hold rows, and are not repeated from a protected target"
PROGRAM = re.compile(r"^pg_\w+: ")  # begins what a client program says itself
ABOUT_VALUES = re.compile(r"\b(invalid|out of range|too long|malformed|not recognized)\b")


class Diagnostic(Protocol):
    """What a server says of an error or a notice."""

    @property
    def sqlstate(self) -> str | None:
        """Five characters."""

    @property
    def message_primary(self) -> str | None:
        """The sentence."""

    @property
    def message_detail(self) -> str | None:
        """What more there is to say."""

    @property
    def message_hint(self) -> str | None:
        """What may help."""

    @property
    def internal_query(self) -> str | None:
        """The text of the statement inside a function that failed."""

    @property
    def source_function(self) -> str | None:
        """The function of the server that said it."""

    @property
    def table_name(self) -> str | None:
        """The table it is about."""

    @property
    def column_name(self) -> str | None:
        """The column it is about."""

    @property
    def constraint_name(self) -> str | None:
        """The constraint it is about."""


@dataclass
class _Policy:
    """What is repeated in this process.

    Attributes:
        withholds: whether rows are held back.
        own: returns the SQL whose words hold no row.
    """

    withholds: bool = False
    own: Callable[[], str] = str


_policy = _Policy()


def withhold(own: Callable[[], str]) -> None:
    """Repeat from now on only what holds no row; `own` returns the SQL whose words may be repeated."""
    _policy.withholds, _policy.own = True, own


def repeat() -> None:
    """Repeat from now on everything a server says."""
    _policy.withholds = False


def are_withheld() -> bool:
    """Tell whether words of the server are withheld in this process."""
    return _policy.withholds


def message(said: Diagnostic, sent: str = "") -> str:
    """Return the sentence of an error or a notice that SQL which was sent has brought about."""
    text, kind = said.message_primary or "", (said.sqlstate or "")[:2]
    if not _policy.withholds or any(re.fullmatch(form, text, re.DOTALL) for form in _forms(sent)):
        return text
    if kind in RAISED or said.source_function in RAISERS:
        return WITHHELD
    return QUOTED.sub('"…"', text) if kind in VALUES or said.internal_query else text


def sentences(said: Diagnostic, sent: str = "") -> list[str]:
    """Return the sentence of an error, what more there is to say of it, and what helps."""
    if not _policy.withholds:
        return [part for part in (said.message_primary, said.message_detail, said.message_hint) if part]
    hint = said.message_hint if said.message_hint and said.message_hint in _policy.own() + sent else None
    named = {"table": said.table_name, "column": said.column_name, "constraint": said.constraint_name}
    first = message(said, sent)
    about = ", ".join(f"{kind} {name}" for kind, name in named.items() if name and f'"{name}"' not in first)
    return [part for part in (first, about, hint) if part]


def of_program(text: str) -> str:
    """Return what a client program such as pg_restore printed, in lines."""
    return "\n".join(_program_lines(text)) if _policy.withholds else text


def _program_lines(text: str) -> Iterator[str]:
    for line in text.splitlines():
        if PROGRAM.match(line):  # whatever follows it is DETAIL, CONTEXT or the command
            yield QUOTED.sub('"…"', line) if ABOUT_VALUES.search(line) else line


def _forms(sent: str) -> Iterator[str]:
    """Yield a pattern for every sentence that the runbook's own SQL raises, or the SQL that was sent."""
    for form in RAISE.findall(_policy.own() + sent):
        yield re.escape(form.replace("''", "'")).replace("%", ".*")
