"""Fleets: a policy in the plan, targets from an inventory, and what became of them on one page."""

import json
import os
import sys
import tomllib

import pytest
from tests.support.project import ROOT

from runbook.errors import UsageError
from runbook.evidence import seal
from runbook.fleet import overview, page
from runbook.fleet.verify import verify_fleet
from runbook.plan import fleets
from runbook.plan.plan import Plan

POLICY = {"targets": "crm.json"}
NOTES = {"moved": {"rows": 5, "what": "text"}, "by plan": {"names": ["plan", "spent"], "rows": [["a", 2], ["b", None]]}}


@pytest.fixture
def plan(tmp_path):
    """The toy's plan with a fleet of three targets."""
    text = (ROOT / "tests" / "toy" / "runbook.toml").read_text()
    (tmp_path / "runbook.toml").write_text(
        f'{text}\n[fleets.crm]\ntargets = "crm.json"\napprovers = 2\n'
        '[figures]\nrows = ["moved", "rows"]\nspent = ["by plan", "spent"]\nnothing = ["absent", "x"]\n'
    )
    inventory(tmp_path, [{"target": "eu-2", "wave": 2}, {"target": "eu-1"}, {"target": "us.1", "wave": 2}])
    return Plan.load(tmp_path / "runbook.toml")


def inventory(folder, rows):
    (folder / "crm.json").write_text(json.dumps(rows))


def plan_with(folder, name, entry):
    """Read the toy's plan with one fleet."""
    text = (ROOT / "tests" / "toy" / "runbook.toml").read_text()
    lines = [f"{key} = {json.dumps(value)}" for key, value in entry.items()]
    (folder / "runbook.toml").write_text("\n".join([text, f'[fleets."{name}"]', *lines, ""]))
    return Plan.load(folder / "runbook.toml")


def leave_run(plan, target, **changes):
    """Write the manifest of a run of a target."""
    manifest = {
        "run_id": "20261129T100000.000Z", "status": "complete", "started_at": "2026-11-29T10:00:00+00:00",
        "finished_at": "2026-11-29T10:01:00+00:00", "digest": "d" * 64,
        "tasks": [
            {"number": 2, "name": "Move", "status": "complete", "checks": [], "notes": NOTES}
        ],
    }  # fmt: skip
    folder = plan.root / "outputs" / "crm" / target / changes.get("run_id", manifest["run_id"])
    folder.mkdir(parents=True)
    manifest |= {"plan": "toy", "environment": f"crm/{target}"} | changes
    (folder / "events.jsonl").write_text("{}\n")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    tasks = [{"notebook": None, **task} for task in manifest["tasks"]]
    statement = seal.make_seal(folder, manifest | {"tasks": tasks}, "complete", None)
    (folder / "statement.json").write_text(json.dumps(statement))
    return folder


def test_a_target_is_an_environment_under_the_fleets_policy(plan):
    found = plan.environment("crm/eu-1")
    assert (found.name, found.approvers, found.approval) == ("crm/eu-1", 2, "required")
    assert found.url_variable == "RUNBOOK_CRM_EU_1_DATABASE_URL"


def test_the_lowest_wave_comes_first_and_each_in_the_order_of_the_inventory(plan):
    assert [one.name for one in fleets.inventory(plan.root, plan.fleets["crm"])] == ["eu-1", "eu-2", "us.1"]


def test_an_unknown_target_is_refused_by_name(plan):
    with pytest.raises(UsageError, match="no target 'eu-9'"):
        plan.environment("crm/eu-9")


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"target": "../x"}, "names no target"),
        ({"target": "a/b"}, "names no target"),
        ({"target": ".."}, "names no target"),
        ({"target": "a\nb"}, "names no target"),
        ({"target": ""}, "names no target"),
        ({"target": "fleet.json"}, "the fleet's own report"),
        ("eu-1", "names no target"),
        ({"target": "x", "wave": 0}, "wave must be a whole number"),
        ({"target": "x", "wave": True}, "wave must be a whole number"),
        ({"target": "x", "parameters": []}, "parameters must be an object"),
        ({"target": "x", "parameter": {"workers": 1}}, "it has no key 'parameter', but parameters, target, wave"),
    ],
)
def test_a_wrong_entry_is_named(plan, row, said):
    inventory(plan.root, [{"target": "eu-1"}, row])
    with pytest.raises(UsageError, match=said) as error:
        fleets.inventory(plan.root, plan.fleets["crm"])
    assert "Entry 2" in str(error.value)


@pytest.mark.parametrize("text", ["[" * 100_000, '[{"target": "eu-1", "target": "us-1"}]', "\ufeff[]"])
def test_an_inventory_that_cannot_be_read_is_refused_in_a_sentence(plan, text):
    (plan.root / "crm.json").write_text(text)
    with pytest.raises(UsageError, match="is no JSON"):
        fleets.inventory(plan.root, plan.fleets["crm"])


