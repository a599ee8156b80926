"""The rehearsal: it tells a caught fault from a missed one and from a false alarm, and leaves no trace."""

import json

import pytest
from rich.console import Console

from runbook import content
from runbook.errors import UsageError
from runbook.plan import Plan
from runbook.run import rehearsal

HEAD = "-- task: 7\n-- check: no shelf is without a label\n-- trigger: A shelf without a label\n-- reason: a test\n"
LATE = HEAD + "-- point: before the check\n"
FAULTS = {
    "07_label_lost.sql": LATE + "UPDATE shelves SET label = NULL WHERE shelf = 7",
    "07_nothing_wrong.sql": LATE + "SELECT 1",
    "07_step_breaks.sql": HEAD + "DROP TABLE shelves",
}


def test_a_rehearsal_tells_caught_from_missed_from_false_alarm(toy, runbook, connect):
    plan, folder = Plan.read(toy / "runbook.toml"), toy / "sql" / "faults"
    folder.mkdir()
    for name, text in FAULTS.items():
        (folder / name).write_text(text)
    every = runbook(toy, "rehearse")
    assert every.returncode == 1, every.stdout + every.stderr
    found = json.loads(content.rehearsal(plan, "local").read_text())
    assert found["counts"] == {"caught": 1, "missed": 1, "false alarm": 1}
    assert {fault["fault"]: fault["result"] for fault in found["faults"]} == {
        "07_label_lost": "caught", "07_nothing_wrong": "missed", "07_step_breaks": "false alarm",
    }  # fmt: skip
    assert found["digest"] == plan.digest()
    target = connect(toy)
    assert target.execute("SELECT FROM pg_database WHERE datname LIKE 'rehearsal%'").fetchall() == []
    assert target.execute("SELECT to_regclass('runbook.runs')").fetchone() == (None,)
    assert target.execute("SELECT count(*) FROM shelves").fetchone() == (300,)


def test_a_rehearsal_of_some_faults_is_no_record(toy, monkeypatch):
    plan = Plan.read(toy / "runbook.toml")
    (toy / "sql" / "faults").mkdir()
    (toy / "sql" / "faults" / "07_label_lost.sql").write_text(FAULTS["07_label_lost.sql"])
    monkeypatch.setattr(
        rehearsal.Rehearsal, "run", lambda self, faults: [rehearsal.Verdict(fault, "caught", "") for fault in faults]
    )
    assert rehearsal.run(plan, "local", ("07_label_lost",), Console(quiet=True)) == 0
    assert not content.rehearsal(plan, "local").exists()
    assert rehearsal.run(plan, "local", (), Console(quiet=True)) == 0
    assert json.loads(content.rehearsal(plan, "local").read_text())["counts"]["caught"] == 1


@pytest.mark.parametrize(
    ("environment", "names", "complaint"),
    [
        ("local", ("07_nothing",), "no fault '07_nothing' in sql/faults"),
        ("local", (), "no faults in sql/faults"),
        ("elsewhere", (), "'elsewhere' is somebody's database"),
    ],
)
def test_what_cannot_be_rehearsed_is_refused(toy, environment, names, complaint):
    with pytest.raises(UsageError, match=complaint):
        rehearsal.run(Plan.read(toy / "runbook.toml"), environment, names, Console(quiet=True))
