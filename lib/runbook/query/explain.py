"""Plans: how the server carries statements out, as it tells after running them, each rolled back."""

from collections.abc import Iterator, Mapping
from typing import Any

import pandas as pd
import psycopg


def explain(connection: psycopg.Connection, statements: Mapping[str, bytes], ready: bytes) -> pd.DataFrame:
    """Run every statement under EXPLAIN; see `Task.plans`.

    Args:
        connection: inside a transaction.
        statements: by name, sent as they are.
        ready: sent before each, such as taking a role.
    """
    rows = []
    for name, statement in statements.items():
        connection.execute(b"SAVEPOINT plan")
        if ready:
            connection.execute(ready)
        answer = connection.execute(b"EXPLAIN (ANALYZE, BUFFERS, TIMING OFF, FORMAT JSON) " + statement).fetchone()
        connection.execute(b"ROLLBACK TO SAVEPOINT plan; RELEASE SAVEPOINT plan")
        root = answer[0][0]["Plan"] if answer else {}
        nodes = list(_nodes(root))
        indexes = sorted({node["Index Name"] for node in nodes if "Index Name" in node})
        whole = sorted({node["Relation Name"] for node in nodes if node["Node Type"] == "Seq Scan"})
        pages = root["Shared Hit Blocks"] + root["Shared Read Blocks"]
        rows.append((name, indexes, whole, pages))
    return pd.DataFrame(rows, columns=["statement", "indexes", "whole", "pages"])


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for child in plan.get("Plans", ()):
        yield from _nodes(child)
