"""Schema names: cells and scripts name the plan's schema; a target may hold the tables in one of another name.

What is sent to such a target names the schema it has. Texts that the target itself gave are sent as they are.
"""

import re
from collections.abc import Mapping
from functools import partial
from typing import Any, Self

import psycopg
from psycopg import sql
from psycopg.abc import Params, Query

Names = Mapping[str, tuple[str, str]]


class AsFound(bytes):
    """A statement made of the target's own names, which mean what they say."""


class Renaming(psycopg.Cursor[Any]):
    """A cursor that sends the plan's names of schemas as those of its target.

    Attributes:
        names: of each of the plan's schemas that has another name here, that name, bare and as an identifier.
    """

    names: Names

    def execute(
        self, query: Query, params: Params | None = None, *, prepare: bool | None = None, binary: bool | None = None
    ) -> Self:
        """Send a statement; see psycopg."""
        return super().execute(self._renamed(query), params, prepare=prepare, binary=binary)

    def executemany(self, query: Query, *args: Any, **options: Any) -> None:
        """Send a statement for each of several values; see psycopg."""
        super().executemany(self._renamed(query), *args, **options)

    def copy(self, statement: Query, *args: Any, **options: Any) -> Any:
        """Begin a COPY; see psycopg."""
        return super().copy(self._renamed(statement), *args, **options)

    def _renamed(self, query: Query) -> bytes:
        plain = query if isinstance(query, str | bytes) else sql.as_bytes(query, self)
        return renamed(plain, self.names)


def rename(connection: psycopg.Connection, names: Mapping[str, str]) -> None:
    """Let a session send the plan's names of schemas as this target's.

    Args:
        connection: settled.
        names: of each of the plan's schemas that has another name here, that name.
    """
    quoted = {name: (here, _quoted(connection, here)) for name, here in names.items()}
    connection.cursor_factory = type(Renaming.__name__, (Renaming,), {"names": quoted})


def as_sent(connection: psycopg.Connection, statement: bytes) -> bytes:
    """Return a statement as a session sends it, for what goes to the server past a cursor."""
    return renamed(statement, getattr(connection.cursor_factory, "names", {}))


def renamed(text: str | bytes, names: Names) -> bytes:
    """Return SQL with the target's names of schemas, wherever one stands as a word of its own.

    Args:
        text: SQL that names the plan's schemas.
        names: as `Renaming` has them.
    """
    sent = text.encode() if isinstance(text, str) else text
    if isinstance(text, AsFound):
        return sent
    for name, (bare, identifier) in names.items():
        # A whole literal is a name as the catalog has it, but for one that is read as an identifier. In double quotes
        # stands what was composed of the target's own names.
        word = rb"(?<![\w$'])'%s'(?!::REGNAMESPACE)|(?<![\w$\"])%s(?![\w$\"])" % (name.encode(), name.encode())
        sent = re.sub(word, partial(_here, f"'{bare}'".encode(), identifier.encode()), sent)
    return sent


def _here(literal: bytes, identifier: bytes, found: re.Match[bytes]) -> bytes:
    return literal if found[0].startswith(b"'") else identifier


def _quoted(connection: psycopg.Connection, name: str) -> str:
    row = connection.execute("SELECT quote_ident(%s)", [name]).fetchone()
    assert row is not None
    return str(row[0])
