"""Fault injection: it tells a caught fault from a missed one and from a false alarm, and leaves no trace."""

import json

import pytest
from rich.console import Console

from runbook.errors import UsageError
from runbook.evidence import manifest
from runbook.faults import injection
from runbook.plan import fingerprint
from runbook.plan.plan import Plan

HEAD = "-- task: 7\n-- check: no shelf is without a label\n-- trigger: A shelf without a label\n-- reason: a test\n"
LATE = HEAD + "-- point: before the check\n"
FAULTS = {
    "07_label_lost.sql": LATE + "UPDATE shelves SET label = NULL WHERE shelf = 7",
    "07_nothing_wrong.sql": LATE + "SELECT 1",
    "07_step_breaks.sql": HEAD + "DROP TABLE shelves",
}


@pytest.mark.slow
def test_fault_injection_tells_caught_from_missed_from_false_alarm(toy, runbook, connect):
    plan, folder = Plan.load(toy / "runbook.toml"), toy / "sql" / "faults"
    folder.mkdir()
    for name, text in FAULTS.items():
        (folder / name).write_text(text)
    every = runbook(toy, "inject-faults")
    assert every.returncode == 1, every.stdout + every.stderr
    found = json.loads(fingerprint.injection_record(plan, "local").read_text())
    assert found["counts"] == {"caught": 1, "missed": 1, "false alarm": 1}
    assert {fault["fault"]: fault["result"] for fault in found["faults"]} == {
        "07_label_lost": "caught", "07_nothing_wrong": "missed", "07_step_breaks": "false alarm",
    }  # fmt: skip
    assert found["digest"] == fingerprint.plan_digest(plan)
    assert "7 · Label the shelves" in every.stdout
    target = connect(toy)
    assert target.execute("SELECT FROM pg_database WHERE datname LIKE 'injection%'").fetchall() == []
    assert target.execute("SELECT to_regclass('runbook.runs')").fetchone() == (None,)
    assert target.execute("SELECT count(*) FROM shelves").fetchone() == (300,)


@pytest.mark.slow
def test_a_run_keeps_the_fault_injection_with_its_evidence_sealed(toy, runbook):
    plan = Plan.load(toy / "runbook.toml")
    record = fingerprint.injection_record(plan, "local")
    record.parent.mkdir(parents=True)
    record.write_text(json.dumps({"digest": fingerprint.plan_digest(plan), "counts": {"caught": 3}, "faults": []}))
    assert runbook(toy, "run").returncode == 0
    folder = manifest.latest_run(plan)
    kept = manifest.read_manifest(folder)["fault_injection"]
    assert (kept["counts"], kept["digest"]) == ({"caught": 3}, fingerprint.plan_digest(plan))
    assert (folder / kept["file"]).read_bytes() == record.read_bytes()
    assert runbook(toy, "verify").returncode == 0
    (folder / kept["file"]).write_text("{}")
    altered = runbook(toy, "verify")
    assert (altered.returncode, "faults.json was altered" in altered.stdout) == (1, True)


@pytest.mark.long
def test_every_fault_of_the_plan_is_caught(project, runbook):
    every = runbook(project, "inject-faults", seconds=600)
    found = json.loads(fingerprint.injection_record(Plan.load(project / "runbook.toml"), "local").read_text())
    assert len(found["faults"]) == len(list((project / "sql" / "faults").iterdir()))
    otherwise = [fault["fault"] for fault in found["faults"] if fault["result"] != "caught"]
    assert every.returncode == bool(otherwise), every.stdout + every.stderr
    # Other tests keep the machine busy meanwhile: a check that measures may be disturbed once, the same one not twice
    assert len(otherwise) <= 2, every.stdout
    if otherwise:
        again = runbook(project, "inject-faults", *otherwise)
        assert again.returncode == 0, every.stdout + again.stdout + again.stderr


def test_an_injection_of_some_faults_is_no_record(toy, monkeypatch):
    plan = Plan.load(toy / "runbook.toml")
    (toy / "sql" / "faults").mkdir()
    (toy / "sql" / "faults" / "07_label_lost.sql").write_text(FAULTS["07_label_lost.sql"])
    monkeypatch.setattr(
        injection.Injection,
        "inject",
        lambda self, faults: [injection.FaultVerdict(fault, "caught", "") for fault in faults],
    )
    assert injection.inject_faults(plan, "local", ("07_label_lost",), Console(quiet=True)) == 0
    assert not fingerprint.injection_record(plan, "local").exists()
    assert injection.inject_faults(plan, "local", (), Console(quiet=True)) == 0
    assert json.loads(fingerprint.injection_record(plan, "local").read_text())["counts"]["caught"] == 1


@pytest.mark.parametrize(
    ("environment", "names", "complaint"),
    [
        ("local", ("07_nothing",), "no fault '07_nothing' in sql/faults"),
        ("local", (), "no faults in sql/faults"),
        ("elsewhere", (), "'elsewhere' is somebody's database"),
    ],
)
def test_what_cannot_be_injected_is_refused(toy, environment, names, complaint):
    with pytest.raises(UsageError, match=complaint):
        injection.inject_faults(Plan.load(toy / "runbook.toml"), environment, names, Console(quiet=True))
