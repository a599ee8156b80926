"""What checks decide: each criterion, trigger and deliverable of the plan needs a check, even before a run."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Self

from runbook.errors import UsageError
from runbook.plan.cells import DECIDED, VARIES, DeclaredCheck, checks
from runbook.plan.plan import FILE, Plan, Task

SORTS = {  # as a person calls what a check may decide
    "criterion": "success criterion",
    "trigger": "rollback trigger",
    "box": "condition of preparation",
    "gate": "quality gate",
}


@dataclass(frozen=True)
class Decides:
    """What a check decides, in the plan's words; None where it decides nothing of that sort.

    Attributes:
        criterion: the success criterion that is met only where it passes.
        trigger: the rollback trigger it fires where it fails.
        deliverable: the deliverable it verifies.
        box: the condition of preparation it fulfils.
        gate: the kind of the quality gate it belongs to; None: the plan's first.
    """

    criterion: str | None = None
    trigger: str | None = None
    deliverable: str | None = None
    box: str | None = None
    gate: str | None = None

    @classmethod
    def from_words(cls, said: Mapping[str, str]) -> Self:
        """Return what a check says that it decides: sort → the plan's words.

        Raises:
            UsageError: there is no such sort.
        """
        if unknown := [sort for sort in said if sort not in DECIDED]:
            raise UsageError(f"A check decides no {unknown[0]!r}; it may decide {', '.join(DECIDED)}.")
        return cls(**said)

    @property
    def pairs(self) -> list[tuple[str, str]]:
        """What it decides, as pairs of the sort and the plan's words; the kind is no decision of its own."""
        return [(sort, words) for sort, words in asdict(self).items() if words and sort != "gate"]


def known_words(plan: Plan, task: Task) -> dict[str, tuple[str, ...]]:
    """Return what the checks of a task may decide: sort → the plan's words."""
    return {
        "criterion": task.criteria,
        "trigger": task.triggers,
        "deliverable": task.deliverables,
        "box": plan.checklist.preparation if task == plan.tasks[0] else (),
        "gate": plan.checklist.kinds,
    }


def problems(plan: Plan, task: Task, name: str, decides: Decides) -> list[str]:
    """Return what is wrong with what a check says it decides, a sentence each."""
    known, said = known_words(plan, task), asdict(decides)
    wrong = [
        f"Task {task.number} has no {SORTS.get(sort, sort)} {words!r} in {FILE}, which the check {name!r} names"
        for sort, words in said.items()
        if words and words != VARIES and words not in known[sort]
    ]
    if not decides.pairs:
        wrong.append(f"Task {task.number}: the check {name!r} decides nothing: name a criterion or a trigger")
    return wrong


def undecided(plan: Plan, task: Task) -> list[str]:
    """Return what no check of a task decides although the plan promises it, a sentence each."""
    declared = checks(task.notebook)
    found = [words for one in declared for words in problems(plan, task, one.name, _decides(one))]
    return found + list(_missing(plan, task, declared))


def gate_of_check(plan: Plan, gate: str | None) -> str | None:
    """Return the kind of the quality gate a check belongs to: the one it names, or else the plan's first."""
    return gate or next(iter(plan.checklist.kinds), None)


def _missing(plan: Plan, task: Task, declared: list[DeclaredCheck]) -> Iterator[str]:
    for sort, promised in known_words(plan, task).items():
        if sort == "deliverable" and not any(box.means == "deliverables" for box in plan.checklist.completion):
            continue  # nothing asks for them
        decided = {getattr(one, sort) for one in declared}
        if sort == "gate":
            decided = {gate_of_check(plan, kind) for kind in decided}
        for words in promised:
            if words not in decided:
                name = SORTS.get(sort, sort)
                yield f"Task {task.number}: no check of {task.notebook.name} decides the {name} {words!r}"


def _decides(check: DeclaredCheck) -> Decides:
    return Decides(check.criterion, check.trigger, check.deliverable, check.box, check.gate)