def test_an_inventory_that_is_no_file_is_not_waited_for(plan):
    (plan.root / "crm.json").unlink()
    os.mkfifo(plan.root / "crm.json")
    with pytest.raises(UsageError, match="is no file"):
        fleets.inventory(plan.root, plan.fleets["crm"])


@pytest.mark.parametrize("twin", ["eu-1", "eu.1", "EU_1"])
def test_two_targets_never_share_a_variable(plan, twin):
    inventory(plan.root, [{"target": "eu-1"}, {"target": twin}])
    with pytest.raises(UsageError, match="a name of its own"):
        fleets.inventory(plan.root, plan.fleets["crm"])


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ({}, "needs an inventory"),
        (POLICY | {"targets_command": ["x"]}, "needs an inventory"),
        (POLICY | {"approval": "maybe"}, "crm.approval must be 'automatic' or 'required'"),
        (POLICY | {"approvers": 0}, "crm.approvers must be greater than or equal to 1"),
        (POLICY | {"adress": "x"}, "crm has no entry 'adress'"),
        ({"targets_command": "echo"}, "crm.targets_command must be a valid tuple"),
    ],
)
def test_a_wrong_policy_is_named(tmp_path, entry, said):
    with pytest.raises(UsageError, match=said):
        plan_with(tmp_path, "crm", entry)


def test_a_fleet_has_a_name_that_a_path_can_hold(tmp_path):
    with pytest.raises(UsageError, match=r"fleets\.\.\..*must be a name of letters"):
        plan_with(tmp_path, "../crm", POLICY)


def test_an_environment_and_a_fleet_of_one_name_are_refused(tmp_path):
    text = (ROOT / "tests" / "toy" / "runbook.toml").read_text()
    name = next(iter(tomllib.loads(text)["environments"]))
    (tmp_path / "runbook.toml").write_text(f'{text}\n[fleets.{name}]\ntargets = "x.json"\n')
    with pytest.raises(UsageError, match="an environment and a fleet"):
        Plan.load(tmp_path / "runbook.toml")


def test_a_command_gives_the_inventory_and_what_it_says_of_itself_stays_out_of_the_message(plan):
    says = fleets.Fleet("crm", targets_command=(sys.executable, "-c", 'print(\'[{"target": "eu-1"}]\')'))
    assert [one.name for one in fleets.inventory(plan.root, says)] == ["eu-1"]
    fails = fleets.Fleet("crm", targets_command=(sys.executable, "-c", "import sys; sys.exit('s3cret')"))
    with pytest.raises(UsageError, match="exit code 1") as error:
        fleets.inventory(plan.root, fails)
    assert "s3cret" not in str(error.value)


def test_a_row_tells_what_became_of_a_target(plan):
    shut = {
        "number": 2, "name": "Move", "status": "failed", "notes": {},
        "checks": [{"name": "nobody is left out", "passed": False}],
    }  # fmt: skip
    leave_run(plan, "eu-1")
    leave_run(plan, "eu-2", status="failed", tasks=[shut])
    (plan.root / "outputs" / "crm" / "us.1" / "r").mkdir(parents=True)
    (plan.root / "outputs" / "crm" / "us.1" / "r" / "manifest.json").write_text("[")
    (plan.root / "outputs" / "crm" / "us.1" / "r" / "events.jsonl").touch()
    rows = overview.rows_of(plan, plan.fleets["crm"])
    assert [(row.target, row.status, row.stopped_at) for row in rows] == [
        ("eu-1", "complete", ""), ("eu-2", "failed", "Task 2 · Move: nobody is left out"), ("us.1", "unreadable", ""),
    ]  # fmt: skip
    assert (rows[0].seconds, rows[0].figures) == (60, {"rows": 5, "spent": 2})


def test_what_lies_far_from_the_others_is_marked(plan):
    names = [f"t{number}" for number in range(1, 8)]
    inventory(plan.root, [{"target": name} for name in names])
    for place, name in enumerate(names):
        leave_run(plan, name, finished_at=f"2026-11-29T10:01:0{place}+00:00")
    slow, other = "2026-11-29T12:00:00+00:00", "e" * 64
    path = plan.root / "outputs" / "crm" / "t7" / "20261129T100000.000Z" / "manifest.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"finished_at": slow, "digest": other}))
    rows = overview.rows_of(plan, plan.fleets["crm"])
    assert [row.target for row in rows if row.outlier] == ["t7"]
    assert "2 h" in rows[-1].outlier and "ran other content" in rows[-1].outlier


def test_one_changed_head_changes_the_digest_over_all(plan):
    leave_run(plan, "eu-1")
    fleet = plan.fleets["crm"]
    before = overview.summary(fleet, overview.rows_of(plan, fleet))["digest"]
    next((plan.root / "outputs" / "crm" / "eu-1").glob("*/statement.json")).write_text("other")
    assert overview.summary(fleet, overview.rows_of(plan, fleet))["digest"] != before


