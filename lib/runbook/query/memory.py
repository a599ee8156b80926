"""Memory: what a statement makes a fresh session of the server hold, touch and spill."""

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

import psycopg

CONTEXTS = b"SELECT sum(total_bytes)::bigint FROM pg_backend_memory_contexts"


@dataclass(frozen=True)
class MemoryUse:
    """What a session takes for a statement.

    Attributes:
        held: bytes its memory contexts hold after it was run `CALLS` times.
        pages: pages of 8 kB it touches once everything is cached.
        spilled: pages written to temporary files.
    """

    held: int
    pages: int
    spilled: int

    def summary(self) -> dict[str, int]:
        """Return the figures as the ledger keeps them."""
        return asdict(self)


CALLS = 20


def use_of(open_session: Callable[[], psycopg.Connection], statement: bytes) -> MemoryUse:
    """Run a statement in a session of its own, rolled back, and return what it took.

    Args:
        open_session: opens it.
        statement: what is run.
    """
    with open_session() as connection:
        connection.execute(b"BEGIN")
        for _ in range(CALLS):
            connection.execute(b"SAVEPOINT asked")
            connection.execute(statement)
            connection.execute(b"ROLLBACK TO asked")
        explained = connection.execute(b"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + statement).fetchone()
        held = connection.execute(CONTEXTS).fetchone()
        connection.execute(b"ROLLBACK")
    assert explained is not None and held is not None
    plan: dict[str, Any] = explained[0][0] if isinstance(explained[0], list) else json.loads(explained[0])[0]
    root = plan["Plan"]
    pages = root.get("Shared Hit Blocks", 0) + root.get("Shared Read Blocks", 0)
    return MemoryUse(held[0], pages, root.get("Temp Written Blocks", 0))
