"""Approval: bound to the content, withdrawn by a rejection, given by as many persons as the environment demands."""

import json

import pytest

from runbook.batch.approve import record_decision
from runbook.database.ledger import Ledger
from runbook.errors import NotAllowed, UsageError
from runbook.plan import fingerprint
from runbook.plan.plan import Plan

AUTHORIZE = "task.authorize()"


@pytest.fixture
def guarded(toy):
    """The toy, where approval is required."""
    return demand(toy, 'approval = "required"')


@pytest.fixture
def begun(guarded, open_notebook, toy_cells):
    """The guarded toy's notebook, begun and not a step further."""
    return open_notebook(guarded, *toy_cells[:2])


def demand(root, approval):
    plan = root / "runbook.toml"
    plan.write_text(plan.read_text().replace('approval = "automatic"', approval))
    return root


def decide(root, name="Ada", *, approved=True, **given):
    plan = Plan.read(root / "runbook.toml")
    return record_decision(plan, "local", name, f"{name} has decided", given, approved=approved)


def test_nothing_starts_unapproved_and_the_task_has_failed(begun):
    with pytest.raises(NotAllowed, match="not authorized on 'local': nobody has approved it"):
        begun.run(AUTHORIZE)
    assert begun.task.ledger.states()[7].status == "failed"


def test_an_approval_counts_for_what_it_was_given_for(guarded, begun):
    assert decide(guarded).startswith("Approved by Ada for local: content ")
    assert begun.run(AUTHORIZE) == {"approver": "Ada", "statement": "Ada has decided"}


@pytest.mark.parametrize(
    ("part", "said"),
    [
        ("notebooks/07_label_the_shelves.ipynb", "notebooks/07_label_the_shelves.ipynb changed since Ada approved it"),
        ("sql/more.sql", "sql/more.sql is new since Ada approved it"),
        ("schema", "the schema of the target changed since Ada approved it"),
        (
            "fault injection",
            "the fault injection on local changed from not done to 3 caught with the content 0123456789ab",
        ),
        ("parameters", "the parameter prefix is gone since Ada approved it"),
    ],
)
def test_whatever_changes_voids_the_approval_and_is_named(guarded, begun, part, said):
    decide(guarded, **({"prefix": "X"} if part == "parameters" else {}))
    if part == "schema":
        begun.run("%%sql\nALTER TABLE shelves ADD COLUMN colour text")
    elif part == "fault injection":
        path = fingerprint.injection_record(Plan.read(guarded / "runbook.toml"), "local")
        path.parent.mkdir(parents=True)
        path.write_text(json.dumps({"digest": "0123456789abcdef", "counts": {"caught": 3}}))
    elif part.endswith(".ipynb"):
        (guarded / part).write_text((guarded / part).read_text().replace("300 rows", "301 rows"))
    elif part != "parameters":
        (guarded / part).write_text("SELECT 1")
    with pytest.raises(NotAllowed) as raised:
        begun.run(AUTHORIZE)
    assert said in str(raised.value)


def test_two_approvers_are_two_persons(toy, open_notebook, toy_cells):
    demand(toy, 'approval = "required"\napprovers = 2')
    begun = open_notebook(toy, *toy_cells[:2])
    assert decide(toy).endswith(" It takes 1 more person.")
    assert decide(toy, " ada ").endswith(" It takes 1 more person.")
    with pytest.raises(NotAllowed, match=r"1 of 2 approvers approved it \(ada\); another person must, too"):
        begun.run(AUTHORIZE)
    assert "more person" not in decide(toy, "Ben")
    assert begun.run(AUTHORIZE)["approver"] == "Ben, ada"


def test_a_rejection_voids_what_was_approved_before_it(guarded, begun):
    decide(guarded)
    assert decide(guarded, "Cyd", approved=False).startswith("Rejected by Cyd for local")
    with pytest.raises(NotAllowed, match="Cyd rejected it: “Cyd has decided”"):
        begun.run(AUTHORIZE)
    decide(guarded, "Ben")
    assert begun.run(AUTHORIZE)["approver"] == "Ben"


def test_a_rejection_is_a_concern_where_approval_is_automatic_too(toy, open_notebook, toy_cells):
    begun = open_notebook(toy, *toy_cells[:2], "from runbook import readiness")
    assert not begun.run("readiness.concerns(task, [])")
    decide(toy, "Cyd", approved=False)
    concerns = begun.run("readiness.concerns(task, ['Not told'])")
    assert [list(row) for row in concerns] == [
        ["Not told", "told to the operator"], ["Cyd has decided", "rejected by Cyd"],
    ]  # fmt: skip
    assert begun.run("task.approval()") is None


def test_a_ledger_from_before_learns_what_an_approval_covers(toy, connect, open_notebook, toy_cells):
    target = connect(toy)
    Ledger(target, "toy").prepare()
    target.execute("ALTER TABLE runbook.approvals DROP COLUMN plan, DROP COLUMN approved, DROP COLUMN parts")
    target.execute(
        "INSERT INTO runbook.approvals (environment, digest, approver, statement) VALUES ('local', '', 'Ada', '')"
    )
    demand(toy, 'approval = "required"')
    with pytest.raises(NotAllowed, match="nobody has approved it"):
        open_notebook(toy, *toy_cells[:2]).run(AUTHORIZE)


@pytest.mark.parametrize(("name", "given", "said"), [(" ", {}, "needs a name"), ("Ada", {"wrokers": 2}, "'wrokers'")])
def test_a_decision_without_a_name_or_about_nothing_known_is_refused(guarded, name, given, said):
    with pytest.raises(UsageError, match=said):
        decide(guarded, name, **given)
