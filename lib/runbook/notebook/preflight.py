"""The preflight of a task that changes nothing: its own cells, each once, on a target that keeps no trace of it."""

from collections.abc import Callable, Mapping
from typing import Any, TypeVar

from runbook.database import poolers
from runbook.database.unwritten import UnwrittenLedger
from runbook.errors import NotApproved
from runbook.notebook.task import TaskSession
from runbook.plan.finding import NOTED, Finding
from runbook.plan.plan import Plan, Task
from runbook.policy import approval_required
from runbook.query import redaction
from runbook.query.expectation import Refused
from runbook.query.send import SqlAnswer

T = TypeVar("T")
KEY = "_runbook_preflight"  # the name in a notebook's namespace under which a preflight waits for `begin`
LOCK_TIMEOUT, LONGEST = "50ms", "3s"
BUILDS_ON, ON_WHAT_BLOCKS = "it builds on what was not asked", "it builds on what blocks"
# A setting, a temporary view or a function that another cell makes
LACKING = {"42704", "42P01", "42883"}
CANNOT_MEAN = "42"  # the class of errors in what a statement names and compares
UNASKED = {"57014": f"it takes longer than {LONGEST}", "55P03": f"somebody holds a lock longer than {LOCK_TIMEOUT}"}


class PreflightSession(TaskSession):
    """A task whose cells are asked and nothing else: no lock, no ledger, no approval needed.

    Attributes:
        unauthorized: why a run would not be authorized, or empty.
        lacks: whether a cell could not be asked, so that those that build on it may lack what it sets.
        is_blocked: whether something that an earlier task found blocks.
    """

    unauthorized = ""
    lacks = False
    is_blocked = False

    def enter(self, told: Mapping[str, Any]) -> None:
        """Make the session ready.

        Args:
            told: the parameters of the run that would be.

        Raises:
            UsageError: the connection does not keep its session.
        """
        redaction.hide_personal(self.plan, self.environment)
        poolers.require_sessions(self.ledger.connection, self.connection, self.environment)
        self.told = dict(told)
        self.ledger = UnwrittenLedger(self.ledger.connection, self.plan.name, told)
        self.connection.execute(f"SET lock_timeout = '{LOCK_TIMEOUT}'; SET statement_timeout = '{LONGEST}'".encode())
        self.describe_plan()
        for name, value in self.parameters.items():
            self.setting(name, value)

    @property
    def is_of_batch(self) -> bool:
        """A preflight knows the parameters of the whole run."""
        return True

    def patiently(self, action: Callable[[], T]) -> T:
        """Try once: what meets a lock stays open."""
        return action()

    def apply(self, text: str) -> SqlAnswer:
        """Send SQL, and write nothing down: what a preflight asks changes nothing."""
        return self.send(text)

    def check(self, name: str, found: Any, expected: str, *, ends: bool = False, **decides: str) -> None:
        """Judge a check; one that could not be asked in time is said to stay open."""
        why = self.unasked(found.sqlstate) if isinstance(found, Refused) else ""
        if why:
            self.findings.append(
                Finding.from_check(NOTED, self.definition.number, name, f"not asked, for {why}: a run will")
            )
        else:
            super().check(name, found, expected, ends=ends, **decides)

    def unasked(self, sqlstate: str) -> str:
        """Return why what ended in an error of the server's was not asked; empty: it was, and that is its answer."""
        if self.lacks and sqlstate in LACKING:
            return BUILDS_ON
        if (self.failed or self.is_blocked) and sqlstate.startswith(CANNOT_MEAN):
            return ON_WHAT_BLOCKS
        return UNASKED.get(sqlstate, "")

    def authorize(self) -> dict[str, str]:
        """Return who has authorized the run that would be; where nobody has, say why and go on."""
        try:
            return approval_required.authorize(self)
        except NotApproved as refusal:
            self.unauthorized = str(refusal)
            return {"approver": "nobody yet", "statement": str(refusal)}

    def break_off(self, why: str) -> None:
        """Go on: what can be asked after an error is asked."""

    def deliver(self, *_: Any, **__: Any) -> None:
        """Deliver nothing."""

    def conclude(self) -> None:
        """Decide nothing."""


def open_session(
    definition: Task, whole: Plan, parameters: Mapping[str, Any], names: dict[str, Any], told: Mapping[str, Any]
) -> PreflightSession:
    """Open a task for a preflight; see `PreflightSession.enter`."""
    session = PreflightSession(definition, whole, "preflight", parameters, names)
    names["_runbook_task"] = session
    session.enter(told)
    return session
