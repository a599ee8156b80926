"""Who may do what: statements tried as every persona, held against a declared table."""

from collections.abc import Callable, Collection, Mapping

import pandas as pd

from runbook.errors import UsageError
from runbook.plan.expectations import AS_FOUND
from runbook.query.expectation import Refused
from runbook.query.table import Table

NOT_ALLOWED = "42501"
COMPUTED = "428C9"  # a generated column, which nobody can write
UNSEEN = {"42P01", "42883"}  # a relation or function in a schema that the role may not use
REFUSALS = {"denied", "0", "22P02", COMPUTED, *UNSEEN}
SEPARATOR = " · "
EITHER = " or "


def matrix(
    attempt: Callable[[str, str], Table | Refused],
    statements: Mapping[str, str],
    declared: pd.DataFrame,
    before: Mapping[tuple[str, str], str],
    narrowed: Collection[tuple[str, str]],
) -> pd.DataFrame:
    """Try what is declared; see `SqlSession.access`."""
    if lonely := set(statements).symmetric_difference(declared.index):
        raise UsageError(f"A statement and an expectation must go together; alone stand: {', '.join(sorted(lonely))}.")
    rows = []
    for name, expectations in declared.iterrows():
        thing, _, operation = str(name).rpartition(SEPARATOR)
        for persona, expected in expectations.items():
            found = outcome(attempt(str(persona), statements[str(name)]))
            here, wanted = (str(name), str(persona)), str(expected)
            is_right = wanted == AS_FOUND or _is_allowed(found, wanted.split(EITHER))
            # As it was found is right as well; what is to be narrowed, where it was refused.
            if not is_right and here in before and (here not in narrowed or _is_refusal(found)):
                is_right, wanted = _is_allowed(found, [before[here]]), f"{wanted}, was {before[here]}"
            rows.append((name, thing, operation, persona, wanted, found, is_right))
    return pd.DataFrame(rows, columns=["name", "object", "operation", "persona", "expected", "outcome", "right"])


def _is_allowed(found: str, expected: Collection[str]) -> bool:
    return found in expected or (_is_refusal(found) and all(_is_refusal(one) for one in expected))


def _is_refusal(found: str) -> bool:
    """Tell whether an outcome gave nothing away: a right, a token, a row or a column to write was lacking."""
    return found in REFUSALS


def outcome(found: Table | Refused) -> str:
    """Return in a word what came of a statement: `denied`, another SQLSTATE, a number of rows, or `done`."""
    if isinstance(found, Refused):
        return "denied" if found.sqlstate == NOT_ALLOWED else found.sqlstate
    if found.field_names != ["command"]:
        return str(len(found))
    last_word = str(found[0][0]).split()[-1]
    return last_word if last_word.isdigit() else "done"
