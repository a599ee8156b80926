"""A step as an author begins with it: its words in the plan, its cells, its fault. It runs as it stands."""

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from runbook.authoring import template
from runbook.errors import UsageError

NAME = re.compile(r"[^\W_][^\x00-\x1f\x7f\"\\`]{0,79}")
USUAL_MINUTES = 5
IDENTIFIER = r"[a-z_][a-z0-9_]{0,62}"


@dataclass(frozen=True)
class NewStep:
    """A step that adds a column to a table and fills it, or makes a table, or asks whether a name is free.

    Attributes:
        number: as the plan numbers it, such as `1.2`.
        name: its title.
        table: the table it is about.
        column: the column it adds; empty: it makes the table.
        reads: it changes nothing, and asks.
    """

    number: str
    name: str
    table: str
    column: str = ""
    reads: bool = False

    @classmethod
    def named(cls, number: str, name: str, table: str = "", column: str = "", *, reads: bool = False) -> "NewStep":
        """Return the step, its table by default a new one that is named after it.

        Raises:
            UsageError: a name cannot be used.
        """
        if not NAME.fullmatch(name):
            raise UsageError(
                f"{name!r} is no name for a step or a task: begin with a letter or a digit, and use at most 80 "
                "characters, none of them a quotation mark, a backslash or a line break."
            )
        if column and not table:
            raise UsageError(f"Which table gets the column {column!r}? Say it with --table.")
        if table and not column and not reads:
            raise UsageError(f"Which column does {table!r} get? Say it with --column.")
        for kind, word, form in (("table", table, rf"({IDENTIFIER}\.)?{IDENTIFIER}"), ("column", column, IDENTIFIER)):
            if word and not re.fullmatch(form, word):
                raise UsageError(f"{word!r} is no name of a {kind} in small letters, as PostgreSQL takes it unquoted.")
        return cls(number, name, table or f"new_{slug(name) or number.replace('.', '_')}", column, reads)

    @property
    def task(self) -> int:
        """Number of its task."""
        return int(self.number.partition(".")[0])

    @property
    def file(self) -> str:
        """Name of its files, without what stands behind the dot."""
        return f"{self.task:02}_{slug(self.name) or self.number.replace('.', '_')}"

    @property
    def words(self) -> dict[str, Any]:
        """What its templates fill in: what it is, and what decides it, in the plan's words."""
        row, table = f"row of {self.table}", f"table {self.table}"
        if self.reads:
            said = (f"The name {self.table} is free", f"The name {self.table} is taken", "the name {} is free")
        elif self.column:
            said = (f"Every {row} has its {self.column}", f"A {row} has no {self.column}", f"no {row} is without {{}}")
        else:
            said = (f"The {table} stands", f"The {table} is missing", "the table {} stands")
        return {
            "number": self.number,
            "name": self.name,
            "task": self.task,
            "table": self.table,
            "column": self.column,
            "reads": self.reads,
            "minutes": USUAL_MINUTES,
            "criterion": said[0],
            "trigger": said[1],
            "check": said[2].format(self.column or self.table),
        }

    def cells(self) -> str:
        """Return its cells, as a template of a notebook."""
        return template.render("step.txt", **self.words)

    def fault(self) -> str:
        """Return the fault its check must catch."""
        return template.render("fault.sql", **self.words)


def slug(name: str) -> str:
    """Return a name in small letters, digits and underscores, beginning with a letter; empty where it has none."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9]+", "_", plain).strip("_0123456789")[:50].strip("_")
