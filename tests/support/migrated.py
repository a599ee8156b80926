"""A database brought where a notebook brings it, by its SQL alone."""

from collections.abc import Callable
from pathlib import Path

import psycopg
import sqlparse

from runbook.plan import cells, parameters
from runbook.query.send import as_setting


def migrate(
    connection: psycopg.Connection,
    notebook: Path,
    before: Callable[[cells.Cell], None] = lambda cell: None,
    **given: object,
) -> None:
    """Run what a notebook applies in SQL, and the views of the session that it reads.

    Args:
        before: called before each of these cells.
        **given: parameters, in place of their defaults.
    """
    connection.execute(
        "SELECT set_config('runbook.plan', '', false), set_config('runbook.classification', '{}', false)"
    )
    for cell in cells.read_cells(notebook):
        if "parameters" in cell.tags:
            for name, declared in parameters.declarations(cell.source).items():
                connection.execute(
                    "SELECT set_config(%s, %s, false)",
                    [f"runbook.{name}", as_setting(given.get(name, declared.default))],
                )
        elif cell.magic and ("apply" in cell.tags or "CREATE OR REPLACE TEMP VIEW" in cell.body):
            before(cell)
            if cell.magic[0] == "backfill":
                connection.execute("SELECT set_config('runbook.first', '(0,0)', false)")
                connection.execute("SELECT set_config('runbook.last', '(4294967294,0)', false)")
            texts = sqlparse.split(cell.body) if cell.magic[0] == "concurrently" else [cell.body]
            for text in texts:
                connection.execute(text.encode())
