"""Everything that can be known of a plan before anything runs: `runbook check`, and the first thing a run does."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from runbook.errors import UsageError
from runbook.plan import (
    cells,
    changes,
    decisions,
    expectations,
    faults,
    finish_script,
    generated_docs,
    parameters,
    rollback_script,
)
from runbook.plan.plan import FILE, Plan, Task

BEGIN, CONCLUDE = re.compile(r"\brunbook\.begin\((\d+)"), re.compile(r"\.conclude\(\)")
NUMBERS = {"int", "float"}  # the types whose parameters have a range


@dataclass(frozen=True)
class Flaw:
    """Something wrong with a plan, its notebooks, its SQL or its faults.

    Attributes:
        what: what is wrong, and where, in words.
        stops: whether a run is refused; else the run proves less than it should.
    """

    what: str
    stops: bool = True


def flaws(plan: Plan) -> list[Flaw]:
    """Return everything that is wrong with a plan, what stops a run first."""
    found = [flaw for task in plan.tasks for flaw in flaws_of_task(plan, task)]
    readable = tuple(task for task in plan.tasks if _is_readable(task))
    found += [Flaw(words) for task in readable for words in _begins(task)]
    found += [_lesser(words) for task in readable for words in _unlike_plan(task)]
    found += [_lesser(words) for words in faults.unproven(plan, readable)]
    found += [_lesser(words) for words in _missing_files(plan)]
    if readable == plan.tasks and any(box.means == "documentation" for box in plan.checklist.completion):
        stale = [path.name for path in generated_docs.stale_documents(plan)]
        found += [_lesser(f"{name} is out of step with the notebooks: `runbook docs`") for name in stale]
    return sorted(found, key=lambda flaw: not flaw.stops)


def flaws_of_task(plan: Plan, task: Task) -> Iterator[Flaw]:
    """Yield what is wrong with one task by itself."""
    try:
        declared = parameters.declared_parameters(task)
    except UsageError as error:
        yield from map(Flaw, str(error).splitlines())
        declared = {}
    yield from (_lesser(words) for words in _without_range(task, declared.values()))
    try:
        rollback_script.rollback_parts(task)
    except UsageError as error:
        yield _lesser(str(error))  # a way up may be run without a rollback: whether it may, a check decides
    if _is_readable(task):
        yield from map(Flaw, changes.untagged(task.notebook))
        yield from map(Flaw, changes.unrepeatable(task.notebook))
        yield from map(Flaw, _expectations(task))
        yield from map(Flaw, decisions.undecided(plan, task))


def require_sound(plan: Plan, tasks: tuple[Task, ...] = ()) -> list[Flaw]:
    """Make sure that nothing is wrong which stops a run; return what a run may leave as it is.

    Args:
        plan: what would run.
        tasks: those alone, where a notebook runs by itself; none: the whole plan.

    Raises:
        UsageError: something would stop it; the message names all of it.
    """
    found = [flaw for task in tasks for flaw in flaws_of_task(plan, task)] if tasks else flaws(plan)
    stops = [flaw for flaw in found if flaw.stops]
    if stops:
        raise UsageError(_sentence(stops[0]) if len(stops) == 1 else f"Nothing was run. {told(stops)}")
    return found


def told(found: Iterable[Flaw]) -> str:
    """Return flaws in words, a line each, what stops a run first."""
    heads = {True: "This must be mended first:", False: "This stops no run, but proves less than it should:"}
    parts = []
    for stops, head in heads.items():
        if lines := [f"  {_sentence(flaw)}" for flaw in found if flaw.stops is stops]:
            parts += [head, *lines]
    return "\n".join(parts)


def _sentence(flaw: Flaw) -> str:
    return f"{flaw.what.rstrip('.')}."


def _lesser(what: str) -> Flaw:
    return Flaw(what, stops=False)


def _is_readable(task: Task) -> bool:
    try:
        cells.read_cells(task.notebook)
    except UsageError:
        return False  # said where its parameters are read
    return True


def _without_range(task: Task, declared: Iterable[parameters.Parameter]) -> Iterator[str]:
    for one in declared:
        if one.kind in NUMBERS and not one.allowed:
            yield (
                f"{task.notebook.name}: the parameter {one.name!r} says no range: begin its comment with one, such as "
                f"`# 1..64; {one.comment or 'what it is'}`"
            )


def _begins(task: Task) -> Iterator[str]:
    """Yield what is wrong with how the notebook begins its task."""
    begun = [int(number) for source in _python(task) for number in BEGIN.findall(source)]
    if not begun:
        yield f"{task.notebook.name} never calls `runbook.begin({task.number})`"
    yield from (
        f"{task.notebook.name} begins Task {number}, but {FILE} gives it to Task {task.number}"
        for number in begun
        if number != task.number
    )


def _python(task: Task) -> list[str]:
    return [cell.source for cell in cells.read_cells(task.notebook) if cell.kind == "code" and not cell.magic]


def _expectations(task: Task) -> Iterator[str]:
    for check in cells.checks(task.notebook):
        if not check.name:
            yield f"{task.notebook.name}: write `%%check NAME: EXPECTATION`, not `%%check {check.expected}`"
        elif said := expectations.problem(check.expected):
            yield f"{task.notebook.name}, check {check.name!r}: {said[:1].lower()}{said[1:]}"


def _unlike_plan(task: Task) -> Iterator[str]:
    """Yield where the plan speaks of steps and checks that the notebook has not, or has more of."""
    planned = [step.number for step in task.steps]
    written = [number for cell in cells.read_cells(task.notebook) for number in cells.headings(cell)]
    for number in planned:
        if number not in written:
            yield f"{task.notebook.name} has no heading `## {number} · …` for the step {number} of {FILE}"
    for number in written:
        if number not in planned:
            yield f"{task.notebook.name} has a step {number}, which Task {task.number} has not in {FILE}"
    if not any(CONCLUDE.search(source) for source in _python(task)):
        yield f"{task.notebook.name} never calls `task.conclude()`: its gate would not be decided"
    names = [check.name for check in cells.checks(task.notebook)]
    for entry, checks in (("acceptable", task.acceptable), ("twins", task.twins)):
        for one in checks:
            if not any(cells.is_named(one.check, name) for name in names):
                yield f"Task {task.number}: {entry} names the check {one.check!r}, which {task.notebook.name} has not"


def _missing_files(plan: Plan) -> Iterator[str]:
    for environment in plan.environments.values():
        if base := environment.baseline:
            missing = [path for path in (*base.cluster, *base.superuser, *base.owner) if not path.is_file()]
            yield from (f"The baseline of environment {environment.name!r} is missing: {path}" for path in missing)
    try:
        finish_script.remainders(plan)
    except UsageError as error:
        yield str(error)
