"""Times as a server keeps them: Python ends at the years 1 and 9999, PostgreSQL does not.

What Python has no value for, such as `infinity` or a year before Christ, is read as the server's own text.
"""

from typing import Any

import psycopg
from psycopg.abc import Buffer
from psycopg.types import datetime


def read_all(connection: psycopg.Connection) -> None:
    """Let a connection read every date and time, whatever its year."""
    connection.adapters.register_loader("date", _Date)
    connection.adapters.register_loader("timestamp", _Timestamp)
    connection.adapters.register_loader("timestamptz", _Timestamptz)


class _OrText:
    """A loader that falls back to the text the server sent."""

    def load(self, data: Buffer) -> Any:
        try:
            return super().load(data)  # type: ignore[misc]
        except psycopg.DataError:
            return bytes(data).decode()


class _Date(_OrText, datetime.DateLoader):
    pass


class _Timestamp(_OrText, datetime.TimestampLoader):
    pass


class _Timestamptz(_OrText, datetime.TimestamptzLoader):
    pass
