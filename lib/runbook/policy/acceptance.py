"""The acceptance: whether what a check found was accepted, by as many persons as an approval takes, and still is."""

from dataclasses import dataclass
from typing import Any

from runbook.database import acceptances, approvals
from runbook.plan import fingerprint
from runbook.plan.model import Acceptable
from runbook.policy.approval_required import ApprovalSubject, decisions


@dataclass(frozen=True)
class Standing:
    """What became of the acceptance of a check's present rows.

    Attributes:
        words: who accepted how many rows and why; empty: they are not accepted.
        why_not: what an acceptance that was given does not cover; empty: none was given.
    """

    words: str = ""
    why_not: str = ""


def standing(task: ApprovalSubject, acceptable: Acceptable, found: Any, parts: fingerprint.Parts) -> Standing:
    """Hold a check's rows against what was accepted in the approvals that count.

    Args:
        task: on its target.
        acceptable: the check, and what its rows go by.
        found: its rows that are not right.
        parts: the content as it is now, as far as it is compared.
    """
    connection, environment = task.ledger.connection, task.environment
    decided = approvals.granted(decisions(task), parts)
    present = acceptances.keyed(acceptable, found)
    covering, why_not = [], ""
    for decision in decided:
        accepted = acceptances.of_decision(decision.parts, acceptable.check)
        if accepted is None:
            continue
        beyond = acceptances.beyond(acceptances.kept(connection, accepted.digest), present)
        if beyond:
            why_not = why_not or f"{beyond} since {decision.approver} accepted {accepted.rows:,}"
        else:
            covering.append((decision.approver, accepted))
    needed = environment.approvers if environment.approval == "required" else 1
    if len(covering) < needed:
        lacking = f"{len(covering)} of {needed} approvers accepted it" if covering else ""
        return Standing(why_not=why_not or lacking)
    said = "; ".join(f"{approver} accepted {one.rows:,}: “{one.because}”" for approver, one in covering)
    return Standing(words=f"{len(present):,} now, {said}")
