"""The record of a session: what its cells made readable in SQL and whom they named, and at which cell.

With it a notebook's SQL can be run again in another session, months later, without running its Python.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import psycopg

from runbook.query.send import Persona

NOTE = "session"
MADE = re.compile(r"set_config\(\s*'runbook\.(\w+)'|\bSET\s+(?:SESSION\s+)?runbook\.(\w+)", re.IGNORECASE)


@dataclass
class SessionRecord:
    """What one session was given.

    Attributes:
        settings: (number of the cell's execution, name, value), in order.
        personas: (number of the cell's execution, name, persona), in order.
    """

    settings: list[tuple[int, str, str]] = field(default_factory=list)
    personas: list[tuple[int, str, Persona]] = field(default_factory=list)

    @classmethod
    def from_summary(cls, summary: Mapping[str, Any] | None) -> "SessionRecord":
        """Return the record a summary was made of; an empty one for None."""
        given = summary or {}
        return cls(
            [(cell, name, value) for cell, name, value in given.get("settings", ())],
            [
                (cell, name, Persona(role, tuple((key, value) for key, value in settings)))
                for cell, name, role, settings in given.get("personas", ())
            ],
        )

    def summary(self) -> dict[str, Any]:
        """Return what the ledger keeps."""
        return {
            "settings": self.settings,
            "personas": [(cell, name, persona.role, persona.settings) for cell, name, persona in self.personas],
        }

    def settings_at(self, cell: int) -> dict[str, str]:
        """Return the settings as they stood when the cell of this execution number began."""
        return {name: value for number, name, value in self.settings if number < cell}

    def personas_at(self, cell: int) -> dict[str, Persona]:
        """Return the personas as they were when the cell of this execution number began."""
        return {name: persona for number, name, persona in self.personas if number < cell}


def settings_made(connection: psycopg.Connection, text: str) -> Iterator[tuple[str, str]]:
    """Yield the settings `runbook.…` that a text set, and the values they have now that it was sent."""
    for name in dict.fromkeys(first or second for first, second in MADE.findall(text)):
        row = connection.execute("SELECT current_setting(%s, true)", [f"runbook.{name}"]).fetchone()
        if row and row[0] is not None:
            yield name, row[0]
