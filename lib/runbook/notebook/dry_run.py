"""The dry run: a task's apply cells, its rollback, and its apply cells again, on a copy of the target, before.

An earlier task may do it ahead, for whoever decides; the task itself then repeats it only where that has aged.

What the operator learns is whether the way back gives everything back, and what it costs: rows, seconds, locks.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from IPython.utils.capture import capture_output

from runbook.database import scratch
from runbook.database.ledger import UNDONE
from runbook.database.schemas import schema_before
from runbook.database.scratch import Surroundings
from runbook.notebook import way_back
from runbook.notebook.backfill import backfill
from runbook.notebook.context import Context
from runbook.plan import cells, parameters, plan
from runbook.plan.rollback_script import rollback_parts
from runbook.query.table import Table

# For a copy's rows nobody waits, only for cores: one worker spares them, and a steady one disturbs less than a
# restless one, so its batches are long and it takes no rests.
NOBODY_WAITS = {"workers": 1, "gentle_ms": 0, "batch_ms": 1000, "batch_blocks": 1_000_000}
NOTE = "dry run"
SUBJECT = "dry run of"  # the digest of what it was made with, and when
HOURS = 24  # so long a dry run counts: rows change, scripts and schema do not unseen
COLUMNS = ("way", "seconds", "rows", "strongest_lock", "as_before")
LOCKS = """
    SELECT mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE pid = pg_backend_pid() AND relkind IN ('r', 'p') AND relnamespace <> 'pg_catalog'::regnamespace
"""
STRENGTH = (
    "none", "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip


def dry_run(task: Context, number: int, schemas: list[str], tables: list[str]) -> Table:
    """Go up, down and up again on a copy; remember and return what was found.

    Args:
        task: the task that asks; its target is only read.
        number: the task to try: this one or a later one.
        schemas: whose functions and types a copy needs beside the plan's own schemas.
        tables: whose content must be as before after the way down.

    Returns:
        Three rows: `way` (up, down, up again), `seconds`, `rows` written, `strongest_lock` held on a table (down only),
        `as_before` (down only: schema equal to the byte and content equal).

    Raises:
        StepFailed: a way ends in an error, or the task left its traces on the target and had no dry run there.
    """
    own, schema = number == task.definition.number, task.schema(*task.plan.schemas)
    definition = task.definition if own else task.plan.task(number)
    state = task.ledger.states().get(number)
    if state and state.status != UNDONE and schema_before(task.ledger, number) != schema:
        print(f"The target is not what it was before Task {number}: shown is the dry run from before it began.")
        return Table(**task.read(NOTE))
    given = task.parameters if own else _given(task, definition)
    subject = _subject(definition, given, schema)
    if _is_recent(task, subject):
        print(f"A dry run of the last {HOURS} hours had these very scripts and this very schema: shown is that one.")
        return Table(**task.read(NOTE))
    with _copy(task, definition, given, schemas) as twin:
        before = twin.schema(*task.plan.schemas), [twin.digest(table) for table in tables]
        ways = [["up", *_up(twin), None, None], ["down", *_down(twin), None]]
        ways[1][-1] = (twin.schema(*task.plan.schemas), [twin.digest(table) for table in tables]) == before
        ways.append(["up again", *_up(twin), None, None])
    found = Table(COLUMNS, ways)
    task.write(NOTE, found)
    task.write(SUBJECT, {"digest": subject if ways[1][-1] else "", "at": _now(task)})  # a failure counts for nothing
    return found


def _given(task: Context, definition: plan.Task) -> dict[str, Any]:
    """Return the parameters a later task will have: as its notebook declares them, or as this run was told."""
    found = {"environment": task.environment.name}
    told = task.ledger.run(task.run_id)["parameters"]
    for cell in cells.read_cells(definition.notebook):
        if "parameters" in cell.tags:
            declared = parameters.declarations(cell.source)
            found = {name: told.get(name, one.default) for name, one in declared.items()} | found
    return found


def _subject(definition: plan.Task, given: dict[str, Any], schema: str) -> str:
    """Return the digest of what decides how a dry run ends: the scripts, the parameters they read, the schema."""
    up = [cell.source for cell in cells.read_cells(definition.notebook) if "apply" in cell.tags]
    scripts = "\0".join([*up, definition.rollback.read_text(encoding="utf-8")])
    read = {name: value for name, value in sorted(given.items()) if f"'runbook.{name}'" in scripts}
    return hashlib.sha256("\0".join([scripts, json.dumps(read), schema]).encode()).hexdigest()


def _is_recent(task: Context, subject: str) -> bool:
    """Tell whether the last dry run was of this very subject, and not too long ago."""
    last = task.ledger.read(SUBJECT)
    return bool(last and last["digest"] == subject and _now(task) - last["at"] < HOURS * 3600)


def _now(task: Context) -> float:
    """Return the server's time, in seconds since 1970."""
    row = task.ledger.connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8").fetchone()
    assert row is not None
    return float(row[0])


@contextmanager
def _copy(task: Context, definition: plan.Task, given: dict[str, Any], schemas: list[str]) -> Iterator[Context]:
    """Yield a task on a copy of another's target, dropped afterwards."""
    with scratch.copy(task.connection, task.target, Surroundings(task.plan.schemas, tuple(schemas))) as made:
        twin = Context(definition, task.plan, task.run_id, given | NOBODY_WAITS, {}, target=made)
        try:
            twin.ledger.prepare()
            twin.ledger.open_run(task.run_id, task.environment.name, "dry run", "", {})
            twin.ledger.start_task(task.run_id, definition.number)
            for name, value in given.items():
                twin.setting(name, value)
            yield twin
        finally:
            twin.close()


def _up(twin: Context) -> tuple[float, int]:
    """Run the SQL of the apply cells, as the notebook holds them; return seconds and rows written."""
    begun, rows = perf_counter(), 0
    for cell in cells.read_cells(twin.definition.notebook):
        if "apply" in cell.tags and cell.magic is not None:
            rows += _carry_out(twin, *cell.magic, cell.body)[0]
    return round(perf_counter() - begun, 2), rows


def _down(twin: Context) -> tuple[float, int, str]:
    """Run the rollback script and drop what was made; return seconds, rows written and the strongest lock held."""
    begun, rows, modes = perf_counter(), 0, ["none"]
    for part in rollback_parts(twin.definition):
        written, held = _carry_out(
            twin, part.magic, part.line, f"{part.body}\n;{LOCKS}" if part.magic == "sql" else part.body
        )
        rows, modes = rows + written, modes + held
    if way_back.drop_made(twin):
        modes.append(STRENGTH[-1])
    return round(perf_counter() - begun, 2), rows, max(modes, key=STRENGTH.index)


def _carry_out(twin: Context, magic: str, line: str, body: str) -> tuple[int, list[str]]:
    """Do what a cell says; return how many rows it wrote, and what the last table of its answer holds."""
    if magic == "backfill":
        with capture_output():  # its progress is not the target's
            return backfill.run_backfill(twin, cells.backfilled(line)[0], body)[0][0], []
    if magic == "concurrently":
        twin.concurrently(body)
        return 0, []
    answer = twin.apply(body)
    return _written(answer.tags), [str(row[0]) for row in answer.tables[-1]] if answer.tables else []


def _written(tags: list[str]) -> int:
    found = (re.fullmatch(r"(?:INSERT 0|UPDATE|DELETE|MERGE) (\d+)", tag) for tag in tags)
    return sum(int(match[1]) for match in found if match)
