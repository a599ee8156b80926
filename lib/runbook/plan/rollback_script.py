"""Rollback scripts: SQL in parts, each a cell of the notebook that reverses a task.

A line `-- %%sql --retry`, `-- %%backfill TABLE: NAME`, `-- %%concurrently` or `-- %%deployed NAME` begins a part; what
stands after `--` is the cell's first line. A script without such a line is one part, in one transaction.
"""

import re
from dataclasses import dataclass

from runbook.errors import UsageError
from runbook.plan.model import Task

MARK = re.compile(r"^-- %%(sql|backfill|concurrently|deployed)\b *(.*)$", re.MULTILINE)
WHOLE = "--retry"  # the options of a script that is one part


@dataclass(frozen=True)
class ScriptPart:
    """A part of a rollback script.

    Attributes:
        magic: `sql`, `backfill`, `concurrently` or `deployed`.
        line: what stands behind the magic.
        body: the SQL.
    """

    magic: str
    line: str
    body: str

    @property
    def drops(self) -> bool:
        """Whether what the task made is dropped with it, in one transaction."""
        return "--drop-made" in self.line.split()

    @property
    def source(self) -> str:
        """The cell."""
        if self.magic == "deployed":
            return f'from runbook import deployed\n\ndeployed.give_back(task, {self.line!r}, r"""\n{self.body}""")'
        return f"%%{self.magic} {self.line}".rstrip() + f"\n{self.body}"

    @property
    def heading(self) -> str:
        """What it does: the first line of its first comment."""
        found = re.search(r"^-- (.+)$", self.body, re.MULTILINE)
        return found[1].rstrip(".") if found else "Reverse the changes"


def rollback_parts(task: Task) -> list[ScriptPart]:
    """Return the parts of a task's rollback script, in order.

    Raises:
        UsageError: there is no script, or SQL stands before its first part.
    """
    try:
        script = task.rollback.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UsageError(f"Task {task.number} cannot be reversed: {task.rollback} is missing.") from None
    head, *rest = MARK.split(script)
    if not rest:
        return [ScriptPart("sql", WHOLE, script)]
    if re.sub(r"--.*", "", head).strip():
        raise UsageError(f"{task.rollback}: SQL stands before the first part. Begin it with `-- %%sql --retry`.")
    return [
        ScriptPart(rest[place], rest[place + 1], rest[place + 2].strip() + "\n") for place in range(0, len(rest), 3)
    ]
