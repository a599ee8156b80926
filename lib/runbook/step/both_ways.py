"""Both ways: a task's apply cells, its rollback, and its apply cells again, on a copy of the target, before it starts.

What the operator learns is whether the way back gives everything back, and what it costs: rows, seconds, locks.
"""

import hashlib
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import TYPE_CHECKING, Any

from IPython.utils.capture import capture_output

from runbook import cells
from runbook.errors import StepFailed
from runbook.step import backfill
from runbook.step.display import Table
from runbook.target import scratch
from runbook.target.environments import DATABASE_VARIABLE
from runbook.target.schemas import before as schema_before
from runbook.target.scratch import Surroundings

if TYPE_CHECKING:
    from runbook.step.task import Task

# For a copy's rows nobody waits, only for cores: one worker spares them, and a steady one disturbs less than a
# restless one, so its batches are long and it takes no rests.
NOBODY_WAITS = {"workers": 1, "gentle_ms": 0, "batch_ms": 1000, "batch_blocks": 1_000_000}
NOTE = "both ways"
SUBJECT = "both ways of"  # the digest of what was rehearsed
COLUMNS = ("way", "seconds", "rows", "strongest_lock", "as_before")
LOCKS = """
    SELECT mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE pid = pg_backend_pid() AND relkind IN ('r', 'p') AND relnamespace <> 'pg_catalog'::regnamespace
"""
STRENGTH = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip


def rehearse(task: "Task", schemas: list[str], tables: list[str]) -> Table:
    """Go up, down and up again on a copy; remember and return what was found.

    Args:
        task: the task to rehearse; its target is only read.
        schemas: whose functions and types a copy needs beside the plan's own schemas.
        tables: whose content must be as before after the way down.

    Returns:
        Three rows: `way` (up, down, up again), `seconds`, `rows` written, `strongest_lock` held on a table (down only:
        it is one transaction), `as_before` (down only: schema equal to the byte and content equal).

    Raises:
        StepFailed: a way ends in an error, or the task left its traces on the target and was never rehearsed there.
    """
    number = task.definition.number
    if schema_before(task.ledger, number) != task.schema(*task.plan.schemas):
        print("The target is not what it was before this task: shown is the rehearsal made before it began.")
        return Table(**task.read(NOTE))
    subject = _subject(task, tables)
    if task.ledger.read(SUBJECT) == subject:
        print("Rehearsed before, on a copy of this very content with these very scripts: shown is what was found then.")
        return Table(**task.read(NOTE))
    with _copy(task, schemas) as twin:
        before = twin.schema(*task.plan.schemas), [twin.digest(table) for table in tables]
        ways = [["up", *_up(twin), None, None], ["down", *_down(twin), None]]
        ways[1][-1] = (twin.schema(*task.plan.schemas), [twin.digest(table) for table in tables]) == before
        ways.append(["up again", *_up(twin), None, None])
    found = Table(COLUMNS, ways)
    task.write(NOTE, found)
    task.write(SUBJECT, subject)
    return found


def _subject(task: "Task", tables: list[str]) -> str:
    """Return the digest of all that decides how a rehearsal ends: the scripts, the schema, the content."""
    up = [cell.source for cell in cells.read(task.definition.notebook) if "apply" in cell.tags]
    parts = [
        *up,
        task.definition.rollback.read_text(encoding="utf-8"),
        json.dumps(task.parameters, sort_keys=True),
        task.schema(*task.plan.schemas),
        *(task.digest(table) for table in tables),
    ]
    return hashlib.sha256("\0".join(parts).encode()).hexdigest()


@contextmanager
def _copy(task: "Task", schemas: list[str]) -> Iterator["Task"]:
    """Yield the same task on a copy of its target, dropped afterwards."""
    from runbook.step.task import Task

    with scratch.copy(task.connection, task.url, Surroundings(task.plan.schemas, tuple(schemas))) as database:
        outer = os.environ.get(DATABASE_VARIABLE)  # a rehearsal's kernel stands on a copy already
        os.environ[DATABASE_VARIABLE] = database
        try:
            twin = Task(task.definition, task.plan, task.run_id, task.parameters | NOBODY_WAITS, {})
            try:
                twin.ledger.prepare(task.plan.root / "sql" / "ledger.sql")
                twin.ledger.open_run(task.run_id, task.environment.name, "both ways", "", {})
                twin.ledger.start_task(task.run_id, task.definition.number)
                for name, value in task.parameters.items():
                    twin.setting(name, value)
                yield twin
            finally:
                twin.close()
        finally:
            if outer is None:
                del os.environ[DATABASE_VARIABLE]
            else:
                os.environ[DATABASE_VARIABLE] = outer


def _up(twin: "Task") -> tuple[float, int]:
    """Run the SQL of the apply cells, as the notebook holds them; return seconds and rows written."""
    begun, rows = perf_counter(), 0
    for cell in cells.read(twin.definition.notebook):
        if "apply" not in cell.tags or cell.magic is None:
            continue
        magic, line = cell.magic
        if magic == "backfill":
            with capture_output():  # its progress is not the target's
                rows += backfill.run(twin, cells.backfilled(line)[0], cell.body)[0][0]
        elif magic == "concurrently":
            twin.concurrently(cell.body)
        else:
            rows += _written(twin.send(cell.body).tags)
    return round(perf_counter() - begun, 2), rows


def _down(twin: "Task") -> tuple[float, int, str]:
    """Run the rollback script in one transaction; return seconds, rows written and the strongest lock held."""
    script = twin.definition.rollback.read_text(encoding="utf-8")
    begun = perf_counter()
    answer = twin.send(f"BEGIN;\n{script}\n;{LOCKS};\nCOMMIT")
    if "COMMIT" not in answer.tags:
        raise StepFailed("The rollback script ends the transaction it is run in: it must be one transaction.")
    modes: list[Any] = [row[0] for row in answer.tables[-1]]
    return round(perf_counter() - begun, 2), _written(answer.tags), max(modes, key=STRENGTH.index, default="none")


def _written(tags: list[str]) -> int:
    found = (re.fullmatch(r"(?:INSERT 0|UPDATE|DELETE|MERGE) (\d+)", tag) for tag in tags)
    return sum(int(match[1]) for match in found if match)
