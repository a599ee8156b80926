"""Approvals: which decisions count for a content, and why not, in words."""

import pytest

from runbook.database import approvals
from runbook.database.approvals import Decision

NOW = {"files": {"a.sql": "1", "b.sql": "2"}, "parameters": {}}
MUCH = {"files": {f"{number}.sql": "" for number in range(9)}}
OLD = {"files": {"a.sql": "0", "b.sql": "2"}, "parameters": {"the parameter x": "3"}}


def yes(name: str, parts=NOW) -> Decision:
    return Decision(name, f"{name} says yes", True, parts)


def no(name: str) -> Decision:
    return Decision(name, f"{name} says no", False, NOW)


@pytest.mark.parametrize(
    ("newest_first", "names"),
    [
        ([], []),
        ([yes("Ada")], ["Ada"]),
        ([yes("Ben"), yes("Ada")], ["Ben", "Ada"]),
        ([yes("Ada"), yes(" ADA ")], ["Ada"]),
        ([yes("Ada", OLD)], []),
        ([yes("Ada", OLD), yes("Ada")], ["Ada"]),
        ([no("Cyd"), yes("Ada")], []),
        ([yes("Ben"), no("Cyd"), yes("Ada")], ["Ben"]),
        ([yes("Ada", {})], []),
    ],
)
def test_an_approval_counts_once_a_person_for_its_content_until_a_rejection(newest_first, names):
    assert [decision.approver for decision in approvals.granted(newest_first, NOW)] == names


def test_only_the_groups_asked_for_are_compared():
    assert approvals.granted([yes("Ada", NOW | {"target": {"the schema": "1"}})], NOW)
    assert not approvals.granted([yes("Ada")], NOW | {"target": {"the schema": "1"}})


@pytest.mark.parametrize(
    ("newest_first", "needed", "said"),
    [
        ([], 1, "nobody has approved it"),
        ([no("Cyd"), yes("Ada")], 1, "Cyd rejected it: “Cyd says no”"),
        ([yes("Ada")], 2, "1 of 2 approvers approved it (Ada); another person must, too"),
        ([yes("Ada"), yes("Ben")], 3, "2 of 3 approvers approved it (Ada and Ben); another person must, too"),
        ([yes("Ada", OLD)], 1, "a.sql changed from 0 to 1, the parameter x is gone since Ada approved it"),
        ([yes("Ada", MUCH)], 1, "0.sql is gone, 1.sql is gone, 2.sql is gone, 3.sql is gone, 4.sql is gone, 6 more "
         "since Ada approved it"),
    ],
)  # fmt: skip
def test_a_refusal_says_why(newest_first, needed, said):
    assert approvals.refusal(newest_first, NOW, needed) == said


def test_a_rejection_stands_until_somebody_approves_anew():
    assert approvals.rejection([no("Cyd"), yes("Ada")]) == no("Cyd")
    assert approvals.rejection([yes("Ada"), no("Cyd")]) is None
    assert approvals.rejection([]) is None
