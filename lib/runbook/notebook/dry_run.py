"""The dry run: the apply cells of tasks, their rollback, and the apply cells again, on a copy of the target.

An earlier task may make the dry run of a later one. The later task then makes it again only if it is too old, or if a
script or the schema has changed since.

It tells the operator whether the rollback gives everything back, and what it costs: rows, seconds, locks.
"""

import difflib
import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from IPython.utils.capture import capture_output

from runbook.changes.schemas import is_same, schema_before, with_enums_as_before
from runbook.database import scratch
from runbook.database.ledger import UNDONE
from runbook.database.surroundings import find_surroundings
from runbook.notebook import rollback_end
from runbook.notebook.backfill import backfill
from runbook.notebook.context import Context
from runbook.plan import cells, parameters, plan
from runbook.plan.changes import OF_THE_SESSION
from runbook.plan.rollback_script import rollback_parts
from runbook.query.table import Table

# Nobody waits for a row of the copy, but others need the cores. So there is one worker, with long batches and no rests:
# a steady load disturbs others less than one that comes and goes.
NOBODY_WAITS = {"workers": 1, "gentle_ms": 0, "batch_ms": 1000, "batch_blocks": 1_000_000}
NOTE = "dry run"
FOR_GOOD = "for-good"  # the tag of cells that no rollback undoes
SETS = re.compile(r"^SELECT set_config\(\s*'runbook\.(\w+)'", re.MULTILINE)
ESTIMATES = "seconds on the copy"  # the note of how long each task took: `Task N` → seconds
HOURS = 24  # a dry run counts for so long: the rows change; a change of scripts or schema ends it at once
NOW = "SELECT date_trunc('second', clock_timestamp())"
COLUMNS = ("way", "seconds", "rows", "strongest_lock", "as_before")
MOST_LINES = 12  # of a difference
State = tuple[str, dict[str, str]]  # the schema, and table → digest of its rows
LOCKS = """
    SELECT mode FROM pg_locks JOIN pg_class ON pg_class.oid = relation
    WHERE pid = pg_backend_pid() AND relkind IN ('r', 'p') AND relnamespace <> 'pg_catalog'::regnamespace
"""
STRENGTH = (
    "none", "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip


def dry_run(task: Context, numbers: Sequence[int], schemas: list[str], tables: list[str]) -> Table:
    """Go up, down and up again on a copy, task after task as a run will; remember and return what was found.

    Args:
        task: the task that asks; its target is only read.
        numbers: the tasks to try, in order: this one, or later ones.
        schemas: whose functions and types a copy needs beside the plan's own schemas.
        tables: whose content must be as before after each way down.

    Returns:
        Three rows for each task: its number, where there are several, `way` (up, down, up again), `seconds`, `rows`
        written, `strongest_lock` held on a table (down only), `as_before` (down only: schema
        equal to the byte and content equal).

    Raises:
        StepFailed: a way ends in an error, or a task left its traces on the target and had no dry run there.
    """
    schema, first = task.schema(), numbers[0]
    state = task.ledger.states().get(first)
    if state and state.status != UNDONE and not is_same(schema_before(task.ledger, first) or "", schema):
        print(f"Task {first} has changed the target. This is the dry run that was made before it.")
        return _shown(task, numbers)
    subjects = _subjects(task, numbers, schema)
    if all(_is_recent(task, number, subject) for number, subject in subjects.items()):
        print(f"This is a dry run of the last {HOURS} hours, of the same scripts and the same schema.")
        return _shown(task, numbers)
    with _copy(task, schemas) as twin:
        before = _state(twin, tables)
        for number, subject in subjects.items():
            _begin(twin, task, number)
            up, down, (schema, content) = _up(twin), _down(twin), _state(twin, tables)
            after = with_enums_as_before(before[0], schema), content
            is_equal = after == before
            print("\n".join(_difference(number, before, after)))
            again, before = _up(twin), _state(twin, tables)
            ways = [["up", *up, None, None], ["down", *down, is_equal], ["up again", *again, None, None]]
            digest = subject if is_equal else ""  # a failure counts for nothing
            about = {"digest": digest, "made_at": task.value(NOW).isoformat(), "ways": ways}
            task.write(f"{NOTE} {number}", about)
    _write_estimates(task, subjects)
    return _shown(task, numbers)


def _shown(task: Context, numbers: Sequence[int]) -> Table:
    """Return the ways of tasks as they stand in the ledger; of several tasks, each with its number."""
    ways = [(number, way) for number in numbers for way in task.read(f"{NOTE} {number}")["ways"]]
    if len(numbers) == 1:
        return Table(COLUMNS, [way for _, way in ways])
    return Table(("task", *COLUMNS), [[number, *way] for number, way in ways])


def _state(twin: Context, tables: list[str]) -> State:
    """Return what a way down must give back: the schema, and the content of the tables."""
    return twin.schema(), {table: twin.digest(table) for table in tables}


def _difference(number: int, before: State, after: State) -> list[str]:
    """Return what a way down did not give back, in words, as a diff of the schema."""
    lines = [*difflib.unified_diff(before[0].splitlines(), after[0].splitlines(), "before", "after", "", "", 1)]
    lines += [f"the content of {table}" for table, was in before[1].items() if after[1].get(table) != was]
    return [f"Task {number}'s way down, on the copy, left otherwise:", *lines[:MOST_LINES]] if lines else []


def _write_estimates(task: Context, numbers: Iterable[int]) -> None:
    """Write down how long each task took on the copy: the plan's estimates are held against it."""
    seconds = {f"Task {number}": task.read(f"{NOTE} {number}")["ways"][0][1] for number in numbers}
    task.write(ESTIMATES, (task.ledger.read_note(ESTIMATES) or {}) | seconds)


def _definition(task: Context, number: int) -> tuple[plan.Task, dict[str, Any]]:
    """Return a task by its number, and the parameters it has or will have."""
    if number == task.definition.number:
        return task.definition, task.parameters
    definition = task.plan.task(number)
    return definition, _given(task, definition)


def _given(task: Context, definition: plan.Task) -> dict[str, Any]:
    """Return the parameters a later task will have: as its notebook declares them, or as this run was told."""
    found = {"environment": task.environment.name}
    told = task.ledger.run_entry(task.run_id)["parameters"]
    for cell in cells.read_cells(definition.notebook):
        if "parameters" in cell.tags:
            declared = parameters.declarations(cell.source)
            found = {name: told.get(name, one.default) for name, one in declared.items()} | found
    return found


def _subjects(task: Context, numbers: Sequence[int], schema: str) -> dict[int, str]:
    """Return what decides how the dry run of each task ends, as a digest: number → digest.

    It covers the schema before the first task that changes it, and of each task up to this one the scripts and the
    parameters they read. So a task finds the dry run again that an earlier one has made of all of them.
    """
    changing = changing_tasks(task.plan)
    before = schema_before(task.ledger, changing[0]) if task.definition.number > changing[0] else schema
    found, digest = {}, hashlib.sha256((before or schema).encode()).hexdigest()
    for number in changing:
        definition, given = _definition(task, number)
        up = [cell.source for cell in cells.read_cells(definition.notebook) if "apply" in cell.tags]
        scripts = "\0".join([*up, definition.rollback.read_text(encoding="utf-8")])
        read = {name: value for name, value in sorted(given.items()) if f"'runbook.{name}'" in scripts}
        digest = hashlib.sha256("\0".join([digest, scripts, json.dumps(read)]).encode()).hexdigest()
        found[number] = digest
    return {number: found[number] for number in numbers}


def changing_tasks(whole: plan.Plan) -> list[int]:
    """Return the numbers of the tasks that change the target, in order."""
    return [one.number for one in whole.tasks if cells.changes_target(one.notebook)]


def _is_recent(task: Context, number: int, subject: str) -> bool:
    """Tell whether the last dry run of a task was of this very subject, and not too long ago."""
    last = task.ledger.read_note(f"{NOTE} {number}")
    if not last or last["digest"] != subject:
        return False
    is_new = "SELECT clock_timestamp() - %s::timestamptz < %s * interval '1 hour'"
    row = task.ledger.connection.execute(is_new, [last.get("made_at"), HOURS]).fetchone()
    return bool(row and row[0])


@contextmanager
def _copy(task: Context, schemas: list[str]) -> Iterator[Context]:
    """Yield a task on a copy of another's target, dropped afterwards."""
    around = find_surroundings(task.connection, task.target.schemas, schemas)
    with scratch.copy(task.connection, task.target, around) as made:
        twin = Context(task.definition, task.plan, task.run_id, task.parameters | NOBODY_WAITS, {}, target=made)
        try:
            twin.ledger.prepare()
            twin.ledger.open_run(task.run_id, task.environment.name, "dry run", "", {})
            yield twin
        finally:
            twin.close()


def _begin(twin: Context, task: Context, number: int) -> None:
    """Let the task on the copy become another one, with the parameters it will have."""
    definition, given = _definition(task, number)
    twin.definition, twin.parameters = definition, given | NOBODY_WAITS
    twin.ledger.start_task(twin.run_id, number)
    twin.describe_plan()
    for name, value in given.items():
        twin.setting(name, value)


def _up(twin: Context) -> tuple[float, int]:
    """Run the SQL of the apply cells, as the notebook holds them; return seconds and rows written."""
    begun, rows = perf_counter(), 0
    prepared: list[str] = []  # views and settings of the session: an apply cell behind them may ask them
    for cell in cells.read_cells(twin.definition.notebook):
        if cell.magic is None or FOR_GOOD in cell.tags:
            continue
        if "apply" in cell.tags:
            while prepared:
                twin.send(prepared.pop(0))
            rows += _carry_out(twin, *cell.magic, cell.body)[0]
        elif cell.magic[0] == "sql" and (OF_THE_SESSION.search(cell.body) or SETS.search(cell.body)):
            prepared.append(cell.body)
    twin.connection.execute("DISCARD TEMP")  # pg_dump's order would follow what the views depend on
    return round(perf_counter() - begun, 2), rows


def _down(twin: Context) -> tuple[float, int, str]:
    """Run the rollback script and drop what was made; return seconds, rows written and the strongest lock held."""
    begun, rows, modes = perf_counter(), 0, ["none"]
    parts = rollback_parts(twin.definition)
    for part in parts:
        if part.drops:
            rows += _written(rollback_end.drop_made(twin, part.body).tags)
            continue
        written, held = _carry_out(
            twin, part.magic, part.line, f"{part.body}\n;{LOCKS}" if part.magic == "sql" else part.body
        )
        rows, modes = rows + written, modes + held
    if not any(part.drops for part in parts):
        rollback_end.drop_made(twin)
    modes.append(STRENGTH[-1] if twin.read(rollback_end.DROPPED) else modes[0])
    return round(perf_counter() - begun, 2), rows, max(modes, key=STRENGTH.index)


def _carry_out(twin: Context, magic: str, line: str, body: str) -> tuple[int, list[str]]:
    """Do what a cell says; return how many rows it wrote, and what the last table of its answer holds."""
    if magic == "backfill":
        with capture_output():  # its progress is not the target's
            return backfill.run_backfill(twin, cells.backfilled(line)[0], body)[0][0], []
    if magic == "concurrently":
        twin.concurrently(body)
    if magic in {"concurrently", "deployed"}:  # what stands outside the target is left alone
        return 0, []
    answer = twin.apply(body)
    return _written(answer.tags), [str(row[0]) for row in answer.tables[-1]] if answer.tables else []


def _written(tags: list[str]) -> int:
    found = (re.fullmatch(r"(?:INSERT 0|UPDATE|DELETE|MERGE) (\d+)", tag) for tag in tags)
    return sum(int(match[1]) for match in found if match)
