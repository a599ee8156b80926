"""The authorization: whether somebody has approved exactly what is about to run, and nobody has rejected it since."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Protocol

import psycopg

from runbook.database import approvals
from runbook.database.ledger import Ledger
from runbook.database.target import Target
from runbook.database.target_identity import Identity
from runbook.errors import NotApproved
from runbook.formatting import escaped
from runbook.plan import fingerprint
from runbook.plan.fingerprint import Parts
from runbook.plan.plan import Environment, Plan, Task

ADVICE = "Review it, then"  # what follows is the command


class ApprovalSubject(Protocol):
    """What needs an approval: a task of a run, on its target."""

    definition: Task
    plan: Plan
    environment: Environment
    run_id: str
    ledger: Ledger
    target: Target
    parameters: dict[str, Any]

    @property
    def is_of_batch(self) -> bool:
        """Whether the parameters of the whole run are known, not only those of this notebook."""

    def schema(self) -> str:
        """Return the definition of everything in the schemas of the target."""


def approval(task: ApprovalSubject) -> dict[str, str] | None:
    """Return who authorized the task's content, or None; see `Task.approval`."""
    return _approval(task, content(task, task.schema()))


def authorize(task: ApprovalSubject) -> dict[str, str]:
    """Demand an approval; see `Task.authorize`."""
    parts = content(task, task.schema())
    found = _approval(task, parts)
    if found is None:
        task.ledger.finish_task(task.run_id, task.definition.number, "failed")
        raise _refusal(task.environment, decisions(task), parts)
    return found


def require_approval(task: ApprovalSubject, schema: str | None = None) -> None:
    """Make sure, where an approval is required, that it covers what the task is made of, and that it is this target.

    Args:
        task: on its target.
        schema: of the target, where it must still be the one that was approved; None: tasks before have changed it.

    Raises:
        NotApproved: it does not.
    """
    if task.environment.approval == "automatic":
        return
    parts = content(task, schema)
    if _approval(task, parts) is None:
        raise _refusal(task.environment, decisions(task), parts)


def ask_first(
    plan: Plan, environment: Environment, connection: psycopg.Connection, identity: Identity, given: Mapping[str, Any]
) -> None:
    """Make sure, before anything is begun, that what is asked for is approved, as far as its target need not be read.

    Args:
        plan: what would run.
        environment: where.
        connection: to its target.
        identity: of the target.
        given: the parameters it would be given.

    Raises:
        NotApproved: it is not.
    """
    parts = fingerprint.content_of(plan, environment.name, given)
    parts |= {fingerprint.IDENTITY: approvals.identity_part(identity)}
    found = approvals.decisions(connection, plan.name, environment)
    if approvals.rejection(found) or len(approvals.granted(found, parts)) < environment.approvers:
        raise _refusal(environment, found, parts)


def content(task: ApprovalSubject, schema: str | None = None) -> Parts:
    """Return the content that is compared with an approval, with the schema and what goes with it, if given.

    A batch knows the parameters of the whole run, a session by hand those of its notebook.
    """
    given: Mapping[str, Any] = task.ledger.run_entry(task.run_id)["parameters"] if task.is_of_batch else _own(task)
    parts = fingerprint.content_of(task.plan, task.environment.name, given, schema)
    if schema is not None:
        parts[fingerprint.TARGET] |= approvals.surroundings_part(task.ledger.connection)
    return parts | {fingerprint.IDENTITY: approvals.identity_part(task.target.identity)}


def standing_rejection(task: ApprovalSubject) -> approvals.Decision | None:
    """Return the rejection that stands on the task's environment, or None."""
    return approvals.rejection(decisions(task))


def decisions(task: ApprovalSubject) -> list[approvals.Decision]:
    """Return what was decided on the task's environment, newest first, as far as it concerns its session."""
    found = approvals.decisions(task.ledger.connection, task.plan.name, task.environment)
    if task.is_of_batch:
        return found
    return [replace(one, parts=fingerprint.of_notebook(one.parts, task.parameters)) for one in found]


def _approval(task: ApprovalSubject, parts: Parts) -> dict[str, str] | None:
    environment, found = task.environment, decisions(task)
    if approvals.rejection(found):
        return None
    if environment.approval == "automatic":
        return {"approver": "automatic", "statement": f"environment {environment.name} needs no approval"}
    granted = approvals.granted(found, parts)
    if len(granted) < environment.approvers:
        return None
    return {
        "approver": ", ".join(decision.approver for decision in granted),
        "identity": ", ".join(decision.identity for decision in granted),
        "statement": " · ".join(decision.statement for decision in granted),
    }


def _refusal(environment: Environment, found: Sequence[approvals.Decision], parts: Parts) -> NotApproved:
    name, told = environment.name, fingerprint.as_options(parts)
    why = escaped(approvals.refusal(found, parts, environment.approvers))  # who approved is as they typed it
    return NotApproved(
        f"This content is not approved on {name!r}: {why}. "
        f"{ADVICE} `runbook approve --environment {name}{told} --by NAME --statement TEXT`."
    )


def _own(task: ApprovalSubject) -> dict[str, Any]:
    return {name: value for name, value in task.parameters.items() if name != "environment"}
