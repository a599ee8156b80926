"""A draw: a shape on a fresh database, all six tasks, the rollback, and what became of the target.

`python -m tests.support.draw FILE.sql …` draws each file alone; `--together` draws all of them on one database.
"""

import argparse
import os
import re
import shutil
import sys
import tempfile
import time
from ast import literal_eval
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import psycopg

from runbook.batch import approve
from runbook.batch.preflight import BLOCKED, LACKING, RUN_ONLY, run_preflight
from runbook.database.ledger import UNDONE, Check, Ledger
from runbook.evidence import notebooks
from runbook.plan import cells, parameters
from runbook.plan.finding import BLOCKS, UNACCEPTED, Finding
from runbook.plan.plan import Plan, Task
from tests.support.databases import Database, Databases
from tests.support.hosted import Hosted
from tests.support.in_process import Session
from tests.support.outcome import Draw, Outcome
from tests.support.world import observe

ROOT = Path(__file__).parents[2]
PARTS = ("notebooks", "sql", "docs", "supabase")
ENVIRONMENT = "draw"
ADDRESS = f"RUNBOOK_{ENVIRONMENT.upper()}_DATABASE_URL"
# Figures that decide nothing on a busy machine, and a backfill without rests: a draw asks what is right, not how fast.
CHEAP: Mapping[str, Any] = {
    "environment": ENVIRONMENT,
    "floor_ms": 1e5,
    "narrow_ms": 1e5,
    "slowest_ms": 1e5,
    "free_disk_gb": 1000.0,
    "workers": 1,
    "gentle_ms": 0.0,
    "rest": 0.0,
}

SAMPLES = {1: 100, 3: 10, 4: 10}  # by task; the baseline demands a hundred
LIES_IN = re.compile(r"^-- lies in: (.+?)\s*$", re.MULTILINE)
GROWS = re.compile(r"^-- grows: (\S+)\s*$", re.MULTILINE)


@dataclass(frozen=True)
class Moment:
    """A cell is about to run.

    Attributes:
        way: `up`, or `down` in a rollback.
        task: its number.
    """

    database: Database
    way: str
    task: int
    tags: tuple[str, ...]
    source: str


Watch = Callable[[Moment], None]
Between = Callable[[Database, str, int], None]


@dataclass(frozen=True)
class Plot:
    """How a draw goes; see `Drawing.draw`."""

    parameters: Mapping[str, Any]
    watch: Watch | None
    between: Between | None
    attempts: int
    preflight: bool


