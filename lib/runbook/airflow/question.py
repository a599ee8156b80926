"""What a human is asked, and who answered."""

from collections.abc import Mapping, Sequence
from typing import Any

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk.exceptions import AirflowFailException

NOBODY = {"", "-1", "anonymous", "none"}
STATES = {0: "ready", 1: "blocked", 4: "approval or acceptance lacking"}


class Decision(HITLOperator):  # type: ignore[misc]
    """A question whose answer a person gives by name; anything but the wanted answer is final and fails the task.

    A question without an answer in time is asked anew: Airflow 3.3 can lose one that is given within a second of the
    question.

    Args:
        wanted: the answer that lets the DAG go on.
    """

    def __init__(self, *, wanted: str, **about: Any) -> None:
        about.setdefault("retries", 10_000)
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


def approval(fleet: str, target: str) -> dict[str, str]:
    """Return the question whether a target may be migrated."""
    return {
        "subject": f"Approve {fleet}/{target}?",
        "body": f"Backup and dry run of {_plain(target)} are done. Approving lets the run change this target.",
    }


def approvals(targets: Sequence[str], said: Sequence[Sequence[Mapping[str, Any]]]) -> list[dict[str, Any]]:
    """Return the `approve` commands for what people said, a target and a person each.

    Args:
        targets: of the wave, in order.
        said: for each question, the answers in the order of the targets.

    Raises:
        AirflowFailException: somebody approved a target twice.
    """
    found: list[dict[str, Any]] = []
    for place, target in enumerate(targets):
        users = [answers[place]["user"] for answers in said]
        if len(set(users)) != len(users):
            raise AirflowFailException(f"{target} needs {len(users)} different people; {users[0]} answered twice.")
        found += [
            {
                "target": target,
                "arguments": ["--engine", "airflow", "--by", user, "--statement", f"Approved in Airflow for {target}"],
            }
            for user in users
        ]
    return found


def _plain(text: str) -> str:
    """Return data as it is shown between other words: it is never markup."""
    return "".join(f"\\{one}" if one in "\\`*_{}[]()#+-.!|<>&" else one for one in " ".join(text.split()))
