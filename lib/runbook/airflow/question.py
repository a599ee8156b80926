"""What a human is asked, and who answered."""

from collections.abc import Collection, Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException

NOBODY = {"", "-1", "anonymous", "none"}
STATES = {0: "ready", 1: "blocked", 4: "approval or acceptance lacking"}


class Question(HITLOperator):  # type: ignore[misc]
    """A question whose answer a person gives by name; anything but the wanted answer is final and fails the task.

    A question without an answer in time is asked anew: Airflow 3.3 can lose one that is given within a second of the
    question.

    Args:
        wanted: the answer that lets the DAG go on.
    """

    def __init__(self, *, wanted: str, **about: Any) -> None:
        about = {"retries": 10_000, "retry_delay": timedelta(seconds=5), **about}
        super().__init__(**about)
        self.wanted = wanted

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Return the answer with the user who gave it."""
        found = super().execute_complete(context, event)
        user = user_of(found)
        if found["chosen_options"] != [self.wanted]:
            raise AirflowFailException(f"{user or 'Somebody'} answered “{', '.join(found['chosen_options'])}”.")
        if not user:
            raise AirflowFailException("An anonymous user cannot decide: log in by name, then clear this task.")
        return {"user": user, "answer": self.wanted}


class Approval(Question):
    """Asks whether a target may be migrated; somebody who has approved it already cannot be the second approver.

    Args:
        fleet: the target's fleet.
        target: what is approved.
        others: what the approvers before returned.
    """

    template_fields: Collection[str] = (*HITLOperator.template_fields, "target", "others")

    def __init__(self, *, fleet: str, target: str, others: list[Any], **about: Any) -> None:
        super().__init__(wanted="Approve", options=["Approve", "Reject"], subject="", **about)
        self.fleet, self.target, self.others = fleet, target, others

    def execute(self, context: Any) -> Any:
        """Ask, naming the target."""
        self.subject = f"Approve {self.fleet}/{self.target}?"
        self.body = f"Backup and dry run of {_plain(self.target)} are done. Approving lets the run change this target."
        return super().execute(context)

    def execute_complete(self, context: Any, event: dict[str, Any]) -> Any:
        """Return the answer with the user who gave it."""
        found = super().execute_complete(context, event)
        if found["user"] in {one["user"] for one in self.others}:
            raise AirflowFailException(
                f"{self.target} needs different people; {found['user']} has approved it already."
            )
        return found


def user_of(answer: Mapping[str, Any]) -> str:
    """Return the name of the user who answered; empty for nobody in particular."""
    user = answer.get("responded_by_user") or {}
    name = str(user.get("name") or user.get("id") or "")
    return "" if name.strip().lower() in NOBODY or str(user.get("id")).lower() in NOBODY else name


def body(fleet: str, targets: Sequence[str], preflights: Sequence[Mapping[str, Any]]) -> str:
    """Return what is shown before a wave: its targets, what preflight found on each, the digest of the content."""
    by_target = {one.get("target"): one for one in preflights}
    lines = [
        f"{len(targets)} targets of {_plain(fleet)}.",
        "",
        "| target | preflight | findings | content |",
        "| --- | --- | --- | --- |",
    ]
    for name in targets:
        found = by_target.get(name)
        if found is None:
            lines.append(f"| {_plain(name)} | failed: see its log | | |")
            continue
        state = STATES.get(found["exit_code"], f"exit code {found['exit_code']}")
        counts = ", ".join(f"{count} {_plain(kind)}" for kind, count in (found.get("findings") or {}).items() if count)
        lines.append(f"| {_plain(name)} | {state} | {counts} | {_plain(str(found.get('digest') or ''))[:12]} |")
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Return data as it is shown between other words: it is never markup."""
    return "".join(f"\\{one}" if one in "\\`*_{}[]()#+-.!|<>&" else one for one in " ".join(text.split()))
