"""Findings that decide nothing: what a notebook remembers of the target as it found it."""

from runbook.database import as_found
from runbook.errors import UsageError
from runbook.notebook.context import Context
from runbook.plan.finding import BLOCKS, CLASSES, UNACCEPTED, Finding
from runbook.query.table import Table, show_redacted

DECIDING = {BLOCKS, UNACCEPTED}


def remember(task: Context, kind: str, name: str, found: Table, what: str) -> None:
    """Remember a finding, and its rows for later tasks; see `Task.finding`.

    Raises:
        UsageError: the class is unknown, or one that a check alone may give.
    """
    if kind not in set(CLASSES) - DECIDING:
        known = " or ".join(one for one in CLASSES if one not in DECIDING)
        raise UsageError(f"The finding {name!r} is {known}, not {kind!r}: what decides is a check.")
    as_found.keep(task.ledger, task.definition.number, name, list(found.dicts()))
    if found:
        said = what or f"{len(found):,} found"
        task.findings.append(Finding.from_check(kind, task.definition.number, name, said, show_redacted(found)))