def test_the_page_holds_every_target_and_data_is_no_markup(plan):
    leave_run(plan, "eu-1", tasks=[
        {"number": 2, "name": "<script>alert(1)</script>", "status": "failed", "checks": [], "notes": {}}
    ])  # fmt: skip
    built, _ = page.build(plan, plan.fleets["crm"])
    text = built.read_text()
    assert all(name in text for name in ("eu-1", "eu-2", "us.1"))
    assert "<script" not in text


def test_waves_stand_in_the_order_they_ran(plan):
    leave_run(plan, "eu-1")
    leave_run(plan, "us.1", started_at="2026-11-29T10:01:00+00:00", finished_at="2026-11-29T10:02:00+00:00")
    bars = page.bars_of(overview.rows_of(plan, plan.fleets["crm"]))
    assert [(bar.wave, bar.left, bar.width) for bar in bars] == [(1, 0, 50), (2, 50, 50)]


def verified(plan):
    return verify_fleet(plan, plan.fleets["crm"], offline=True)


def report(plan):
    """Leave a complete run of two targets, and the fleet's report; return the folder of the first run."""
    folder = leave_run(plan, "eu-1")
    leave_run(plan, "eu-2")
    page.build(plan, plan.fleets["crm"])
    return folder


def test_a_report_and_evidence_that_nobody_touched_belong_together(plan):
    report(plan)
    found = verified(plan)
    assert (found.problems, found.targets, found.vouched, found.exit_code) == ([], 2, 0, 3)


@pytest.mark.parametrize(
    ("file", "was", "now", "said"),
    [
        ("eu-1/20261129T100000.000Z/events.jsonl", "{}", "{ }", "eu-1: events.jsonl was altered"),
        ("eu-1/20261129T100000.000Z/manifest.json", '"rows": 5', '"rows": 6', "eu-1: the report differs"),
        ("eu-1/20261129T100000.000Z/statement.json", "2026", "2027", "eu-1: the report differs"),
        ("fleet.json", '"rows": 5', '"rows": 6', "eu-1: the report differs from the evidence here in figures"),
        ("fleet.json", '"complete": 2', '"complete": 3', "fleet.json was altered"),
        ("fleet.html", "eu-2", "eu-3", "fleet.html was altered"),
    ],
)  # fmt: skip
def test_every_alteration_is_found_and_named(plan, file, was, now, said):
    report(plan)
    path = plan.root / "outputs" / "crm" / file
    assert was in path.read_text()
    path.write_text(path.read_text().replace(was, now))
    found = verified(plan)
    assert found.exit_code == 1
    assert any(line.startswith(said) for line in found.problems), found.problems


def test_heads_without_their_digest_are_refused(plan):
    report(plan)
    path = plan.root / "outputs" / "crm" / "fleet.json"
    path.write_text(path.read_text().replace('"status": "complete"', '"status": "failed"', 1))
    with pytest.raises(UsageError, match="its digest is not that of its heads"):
        verified(plan)


def test_a_report_that_is_not_there_is_named_with_the_command_that_makes_it(plan):
    with pytest.raises(UsageError, match="runbook fleet report crm"):
        verified(plan)


def test_what_ran_after_the_report_and_what_is_new_is_named(plan):
    report(plan)
    leave_run(plan, "us.1")
    inventory(plan.root, [{"target": name} for name in ("eu-1", "us.1", "ap-1")])
    assert [line.partition(":")[0] for line in verified(plan).problems] == [
        "eu-2 is gone since the report was made", "us.1", "ap-1 is new since the report was made",
    ]  # fmt: skip


def test_a_run_under_way_is_shown_as_such_and_is_no_evidence_yet(plan):
    folder = leave_run(plan, "eu-1")
    (folder / "manifest.json").unlink()
    (folder / "statement.json").unlink()
    page.build(plan, plan.fleets["crm"])
    assert overview.rows_of(plan, plan.fleets["crm"])[0].status == "running"
    assert "is not sealed: it is under way, or died" in verified(plan).problems[0]


def test_giving_up_the_rollback_is_no_run_of_its_own(plan):
    leave_run(plan, "eu-1")
    later = leave_run(plan, "eu-1", run_id="20261130T100000.000Z", final={})
    assert later.exists()
    assert overview.rows_of(plan, plan.fleets["crm"])[0].run == "20261129T100000.000Z"


def test_a_listed_signer_vouches_for_all_heads(plan, key, tmp_path, monkeypatch):
    monkeypatch.setenv("RUNBOOK_SIGNING_KEY", str(key))
    page.build(plan, plan.fleets["crm"])
    signers = tmp_path / "signers"
    signers.write_text(f"operator {key.with_suffix('.pub').read_text()}")
    monkeypatch.setenv("RUNBOOK_ALLOWED_SIGNERS", str(signers))
    assert (verified(plan).exit_code, verified(plan).signature.signer) == (0, "operator")
    (plan.root / "outputs" / "crm" / "fleet.json.sig").write_text("no signature")
    assert verified(plan).exit_code == 1