class Drawing:
    """Draws shapes, one after the other, in this process."""

    def __init__(self, folder: Path, databases: Databases | Hosted | None = None) -> None:
        self.plan = _plan(folder)
        self.databases = databases or Databases(ROOT)

    def draw(
        self,
        *shapes: str,
        given: Mapping[str, Any] | None = None,
        watch: Watch | None = None,
        between: Between | None = None,
        last: int | None = None,
        attempts: int = 1,
        passing: Mapping[str, Sequence[str]] | None = None,
        rounds: int = 1,
        preflight: bool = False,
    ) -> Draw:
        """Draw shapes together on one database, and return what became of it.

        Args:
            *shapes: SQL, applied in order as the owner; a line `-- as the superuser` changes that, one
                `-- grows: TABLE` says where a trigger of the shape keeps a log, one `-- lies in: SCHEMA` what the
                environment calls the plan's schema.
            given: parameters beside those that make it cheap.
            watch: called before each cell, up and down.
            between: called after each complete task (`up`) and after each one reversed (`down`), with its number.
            last: number of the last task.
            attempts: so many times, in all, a notebook that stops is executed.
            passing: by table, the columns that its content is told apart without.
            rounds: so many times forth and back.
            preflight: ask a preflight first, accept all it names at once, and hold the run against what it said.
        """
        plot = Plot({**CHEAP, **(given or {})}, watch, between, attempts, preflight)
        whole = "\n".join(shapes)
        begun, found = time.perf_counter(), Draw(grows=tuple(GROWS.findall(whole)))
        with self.databases.fresh() as database, address_of(database.owner), self.lying_in(*LIES_IN.findall(whole)):
            try:
                for shape in shapes:
                    database.apply(shape)
            except psycopg.Error as error:
                found.refused = " ".join(str(error).split())
                return found
            found.before = observe(database.superuser, passing or {})
            for _ in range(rounds):
                self._forth(found, database, plot, last)
                found.after = observe(database.superuser, passing or {})
                self._back(found, database, plot)
            found.end = observe(database.superuser, passing or {})
        found.seconds = time.perf_counter() - begun
        return found

    @contextmanager
    def lying_in(self, *schema: str) -> Iterator[None]:
        """Let the environment name a schema for one draw."""
        self.plan = _with_schema(self.plan, *schema)
        try:
            yield
        finally:
            self.plan = _with_schema(self.plan)

    def _forth(self, found: Draw, database: Database, plot: Plot, last: int | None) -> None:
        given = {"samples": SAMPLES[1], **plot.parameters}
        given.pop("environment")
        if plot.preflight:
            self._ask(found, given)
            self._up(found, database, plot, last)
            found.untold = self._untold(found)
            return
        self._up(found, database, plot, last)
        if found.is_to_be_accepted:
            self._accept(found, given, [one for task in found.tasks for one in task.findings])
            found.tasks.clear()
            self._up(found, database, plot, last)

    def _ask(self, found: Draw, given: Mapping[str, Any]) -> None:
        """Ask a preflight, and accept all that may be accepted where nothing blocks."""
        found.told = run_preflight(self.plan, ENVIRONMENT, given)
        if found.told.exit_code == LACKING:
            self._accept(found, given, found.told.findings)

    def _accept(self, found: Draw, given: Mapping[str, Any], findings: Sequence[Finding]) -> None:
        """Accept, once, what may be accepted of the target as it is, as somebody would with `runbook approve`."""
        checks = {one.check: "as drawn" for one in findings if one.kind == UNACCEPTED}
        approve.record_decision(self.plan, ENVIRONMENT, approve.Approver("a draw", "as drawn"), given, accepts=checks)
        found.accepted = tuple(checks)

    def _untold(self, found: Draw) -> tuple[str, ...]:
        """Return what stopped the run though the preflight could ask it, or did not stop it though that said so."""
        assert found.told is not None
        blocked, end = found.told.exit_code == BLOCKED, found.tasks[-1]
        if end.stop is None:
            return ("nothing, though the preflight says that something blocks",) if blocked else ()
        named = {one.check for one in found.told.findings if one.kind in (BLOCKS, UNACCEPTED)}
        later = [one.source for one in cells.read_cells(self.plan.tasks[end.task].notebook) if RUN_ONLY in one.tags]
        if not end.failed:
            return () if blocked or end.stop.cell in later else (str(end),)
        return tuple(one.name for one in end.failed if one.name not in named and one.name not in "\n".join(later))

    def _up(self, found: Draw, database: Database, plot: Plot, last: int | None) -> None:
        session = Session(self.plan, "draw")
        for task in self.plan.between(None, last):
            given = {"samples": SAMPLES.get(task.number), **plot.parameters}
            read = partial(notebooks.read_notebook, task)
            if not self._attempt(found.tasks, session, task, read, given, database, plot):
                return

    def _back(self, found: Draw, database: Database, plot: Plot) -> None:
        session = Session(self.plan, "draw back", way="down")
        for task in self._begun(database):
            read = partial(notebooks.rollback_notebook, task)
            if not self._attempt(found.back, session, task, read, plot.parameters, database, plot):
                return

    def _attempt(
        self,
        outcomes: list[Outcome],
        session: Session,
        task: Task,
        read: Callable[[], Any],
        given: Mapping[str, Any],
        database: Database,
        plot: Plot,
    ) -> bool:
        """Execute a task's notebook, again where it stops and may be; return whether it ended well."""
        for _ in range(plot.attempts):
            outcomes.append(self._execute(session, task, read(), given, database, plot.watch))
            if outcomes[-1].stop is None:
                if plot.between:
                    plot.between(database, session.way, task.number)
                return True
        return False

    def _begun(self, database: Database) -> list[Task]:
        """Return the tasks that left something, the newest first, as `runbook rollback` takes them."""
        with psycopg.connect(database.superuser, autocommit=True) as connection:
            ledger = Ledger(connection, self.plan.name)
            states = ledger.states() if ledger.exists() else {}
        return [
            one for one in reversed(self.plan.tasks) if one.number in states and states[one.number].status != UNDONE
        ]

    def _execute(
        self,
        session: Session,
        task: Task,
        notebook: Any,
        given: Mapping[str, Any],
        database: Database,
        watch: Watch | None,
    ) -> Outcome:
        begun, known = time.perf_counter(), _declared(notebook)
        if watch:
            session.before_cell = lambda tags, source: watch(
                Moment(database, session.way, task.number, tuple(tags), source)
            )
        fitting = {name: value for name, value in given.items() if name in known}
        stop = session.execute(notebook, fitting)
        failed: tuple[Check, ...] = ()
        with psycopg.connect(database.superuser, autocommit=True) as connection:
            ledger = Ledger(connection, self.plan.name)
            if ledger.exists():
                failed = tuple(one for one in ledger.checks(session.run_id, task.number) if not one.passed)
        return Outcome(task.number, stop, failed, session.findings, time.perf_counter() - begun)


