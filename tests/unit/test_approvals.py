"""Approvals: which decisions count for a content, and why not, in words."""

import pytest

from runbook import openssh
from runbook.database import approvals
from runbook.database.approvals import Decision
from runbook.plan.plan import Environment

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


KEYS = ("SHA256:ada", "SHA256:ben")
GUARDED = Environment("production", protected=True, approver_keys=KEYS, engines=("airflow", "jenkins SHA256:jenkins"))


def decided(name: str, login="guardian", engine="", key="", environment=GUARDED) -> Decision:
    """A decision as it is read from the ledger, signed by the key with this fingerprint."""
    found = Decision(name, "yes", True, NOW, login=login, engine=engine, signature=key or None)
    return approvals.identified(found, "plan", environment)


@pytest.fixture(autouse=True)
def signatures(monkeypatch):
    """Let a signature be the fingerprint of its key; test_approval_required has real ones."""
    monkeypatch.setattr(openssh, "signer_of", lambda payload, signature, namespace: signature.decode())


@pytest.mark.parametrize(
    ("decision", "identity", "counts"),
    [
        (decided("Ada"), "login guardian", False),
        (decided("Ada", environment=Environment("staging")), "login guardian", True),
        (decided("Ada", engine="airflow"), "airflow:ada", True),
        (decided("Ada", engine="cron"), "cron:ada", False),
        (decided("Ada", engine="jenkins"), "jenkins:ada", False),
    ],
)
def test_a_login_does_not_count_on_a_protected_environment_and_an_engine_where_it_is_named(decision, identity, counts):
    assert (decision.identity, decision.counts) == (identity, counts)


def test_a_signature_counts_by_the_key_the_environment_names():
    assert decided("Ada", key="SHA256:ada").identity == "key SHA256:ada"
    assert decided("Ada", key="SHA256:ada").counts
    assert not decided("Eve", key="SHA256:eve").counts
    assert decided("Ada", engine="jenkins", key="SHA256:jenkins").counts
    assert not decided("Ada", engine="jenkins", key="SHA256:ada").counts


@pytest.mark.parametrize(
    ("first", "second", "persons"),
    [
        (decided("Alice", environment=Environment("s")), decided("Alice A.", environment=Environment("s")), 1),
        (decided("Ada", "ada", environment=Environment("s")), decided("Ben", "ben", environment=Environment("s")), 2),
        (decided("Ada", "ada", environment=Environment("s")), decided("ADA", "ben", environment=Environment("s")), 1),
        (decided("Ada", engine="airflow"), decided("Ben", engine="airflow"), 2),
        (decided("Ada", engine="airflow"), decided(" ADA", engine="airflow"), 1),
        (decided("Ada", engine="airflow"), decided("A\u200bda\ufeff", engine="airflow"), 1),
        (
            decided("Ada", "ada", environment=Environment("s")),
            decided("\uff21da", "ben", environment=Environment("s")),
            1,
        ),
    ],
)
def test_persons_are_told_apart_by_what_they_cannot_type(first, second, persons):
    assert len(approvals.granted([first, second], NOW)) == persons


def test_why_an_approval_does_not_count_is_said():
    assert approvals.refusal([decided("Ada")], NOW, 1) == (
        f"the approval of Ada, login guardian does not count: {approvals.WHY_NOT}"
    )
