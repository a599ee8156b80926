"""The authorization: whether somebody has approved exactly what is about to run, and nobody has rejected it since."""

from typing import Protocol

from runbook.database import approvals
from runbook.database.ledger import Ledger
from runbook.errors import NotAllowed
from runbook.plan import fingerprint
from runbook.plan.fingerprint import Parts
from runbook.plan.plan import Environment, Plan, Task


class ApprovalSubject(Protocol):
    """What needs an approval: a task of a run, on its target."""

    definition: Task
    plan: Plan
    environment: Environment
    run_id: str
    ledger: Ledger

    def schema(self, *schemas: str) -> str:
        """Return the definition of everything in the schemas of the target."""


def approval(task: ApprovalSubject) -> dict[str, str] | None:
    """Return who authorized the task's content, or None; see `Task.approval`."""
    return _approval(task, _content(task))


def authorize(task: ApprovalSubject) -> dict[str, str]:
    """Demand an approval; see `Task.authorize`."""
    parts = _content(task)
    found = _approval(task, parts)
    if found is None:
        task.ledger.finish_task(task.run_id, task.definition.number, "failed")
        raise _refusal(task, parts)
    return found


def require_approval(task: ApprovalSubject, *, is_batch: bool) -> None:
    """Make sure, where an approval is required, that it still covers what a later task is made of.

    The target has changed since it was given, by the tasks before. A batch must have its parameters approved as well;
    of a session by hand only the notebook with its defaults is known.

    Raises:
        NotAllowed: it does not.
    """
    if task.environment.approval == "automatic" or not task.definition.needs:
        return
    parts = fingerprint.content_of(task.plan, _given(task) if is_batch else None)
    if _approval(task, parts) is None:
        raise _refusal(task, parts)


def standing_rejection(task: ApprovalSubject) -> approvals.Decision | None:
    """Return the rejection that stands on the task's environment, or None."""
    return approvals.rejection(_decisions(task))


def _approval(task: ApprovalSubject, parts: Parts) -> dict[str, str] | None:
    environment, found = task.environment, _decisions(task)
    if approvals.rejection(found):
        return None
    if environment.approval == "automatic":
        return {"approver": "automatic", "statement": f"environment {environment.name} needs no approval"}
    granted = approvals.granted(found, parts)
    if len(granted) < environment.approvers:
        return None
    return {
        "approver": ", ".join(decision.approver for decision in granted),
        "statement": " · ".join(decision.statement for decision in granted),
    }


def _refusal(task: ApprovalSubject, parts: Parts) -> NotAllowed:
    name = task.environment.name
    why = approvals.refusal(_decisions(task), parts, task.environment.approvers)
    return NotAllowed(
        f"What stands here is not authorized on {name!r}: {why}. "
        f"Review it, then `runbook approve --environment {name} --by NAME --statement TEXT`."
    )


def _content(task: ApprovalSubject) -> Parts:
    return fingerprint.content_of(task.plan, _given(task), task.schema(*task.plan.schemas))


def _given(task: ApprovalSubject) -> dict[str, object]:
    """Return the parameters the batch was given; a session by hand has none but the notebook's own."""
    given: dict[str, object] = task.ledger.run(task.run_id)["parameters"]
    return given


def _decisions(task: ApprovalSubject) -> list[approvals.Decision]:
    return approvals.decisions(task.ledger.connection, task.plan.name, task.environment.name)
