"""Names that the runbook is about to give, and whether somebody has given them already.

Read from the `apply` cells as they stand, so that it is known whatever is tried on a copy.
"""

import re
from collections.abc import Collection
from dataclasses import dataclass

from runbook.changes import objects, record
from runbook.notebook.context import Context
from runbook.plan import cells
from runbook.query.table import Table

COMMENT = re.compile(r"--[^\n]*|/\*.*?\*/", re.DOTALL)
MADE = re.compile(
    r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:UNIQUE\s+)?"
    r"(TABLE|VIEW|MATERIALIZED\s+VIEW|SEQUENCE|INDEX|TYPE|DOMAIN|FUNCTION|PROCEDURE|TRIGGER|POLICY)\s+"
    r"(?:CONCURRENTLY\s+)?(?:IF\s+NOT\s+EXISTS\s+)?([a-z_][\w.]*|\"[^\"]+\")",
    re.IGNORECASE,
)
# Kinds among which a name is given once
RIVALS = (
    {"table", "view", "materialized view", "sequence", "index", "foreign table", "type", "domain"},
    {"function", "procedure", "aggregate"},
    {"trigger"},
    {"policy"},
)


@dataclass(frozen=True)
class NewName:
    """A name a task will give, and to what kind of object."""

    task: int
    kind: str
    name: str


def new_names(task: Context) -> list[NewName]:
    """Return the names that the plan's `apply` cells give, in order; those in the runbook's own schema left out."""
    found = (
        NewName(one.number, " ".join(kind.lower().split()), name.strip('"').rpartition(".")[2])
        for one in task.plan.tasks
        for cell in cells.read_cells(one.notebook)
        if "apply" in cell.tags
        for kind, name in MADE.findall(COMMENT.sub("", cell.source))
        if not name.startswith("runbook.")
    )
    return list(dict.fromkeys(found))


def taken_names(task: Context, replaced: Collection[str]) -> Table:
    """Return the names that others have given already, a row each, with what frees them.

    Args:
        task: on the target concerned.
        replaced: names that are others' and are to be replaced: not among them.
    """
    ours = {one.name for one in record.recorded(task.connection, task.plan.name) if one.is_made}
    standing = [
        one
        for one in objects.find_objects(task.connection).values()
        if one.name not in ours and _schema(one) in task.target.schemas
    ]
    rows = []
    for new in new_names(task):
        rivals = next(kinds for kinds in RIVALS if new.kind in kinds)
        for one in standing if new.name not in replaced else ():
            if one.kind in rivals and _bare(one).lower() == new.name.lower():
                rows.append([new.task, new.name, one.name, _rename(one)])
    return Table(["task", "name", "taken_by", "what_to_do"], rows)


def _rename(one: objects.Object) -> str:
    name, _, table = one.identity.partition(" on ")
    bare = _bare(one).strip('"')
    if table:
        return f'ALTER {one.kind.upper()} {name} ON {table} RENAME TO "{bare}_before"'
    return f'ALTER {one.kind.upper()} {one.identity} RENAME TO "{bare}_before"'


def _bare(one: objects.Object) -> str:
    name = one.identity.partition(" on ")[0].partition("(")[0]
    return name.rpartition(".")[2].strip('"')


def _schema(one: objects.Object) -> str:
    place = one.identity.rpartition(" on ")[2].partition("(")[0]
    return place.partition(".")[0].strip('"')