def _declared(notebook: Any) -> set[str]:
    """Return the names of the parameters that a notebook declares."""
    tagged = [cell.source for cell in notebook.cells if "parameters" in cell.metadata.get("tags", [])]
    return {name for source in tagged for name in parameters.declarations(source)}


def _plan(folder: Path) -> Plan:
    """Return the plan with an environment for draws, in a copy of the project."""
    folder.mkdir(exist_ok=True)
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part)
    shutil.copy(ROOT / "runbook.toml", folder)
    return _with_schema(Plan.load(folder / "runbook.toml"))


def _with_schema(plan: Plan, schema: str = "") -> Plan:
    """Return the plan whose environment for draws calls the schema so; its file says so, too."""
    if ENVIRONMENT in plan.environments and plan.environments[ENVIRONMENT].schema == schema:
        return plan
    file, named = plan.root / "runbook.toml", f'schema = "{schema}"\n' if schema else ""
    kept = file.read_text(encoding="utf-8").partition(f"\n[environments.{ENVIRONMENT}]")[0]
    file.write_text(f'{kept}\n[environments.{ENVIRONMENT}]\napproval = "automatic"\n{named}', encoding="utf-8")
    return Plan.load(file)


@contextmanager
def address_of(url: str) -> Iterator[None]:
    """Let the environment of draws lead to a database."""
    former, os.environ[ADDRESS] = os.environ.get(ADDRESS), url
    try:
        yield
    finally:
        os.environ.pop(ADDRESS) if former is None else os.environ.update({ADDRESS: former})


def main(arguments: Sequence[str] | None = None) -> int:
    """Draw files of SQL, print a line each, and return how many are not as they must be (255 at most)."""
    parser = argparse.ArgumentParser(prog="python -m tests.support.draw", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, help="files of SQL, a shape each; none: the baseline alone")
    parser.add_argument("-k", "--together", action="store_true", help="all files on one database, in this order")
    parser.add_argument("--hosted", action="store_true", help="on a project of Supabase, not on the baseline")
    parser.add_argument("-v", "--verbose", action="store_true", help="say everything that is not as it was")
    parser.add_argument("-g", "--grows", action="append", default=[], metavar="TABLE", help="keeps a log")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter")
    told = parser.parse_args(arguments)
    groups = [told.files] if told.together or not told.files else [[file] for file in told.files]
    wrong, given = 0, {name: literal_eval(value) for name, value in told.p}
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("IPYTHONDIR", str(Path(folder, "ipython")))
        drawing = Drawing(Path(folder, "plan"), Hosted(Path(folder)) if told.hosted else None)
        for group in groups:
            logs = [f"-- grows: {table}" for table in told.grows]
            draw = drawing.draw(*(file.read_text("utf-8") for file in group), *logs, given=given, preflight=True)
            name = " + ".join(file.stem for file in group) or ("the project" if told.hosted else "the baseline")
            print(f"{name}: {draw.verdict} ({draw.seconds:.1f} s)", flush=True)
            if told.verbose:
                findings = [one for task in draw.tasks for one in task.findings]
                found = [f"{one.kind}: {one.check}: {one.what} {one.remedy}" for one in findings]
                print("".join(f"    {line}\n" for line in (*found, *draw.gained, *draw.left)), end="")
            wrong += not draw.is_right
    return min(wrong, 255)


if __name__ == "__main__":
    sys.exit(main())
