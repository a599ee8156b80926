"""Gates: what each task's criteria and triggers came to, and the checks that decided them."""

from collections.abc import Sequence
from dataclasses import dataclass

from runbook.evidence.model import CheckEntry, TaskEntry


@dataclass(frozen=True)
class Mark:
    """A verdict for the eye: a colour's meaning (`good`, `bad`, `warn`, `info`, `none`), a sign and a word."""

    tone: str
    sign: str
    word: str


STATES = {
    "complete": Mark("good", "✓", "complete"),
    "failed": Mark("bad", "✗", "failed"),
    "running": Mark("warn", "!", "interrupted"),
    "rolled_back": Mark("info", "↩", "rolled back"),
    "not_run": Mark("none", "–", "not run"),
}
GATES = {"complete": Mark("good", "✓", "gate open"), "failed": Mark("bad", "✗", "gate shut")}
PASSED, FAILED = Mark("good", "✓", "pass"), Mark("bad", "✗", "fail")
ACCEPTED = Mark("warn", "!", "accepted")
MET = {True: Mark("good", "✓", "met"), False: Mark("bad", "✗", "not met"), None: Mark("warn", "?", "undecided")}
FIRED = {False: Mark("good", "✓", "not fired"), True: Mark("bad", "✗", "FIRED"), None: Mark("warn", "?", "undecided")}
UNKNOWN = Mark("warn", "?", "unknown")


@dataclass(frozen=True)
class ShownCheck:
    """A check as the report shows it."""

    name: str
    expected: str
    actual: str
    mark: Mark


@dataclass(frozen=True)
class GateDecision:
    """A criterion or trigger, its verdict, and the checks that decided it."""

    name: str
    mark: Mark
    checks: tuple[ShownCheck, ...]


@dataclass(frozen=True)
class Gate:
    """One task: its state, and what opened or shut its gate.

    Attributes:
        others: checks that decide no criterion and no trigger of the task.
    """

    number: int
    name: str
    status: str
    mark: Mark
    criteria: tuple[GateDecision, ...]
    triggers: tuple[GateDecision, ...]
    others: tuple[ShownCheck, ...]

    @property
    def decisions(self) -> tuple[GateDecision, ...]:
        """Criteria and triggers together."""
        return self.criteria + self.triggers

    @property
    def mark_of_gate(self) -> Mark:
        """Whether the gate stands open."""
        return GATES.get(self.status, self.mark)

    @property
    def decided(self) -> bool:
        """Whether anything was decided here at all."""
        return bool(self.others) or any(decision.mark.tone != "warn" for decision in self.decisions)

    @property
    def failed(self) -> tuple[ShownCheck, ...]:
        """The checks that did not pass, each once."""
        every = [check for decision in self.decisions for check in decision.checks] + list(self.others)
        return tuple(dict.fromkeys(check for check in every if check.mark is FAILED))


def gate_of(task: TaskEntry) -> Gate:
    """Return the gate of a task of a manifest."""
    criteria = tuple(_decision(one.name, MET[one.met], task, "criterion") for one in task.criteria)
    triggers = tuple(_decision(one.name, FIRED[one.fired], task, "trigger") for one in task.triggers)
    known = {decision.name for decision in criteria + triggers}
    others = tuple(show_check(one) for one in task.checks if not {one.criterion, one.trigger} & known)
    mark = STATES.get(task.status, UNKNOWN)
    return Gate(task.number, task.name, task.status, mark, criteria, triggers, others)


def count_decisions(tasks: Sequence[TaskEntry]) -> dict[str, int]:
    """Count what was decided: `criteria`, `met`, `triggers`, `fired`, `undecided`, `checks`, `passed`."""
    criteria = [one.met for task in tasks for one in task.criteria]
    triggers = [one.fired for task in tasks for one in task.triggers]
    checks = [check.passed for task in tasks for check in task.checks]
    return {
        "criteria": len(criteria),
        "met": criteria.count(True),
        "triggers": len(triggers),
        "fired": triggers.count(True),
        "undecided": criteria.count(None) + triggers.count(None),
        "checks": len(checks),
        "passed": checks.count(True),
    }


def _decision(name: str, mark: Mark, task: TaskEntry, kind: str) -> GateDecision:
    deciding = sorted((check for check in task.checks if getattr(check, kind) == name), key=lambda check: check.passed)
    return GateDecision(name, mark, tuple(map(show_check, deciding)))


def show_check(check: CheckEntry) -> ShownCheck:
    """Return a check of a manifest as the report shows it."""
    mark = ACCEPTED if check.accepted else PASSED if check.passed else FAILED
    return ShownCheck(check.name, check.expected, check.actual, mark)
