"""A draw: a shape on a fresh database, all six tasks, the way back, and what became of the target.

`python -m tests.support.draw FILE.sql …` draws each file alone; `--together` draws all of them on one database.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import Any

import psycopg

from runbook.database.ledger import UNDONE, Check, Ledger
from runbook.evidence import notebooks
from runbook.plan.plan import Plan, Task
from tests.support import world
from tests.support.databases import Database, Databases
from tests.support.in_process import Session, Stop, fitting

ROOT = Path(__file__).parents[2]
PARTS = ("notebooks", "sql", "docs", "supabase")
ADDRESS = "RUNBOOK_DRAW_DATABASE_URL"
# Figures that decide nothing on a busy machine, and a backfill without rests: a draw asks what is right, not how fast.
CHEAP: Mapping[str, Any] = {
    "environment": "draw",
    "floor_ms": 1e5,
    "narrow_ms": 1e5,
    "slowest_ms": 1e5,
    "free_disk_gb": 1000.0,
    "workers": 1,
    "gentle_ms": 0.0,
    "rest": 0.0,
}

SAMPLES = {1: 100, 3: 10, 4: 10}  # by task; the baseline demands a hundred


@dataclass(frozen=True)
class Outcome:
    """What became of a task.

    Attributes:
        stop: None: it is complete.
        failed: the checks that failed.
        seconds: it took.
    """

    task: int
    stop: Stop | None
    failed: tuple[Check, ...]
    seconds: float

    def __str__(self) -> str:
        if self.stop is None:
            return f"Task {self.task} complete"
        if self.failed:
            return f"Task {self.task}: " + "; ".join(f"{check.name} ({check.actual})" for check in self.failed)
        return f"Task {self.task}: {self.stop.kind}: {shorten(self.stop.message, 300)}"


@dataclass
class Draw:
    """What became of a shape.

    Attributes:
        tasks: as far as they went.
        back: the tasks reversed, newest first, as far as they went.
        gained: what somebody can do after the tasks and could not do before.
        left: what is not as it was, after the way back.
        refused: what the server said to the shape itself, which then was not drawn.
    """

    tasks: list[Outcome] = field(default_factory=list)
    back: list[Outcome] = field(default_factory=list)
    gained: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    refused: str = ""
    seconds: float = 0.0

    @property
    def is_complete(self) -> bool:
        """Whether every task is complete."""
        return bool(self.tasks) and all(one.stop is None for one in self.tasks)

    @property
    def is_blocked(self) -> bool:
        """Whether it stopped before anything was changed, by a check or a clear sentence."""
        stop = self.tasks[-1].stop if self.tasks else None
        return stop is not None and self.tasks[-1].task < 2 and stop.kind in ("GateShut", "NotAllowed")

    @property
    def is_given_back(self) -> bool:
        """Whether all that was begun was reversed, and nothing is left of it."""
        return not self.left and all(one.stop is None for one in self.back)

    @property
    def verdict(self) -> str:
        """Whether it is as it must be, in one line."""
        if self.refused:
            return f"the shape is refused: {self.refused}"
        if self.is_complete:
            said = "complete"
        else:
            said = f"{'blocked by' if self.is_blocked else 'STOPPED at'} {self.tasks[-1]}"
        stuck = [one for one in self.back if one.stop]
        said += f" · RIGHTS GAINED: {self.gained[0]} ({len(self.gained)})" if self.gained else ""
        said += f" · NO WAY BACK: {stuck[0]}" if stuck else ""
        said += f" · NOT GIVEN BACK: {self.left[0]} ({len(self.left)})" if self.left else ""
        return said + ("" if stuck or self.left else " · given back")


class Drawing:
    """Draws shapes, one after the other, in this process."""

    def __init__(self, folder: Path, databases: Databases | None = None) -> None:
        self.plan = _plan(folder)
        self.databases = databases or Databases(ROOT)

    def draw(
        self,
        *shapes: str,
        parameters: Mapping[str, Any] | None = None,
        between: Callable[[Database, int], None] | None = None,
        before_cell: Callable[[Database, int, list[str], str], None] | None = None,
        last: int | None = None,
    ) -> Draw:
        """Draw shapes together on one database, and return what became of it.

        Args:
            *shapes: SQL, applied in order as the owner; a line `-- as the superuser` changes that.
            parameters: beside those that make it cheap.
            between: called after each complete task, with the database and the task's number.
            before_cell: called before each cell, with the database, the task's number, the cell's tags and its source.
            last: number of the last task.
        """
        begun, found = time.perf_counter(), Draw()
        with self.databases.fresh() as database, _address(database.owner):
            try:
                for shape in shapes:
                    database.apply(shape)
            except psycopg.Error as error:
                found.refused = " ".join(str(error).split())
                return found
            before = world.observe(database.superuser)
            self._forth(found, database, {**CHEAP, **(parameters or {})}, between, before_cell, last)
            after = world.observe(database.superuser)
            found.gained = world.gained(before, after)
            self._back(found, database)
            found.left = world.differences(before, world.observe(database.superuser))
        found.seconds = time.perf_counter() - begun
        return found

    def _forth(
        self,
        found: Draw,
        database: Database,
        given: Mapping[str, Any],
        between: Callable[[Database, int], None] | None,
        before_cell: Callable[[Database, int, list[str], str], None] | None,
        last: int | None,
    ) -> None:
        session = Session(self.plan, "draw")
        for task in self.plan.between(None, last):
            if before_cell:
                session.before_cell = lambda tags, source, number=task.number: before_cell(
                    database, number, tags, source
                )
            told = {"samples": SAMPLES.get(task.number)} | given
            found.tasks.append(self._execute(session, task, notebooks.read_notebook(task), told, database))
            if found.tasks[-1].stop:
                return
            if between:
                between(database, task.number)

    def _back(self, found: Draw, database: Database) -> None:
        session = Session(self.plan, "draw back")
        with psycopg.connect(database.owner, autocommit=True) as connection:
            ledger = Ledger(connection, self.plan.name)
            states = ledger.states() if ledger.exists() else {}
        for task in reversed(self.plan.tasks):
            if task.number in states and states[task.number].status != UNDONE:
                found.back.append(
                    self._execute(session, task, notebooks.rollback_notebook(task), {"environment": "draw"}, database)
                )
                if found.back[-1].stop:
                    return

    def _execute(
        self, session: Session, task: Task, notebook: Any, given: Mapping[str, Any], database: Database
    ) -> Outcome:
        begun = time.perf_counter()
        stop = session.execute(notebook, fitting(notebook, given))
        failed: tuple[Check, ...] = ()
        with psycopg.connect(database.owner, autocommit=True) as connection:
            ledger = Ledger(connection, self.plan.name)
            if ledger.exists():
                failed = tuple(one for one in ledger.checks(session.run_id, task.number) if not one.passed)
        return Outcome(task.number, stop, failed, time.perf_counter() - begun)


def _plan(folder: Path) -> Plan:
    """Return the plan with an environment for draws, in a copy of the project."""
    for part in PARTS:
        shutil.copytree(ROOT / part, folder / part)
    text = (ROOT / "runbook.toml").read_text(encoding="utf-8")
    (folder / "runbook.toml").write_text(f'{text}\n[environments.draw]\napproval = "automatic"\n', encoding="utf-8")
    return Plan.read(folder / "runbook.toml")


@contextmanager
def _address(url: str) -> Iterator[None]:
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
    parser.add_argument("-v", "--verbose", action="store_true", help="say everything that is not as it was")
    parser.add_argument("-p", nargs=2, action="append", default=[], metavar=("NAME", "VALUE"), help="a parameter")
    told = parser.parse_args(arguments)
    groups = [told.files] if told.together or not told.files else [[file] for file in told.files]
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        os.environ.setdefault("IPYTHONDIR", str(Path(folder, "ipython")))
        drawing = Drawing(Path(folder))
        for group in groups:
            draw = drawing.draw(*(file.read_text("utf-8") for file in group), parameters=_literals(told.p))
            name = " + ".join(file.stem for file in group) or "the baseline"
            print(f"{name}: {draw.verdict} ({draw.seconds:.1f} s)", flush=True)
            if told.verbose:
                print("".join(f"    {line}\n" for line in (*draw.gained, *draw.left)), end="")
            wrong += not (draw.is_complete or draw.is_blocked) or not draw.is_given_back or bool(draw.gained)
    return min(wrong, 255)


def _literals(pairs: Sequence[Sequence[str]]) -> dict[str, Any]:
    import ast

    return {name: ast.literal_eval(value) for name, value in pairs}


if __name__ == "__main__":
    sys.exit(main())
