"""The checklist of a plan: what every gate decides beside a task's own words, and the words a run speaks in.

A plan without a table `[checklist]` has no quality gates and no boxes, and speaks in the words below.
"""

from dataclasses import dataclass, field
from string import Formatter
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field

from runbook.plan.values import CLOSED, Text

Means = Literal["deliverables", "criteria", "triggers", "documentation", "dependencies"]
REASONS = {  # why an escalation is called, and what it is called where the plan does not say it
    "overtime": "overtime",
    "trigger": "rollback trigger",
    "error": "error",
    "input": "input required",
}
MESSAGES = {
    "start": "Task {number} begins: {name}, estimated {duration}",
    "progress": "Task {number}: {percent} %, {status}",
    "complete": "Task {number} is complete: {deliverables}",
    "issue": "Task {number}: {description} ({action})",
}


def _with_defaults(given: dict[str, str]) -> dict[str, str]:
    """Return messages in the forms that are given, and the others in ours.

    Raises:
        ValueError: a form has a field that nothing fills.
    """
    _require_known(given, MESSAGES)
    for kind, form in given.items():
        known = {name for _, name, _, _ in Formatter().parse(MESSAGES[kind]) if name}
        for _, name, _, _ in Formatter().parse(form):
            if name and name not in known:
                raise ValueError(f"{kind!r} has no {{{name}}}; it has {', '.join(sorted(known))}")
    return {**MESSAGES, **given}


def _with_our_words(given: dict[str, str]) -> dict[str, str]:
    """Return what the plan calls escalations, and the others in our words.

    Raises:
        ValueError: no escalation has such a reason.
    """
    _require_known(given, REASONS)
    return {**REASONS, **given}


def _require_known(given: dict[str, str], known: dict[str, str]) -> None:
    if unknown := [name for name in given if name not in known]:
        raise ValueError(f"has no entry {unknown[0]!r}; it has {', '.join(known)}")


Messages = Annotated[dict[str, Text], AfterValidator(_with_defaults)]
Escalations = Annotated[dict[str, Text], AfterValidator(_with_our_words)]


@dataclass(frozen=True)
class QualityGate:
    """A kind of verification that every task must pass; each check belongs to one.

    Attributes:
        kind: the word a check names it by.
        name: its name.
        meaning: what it verifies, in the plan's words.
    """

    __pydantic_config__ = CLOSED

    kind: Annotated[str, Field(pattern=r"^[a-z]+$")]
    name: Text
    meaning: Text


@dataclass(frozen=True)
class Box:
    """A condition of a task's completion.

    Attributes:
        box: the plan's words.
        means: what decides it: `deliverables`, `criteria`, `triggers`, `documentation` or `dependencies`.
    """

    __pydantic_config__ = CLOSED

    box: Text
    means: Means


@dataclass(frozen=True)
class Checklist:
    """What every gate decides, and the words of announcements.

    Attributes:
        quality_gates: one row of the matrix for each task, one column for each of these.
        preparation: the conditions that head the first task, each decided by checks of it.
        completion: the conditions a task must meet to be complete.
        messages: kind of announcement → its form, with fields in braces.
        escalations: reason → what the plan calls it.
    """

    __pydantic_config__ = CLOSED

    quality_gates: tuple[QualityGate, ...] = ()
    preparation: tuple[Text, ...] = ()
    completion: tuple[Box, ...] = ()
    messages: Messages = field(default_factory=lambda: dict(MESSAGES))
    escalations: Escalations = field(default_factory=lambda: dict(REASONS))

    @property
    def kinds(self) -> tuple[str, ...]:
        """The words by which checks name the quality gates."""
        return tuple(gate.kind for gate in self.quality_gates)

    def message(self, kind: str, **said: Any) -> str:
        """Return an announcement in the plan's form."""
        return self.messages[kind].format(**said)
