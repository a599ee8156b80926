"""Who may do what: statements tried as every persona, held against a declared table."""

from collections.abc import Callable, Mapping

import pandas as pd

from runbook.errors import UsageError
from runbook.query.expectation import Refused
from runbook.query.table import Table

NOT_ALLOWED = "42501"
SEPARATOR = " · "
EITHER = " or "


def matrix(
    attempt: Callable[[str, str], Table | Refused], statements: Mapping[str, str], declared: pd.DataFrame
) -> pd.DataFrame:
    """Try what is declared; see `Task.access`."""
    if lonely := set(statements).symmetric_difference(declared.index):
        raise UsageError(f"A statement and an expectation must go together; alone stand: {', '.join(sorted(lonely))}.")
    rows = []
    for name, expectations in declared.iterrows():
        thing, _, operation = str(name).rpartition(SEPARATOR)
        for persona, expected in expectations.items():
            found = outcome(attempt(str(persona), statements[str(name)]))
            rows.append((thing, operation, persona, expected, found, found in str(expected).split(EITHER)))
    return pd.DataFrame(rows, columns=["object", "operation", "persona", "expected", "outcome", "right"])


def outcome(found: Table | Refused) -> str:
    """Return in a word what came of a statement: `denied`, another SQLSTATE, a number of rows, or `done`."""
    if isinstance(found, Refused):
        return "denied" if found.sqlstate == NOT_ALLOWED else found.sqlstate
    if found.field_names != ["command"]:
        return str(len(found))
    last_word = str(found[0][0]).split()[-1]
    return last_word if last_word.isdigit() else "done"
