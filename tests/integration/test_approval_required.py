"""Approval: bound to the content, withdrawn by a rejection, given by as many persons as the environment demands."""

import json
import subprocess

import pytest

from runbook import openssh
from runbook.batch.approve import Approver, record_decision
from runbook.database.ledger import Ledger
from runbook.errors import NotAllowed, NotApproved, UsageError
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
    plan = Plan.load(root / "runbook.toml")
    return record_decision(plan, "local", Approver(name, f"{name} has decided"), given, approved=approved)


def test_nothing_starts_unapproved_and_the_task_has_failed(begun):
    with pytest.raises(NotAllowed, match="not approved on 'local': nobody has approved it"):
        begun.run(AUTHORIZE)
    assert begun.task.ledger.states()[7].status == "failed"


def test_an_approval_counts_for_what_it_was_given_for(guarded, begun):
    said = decide(guarded).splitlines()
    assert said[0] == "Approved by Ada (login librarian) for local. A change of any of this voids it:"
    assert [line.split()[0] for line in said[1:-1]] == ["content", "runbook", "no", "server", "database", "the"]
    assert said[-1] == "Next: `runbook run --environment local`."
    granted = {"approver": "Ada", "identity": "login librarian", "statement": "Ada has decided"}
    assert begun.run(AUTHORIZE) == granted


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
        path = fingerprint.injection_record(Plan.load(guarded / "runbook.toml"), "local")
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
    assert "It takes 1 more person." in decide(toy)
    assert "It takes 1 more person." in decide(toy, "Ada L.")
    with pytest.raises(NotApproved, match=r"1 of 2 approvers approved it \(Ada L., login librarian\); another person"):
        begun.run(AUTHORIZE)
    with begun.task.ledger.connection.transaction():  # somebody with a login of their own
        begun.task.ledger.connection.execute("UPDATE runbook.approvals SET login = 'ben' WHERE approver = 'Ada'")
        assert begun.run(AUTHORIZE)["approver"] == "Ada L., Ada"


@pytest.fixture
def keys(tmp_path):
    """Two approvers' keys, and their fingerprints."""
    found = {}
    for name in ("ada", "ben", "eve"):
        path = tmp_path / name
        command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(path)]
        subprocess.run(command, check=True, stdin=subprocess.DEVNULL)
        found[name] = (path, openssh.fingerprint(str(path)))
    return found


def test_on_a_protected_environment_keys_approve_and_nothing_that_is_typed(
    toy, open_notebook, toy_cells, keys, monkeypatch
):
    listed = [keys[name][1] for name in ("ada", "ben")]
    demand(toy, f'approval = "required"\napprovers = 2\nprotected = true\napprover_keys = {json.dumps(listed)}')
    monkeypatch.setenv("RUNBOOK_CONFIRM", fingerprint.plan_digest(Plan.load(toy / "runbook.toml")))
    begun = open_notebook(toy, *toy_cells[:2])
    for key in (None, "eve"):
        if key:
            monkeypatch.setenv(openssh.KEY_VARIABLE, str(keys[key][0]))
        with pytest.raises(NotApproved, match="would not count on 'local': here it takes a signature by a key"):
            decide(toy, "Ada")
    for name, more in (("ada", True), ("ben", False)):
        monkeypatch.setenv(openssh.KEY_VARIABLE, str(keys[name][0]))
        assert ("It takes 1 more person" in decide(toy, name)) is more
    assert begun.run(AUTHORIZE)["identity"] == f"key {listed[1]}, key {listed[0]}"
    for forgery in (
        "UPDATE runbook.approvals SET statement = 'whatever'",
        "UPDATE runbook.approvals SET parts = parts || '{\"accepted\": {}}'",
        "UPDATE runbook.approvals SET approver = 'ada and ben'",
        "UPDATE runbook.approvals SET signature = NULL",
    ):
        with begun.task.ledger.connection.transaction(force_rollback=True):
            begun.task.ledger.connection.execute(forgery)
            with pytest.raises(NotApproved, match="does not count"):
                begun.run(AUTHORIZE)
    assert begun.run(AUTHORIZE)["approver"] == "ben, ada"


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
    target.execute("DROP TABLE runbook.version")
    target.execute(
        "INSERT INTO runbook.approvals (environment, digest, approver, statement) VALUES ('local', '', 'Ada', '')"
    )
    demand(toy, 'approval = "required"')
    with pytest.raises(NotAllowed, match="nobody has approved it"):
        open_notebook(toy, *toy_cells[:2]).run(AUTHORIZE)


@pytest.mark.parametrize(
    ("name", "given", "said"),
    [(" ", {}, "needs a name"), ("\u200b", {}, "needs a name"), ("Ada", {"wrokers": 2}, "'wrokers'")],
)
def test_a_decision_without_a_name_or_about_nothing_known_is_refused(guarded, name, given, said):
    with pytest.raises(UsageError, match=said):
        decide(guarded, name, **given)


def test_what_an_approver_typed_never_speaks_as_the_refusal(guarded, begun):
    decide(guarded, "Ada\x1b[2J\n✓ approved", approved=False)
    with pytest.raises(NotApproved) as raised:
        begun.run(AUTHORIZE)
    assert "Ada\\x1b[2J\\n✓ approved rejected it" in str(raised.value)
    assert str(raised.value).isprintable()
