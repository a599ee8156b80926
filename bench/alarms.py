"""Alarms: do the measured gates of Tasks 3 and 4 stay silent while nothing is wrong, and speak when something is?"""

import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from contextlib import chdir, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output

from bench.figures import Finding, Options, Part, Samples, Say
from bench.place import Place
from bench.project import Project
from runbook.plan import cells
from runbook.query.expectation import Expectation
from runbook.query.statistics import Comparison

TASKS = (3, 4)
SLOWDOWN = 0.3
CLEAN, LOADED, SLOW = "nothing wrong", "nothing wrong, both cores busy", "30 % slower"
UNITS = {"fired": "triggers", "judged": "triggers", "failed": "checks"}
MARK = "-- slowed"


class Gates:
    """A notebook run to its end, whose measured gates can be measured again and again."""

    def __init__(self, shell: InteractiveShell, project: Project, number: int) -> None:
        self.shell = shell
        notebook = project.plan.task(number).notebook
        self.code = [cell.source for cell in cells.read_cells(notebook) if cell.kind == "code"]
        self._run(*self.code)
        self.task: Any = shell.user_ns["_runbook_task"]
        names = [name for name, value in shell.user_ns.items() if isinstance(value, Comparison)]
        self.measuring = [code for code in self.code if ".compare(" in code and any(f"{n} =" in code for n in names)]
        self.judging = [code for code in self.code if ".check(" in code and any(f" {n}," in code for n in names)]
        if not self.measuring or not self.judging:
            raise RuntimeError(f"{notebook.name} has no measured gates to try.")
        self.verdicts: Counter[str] = Counter()
        self.task.check = self._check

    def round(self, *, slow: bool) -> dict[str, float]:
        """Measure and judge once; return how many triggers were `judged` and `fired`, and how many checks `failed`."""
        self.verdicts = Counter()
        compare, connection = self.task.compare, self.task.connection
        if slow:
            self.task.connection = Slowed(connection)
            # The yardstick against itself, slowed: nothing else differs.
            self.task.compare = lambda name, before, after, **how: compare(
                name, before, f"{before} {MARK}", **{**how, "persona": _first(how.get("persona"))}
            )
        try:
            self._run(*self.measuring, *self.judging)
        finally:
            self.task.compare, self.task.connection = compare, connection
        return {name: float(self.verdicts[name]) for name in UNITS}

    def close(self) -> None:
        """Close the notebook's connections."""
        self.task.close()

    def _check(self, name: str, found: Any, expected: str, criterion: str = "", trigger: str = "") -> None:
        if isinstance(found, Comparison):
            passed, _ = Expectation(expected).judge(found)
            self.verdicts += Counter(judged=bool(trigger), fired=bool(trigger) and not passed, failed=not passed)

    def _run(self, *code: str) -> None:
        with capture_output():
            for source in code:
                self.shell.run_cell(source, store_history=True).raise_error()


class Slowed:
    """A connection on which a sample of the marked statement takes 30 % longer, as a whole and in its statement."""

    def __init__(self, connection: Any) -> None:
        self._connection = connection
        self._begun = self._waited = 0.0  # seconds
        self._is_slow = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connection, name)

    def execute(self, statement: Any, *values: Any, **how: Any) -> Any:
        """Execute, and wait where the sample is one of the slow ones."""
        text = statement if isinstance(statement, bytes) else str(statement).encode()
        sent = perf_counter()
        if text.startswith(b"SAVEPOINT"):
            self._begun, self._waited, self._is_slow = sent, 0.0, False
        answer = self._connection.execute(statement, *values, **how)
        if MARK.encode() in text or text == b"EXECUTE runbook_after":
            self._is_slow = True
            self._wait(perf_counter() - sent)
        elif self._is_slow:
            self._wait(perf_counter() - self._begun - self._waited)
        return answer

    def _wait(self, seconds: float) -> None:
        """Wait so long that `seconds` have become 30 % longer."""
        begun = perf_counter()
        while perf_counter() - begun < SLOWDOWN * seconds - self._waited:
            pass
        self._waited += perf_counter() - begun


def run(options: Options, place: Place, say: Say) -> Part:
    """Take the measured gates 20 times (those of the first task once, if quick) in each of three situations."""
    rounds, tasks = options.times(20, 1), TASKS[:1] if options.quick else TASKS
    samples: Samples = {CLEAN: [], LOADED: [], SLOW: []}
    with TemporaryDirectory(prefix="bench-") as folder, _inside(place, folder) as project:
        project.runbook("run", "--fresh", "--to", str(TASKS[0] - 1))
        for number in tasks:
            say(f"Task {number}")
            gates = Gates(place.shell(), project, number)
            for turn in range(rounds):
                for situation in (CLEAN, LOADED, SLOW):
                    say(f"Task {number} · {situation} · {turn + 1} of {rounds}")
                    with _busy(situation == LOADED):
                        samples[situation].append(gates.round(slow=situation == SLOW))
            gates.close()
    fired = {name: sum(sample["fired"] for sample in samples[name]) for name in samples}
    caught = sum(sample["fired"] == sample["judged"] for sample in samples[SLOW])
    total = len(samples[SLOW])
    findings = [
        Finding(f"triggers fired in {total} rounds, {CLEAN}", [fired[CLEAN]], "", "= 0"),
        Finding(f"triggers fired in {total} rounds, {LOADED}", [fired[LOADED]], "", "= 0"),
        Finding(f"rounds of {total} in which every trigger caught 30 %", [float(caught)], "", f"= {total}"),
    ]
    title = f"Measured gates of {'Task' if len(tasks) == 1 else 'Tasks'} {' and '.join(map(str, tasks))}"
    return Part("alarms", title, samples, UNITS, findings, {"rounds": rounds})


@contextmanager
def _inside(place: Place, folder: str) -> Iterator[Project]:
    """Offer a copy of the project as the working directory: notebooks find their plan from there."""
    project = Project(place, Path(folder))
    with chdir(project.folder / "notebooks"):
        yield project


@contextmanager
def _busy(wanted: bool) -> Iterator[None]:
    """Keep every core busy, where wanted."""
    command = [sys.executable, "-c", "while True: pass"]
    loads = [subprocess.Popen(command) for _ in range(os.cpu_count() or 1)] if wanted else []
    try:
        yield
    finally:
        for load in loads:
            load.kill()
            load.wait()


def _first(persona: Any) -> Any:
    return persona[0] if isinstance(persona, tuple) else persona
