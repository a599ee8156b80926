"""`runbook run --ensure`: start, go on, or do nothing, until the target is complete; and what became of it, as JSON."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from time import monotonic

import pytest
from bench.fleet import make

from runbook.batch.batch import RunRequest
from runbook.batch.ensure import what_is_left
from runbook.database import environments
from runbook.errors import UsageError
from runbook.evidence import manifest, seal
from runbook.plan import fingerprint
from runbook.plan.plan import Plan
from tests.support.toy import NAME


@pytest.mark.slow
def test_a_complete_target_is_left_alone_and_one_that_is_not_is_completed(toy, runbook, tmp_path):
    result = tmp_path / "result.json"
    first = runbook(toy, "run", "--ensure", "--result", str(result), "--log-format", "json")
    assert first.returncode == 0, first.stdout + first.stderr
    events = [json.loads(line)["event"] for line in first.stdout.splitlines()]
    assert [one for one in events if one in ("run", "start", "complete", "end")] == ["run", "start", "complete", "end"]
    said = json.loads(result.read_text())
    assert (said["exit_code"], said["status"], said["failure"], said["kind"]) == (0, "complete", None, None)
    folder = toy / "outputs" / "local" / said["run"]
    assert (said["head"], said["folder"]) == (seal.head(folder), str(folder))
    again = runbook(toy, "run", "--ensure")
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)
    assert len(list((toy / "outputs" / "local").glob("*/manifest.json"))) == 1
    back = runbook(toy, "rollback", "--yes")
    assert back.returncode == 0, back.stdout + back.stderr
    plan = Plan.load(toy / "runbook.toml")
    assert what_is_left(plan, RunRequest()) is not None


@pytest.mark.slow
def test_an_engine_is_told_of_results_that_are_not_the_expected_ones(toy, runbook, tmp_path):
    assert runbook(toy, "run", "--fresh", "--keep-expected").returncode == 0
    expected, result = toy / "outputs" / "expected" / NAME, tmp_path / "result.json"
    expected.write_text(expected.read_text().replace("UPDATE shelves", "UPDATE  shelves"))
    ran = runbook(toy, "run", "--fresh", "--result", str(result))
    said = json.loads(result.read_text())
    assert (ran.returncode, said["status"], said["failure"]) == (1, "failed", "The results are not the expected ones.")
    assert "`runbook run --environment local --keep-expected`" in said["next"]


def test_a_result_that_cannot_be_written_is_refused_before_anything_runs(toy, runbook, tmp_path):
    refused = runbook(toy, "run", "--result", str(tmp_path / "no" / "result.json"))
    assert refused.returncode == 2
    assert "does not exist" in refused.stderr
    assert not (toy / "outputs" / "local").exists()


def test_an_engine_is_told_what_a_preflight_found_without_a_row(toy, runbook, tmp_path):
    result = tmp_path / "result.json"
    blocked = runbook(toy, "preflight", "--result", str(result))
    said = json.loads(result.read_text())
    assert said["exit_code"] == blocked.returncode
    assert set(said) == {"environment", "exit_code", "findings", "blocked_by", "next", "digest"}
    assert said["digest"] == fingerprint.plan_digest(Plan.load(toy / "runbook.toml"))
    refused = runbook(toy, "preflight", "--environment", "nowhere", "--result", str(result))
    said = json.loads(result.read_text())
    assert (refused.returncode, said["exit_code"], said["kind"]) == (2, 2, "UsageError")


def fleet_of_one(toy, tmp_path, code: str, policy: str = "") -> Plan:
    """The toy's plan with a fleet of two waves, a target each, whose address a script prints."""
    (tmp_path / "address.py").write_text(code)
    command = json.dumps([sys.executable, str(tmp_path / "address.py")])
    path = toy / "runbook.toml"
    policy = f'targets = "crm.json"\naddress_command = {command}\n{policy}'
    path.write_text(f"{path.read_text()}\n[fleets.crm]\n{policy}\n")
    (toy / "crm.json").write_text('[{"target": "eu-1", "parameters": {"prefix": "EU"}}, {"target": "eu-2", "wave": 2}]')
    return Plan.load(path)


def test_a_command_gives_the_address_where_no_variable_does(toy, tmp_path):
    plan = Plan.load(toy / "runbook.toml")
    local = environments.find(plan, plan.environment("local")).address
    with_fleet = fleet_of_one(toy, tmp_path, f"print({local.conninfo!r})")
    assert environments.find(with_fleet, with_fleet.environment("crm/eu-1")).address.database == local.database


def test_what_an_address_command_says_of_itself_is_not_repeated(toy, tmp_path):
    plan = fleet_of_one(toy, tmp_path, "import sys; sys.exit('s3cret')")
    with pytest.raises(UsageError, match="exit code 1") as error:
        environments.find(plan, plan.environment("crm/eu-1"))
    assert "s3cret" not in str(error.value)


@pytest.mark.slow
def test_a_target_goes_its_way_from_an_engines_approval_to_the_next_wave(toy, runbook, connect, tmp_path):
    local = environments.find(plan := Plan.load(toy / "runbook.toml"), plan.environment("local")).address
    fleet_of_one(toy, tmp_path, f"print({local.conninfo!r})", 'engines = ["airflow"]\nwaves_in_order = true')
    result = tmp_path / "result.json"

    def ask(verb: str, *arguments: str) -> tuple[int, str]:
        done = runbook(toy, *verb.split(), *arguments)
        return done.returncode, done.stdout + done.stderr

    ensure = ("--ensure", "--result", str(result))
    code, said = ask("run --environment crm/eu-2", *ensure)
    assert (code, "'eu-1' of wave 1 is not complete: it has not run" in said) == (3, True)
    code, said = ask("run --environment crm/eu-1", *ensure)
    assert (code, "nobody has approved it" in said) == (4, True)
    assert (json.loads(result.read_text())["kind"], (toy / "outputs" / "crm").exists()) == ("NotApproved", False)
    engine = ("--engine", "airflow", "--by", "ada", "--statement", "Go")
    assert ask("approve --environment crm/eu-1", *engine)[0] == 0
    code, said = ask("run --environment crm/eu-1", *ensure)
    assert (code, json.loads(result.read_text())["status"]) == (0, "complete"), said
    assert connect(toy).execute("SELECT DISTINCT left(label, 2) FROM shelves").fetchall() == [("EU",)]
    (tmp_path / "signers").write_text("")
    unsigned = runbook(toy, "run", "--environment", "crm/eu-2", RUNBOOK_ALLOWED_SIGNERS=str(tmp_path / "signers"))
    assert (unsigned.returncode, "is not proven: statement.json is not signed" in unsigned.stderr) == (3, True)
    code, said = ask("run --environment crm/eu-2", *ensure)
    assert (code, "this database is 'crm/eu-1'" in said) == (2, True), said
    shown = {one["target"]: one["status"] for one in json.loads(ask("fleet status crm --json")[1])["targets"]}
    assert shown == {"eu-1": "complete", "eu-2": "not_run"}
    assert ask("fleet report crm")[0] == 0
    code, said = ask("fleet verify crm")
    assert (code, "vouch for 1 of 1 run" in said) == (0, True), said


@pytest.mark.slow
def test_a_run_that_is_ended_by_a_signal_is_sealed_and_may_be_tried_again(toy, runbook, connect, tmp_path):
    result, line = tmp_path / "result.json", [sys.executable, "-m", "runbook", "run", "--ensure", "--result"]
    with connect(toy).transaction() as held:
        held.connection.execute("LOCK TABLE shelves")
        batch = subprocess.Popen([*line, str(result)], cwd=toy, stdout=subprocess.PIPE, text=True)
        for said in batch.stdout:
            if "Starting Task 7" in said:
                break
        until(held.connection, "SELECT count(*) > 0 FROM pg_locks WHERE NOT granted")
        batch.send_signal(signal.SIGTERM)
        batch.communicate(timeout=240)
    said = json.loads(result.read_text())
    assert (batch.returncode, said["exit_code"], said["kind"], said["status"]) == (75, 75, "Interrupted", "failed")
    assert seal.problems(Path(said["folder"])) == []
    again = runbook(toy, "run", "--ensure", "--result", str(result))
    assert (again.returncode, json.loads(result.read_text())["run"]) == (0, said["run"]), again.stdout


def until(connection, query):
    """Look until a query of one truth says so."""
    deadline = monotonic() + 240
    while not connection.execute(query).fetchone()[0]:
        assert monotonic() < deadline, query


@pytest.mark.slow
def test_a_fleet_of_a_hundred_is_reported_and_one_byte_in_it_is_found(toy, runbook, tmp_path):
    done = runbook(toy, "run")
    assert done.returncode == 0, done.stdout + done.stderr
    run = manifest.latest_run(Plan.load(toy / "runbook.toml"))
    make(toy, run, 100)
    found = json.loads(runbook(toy, "fleet", "report", "many", "--json").stdout)
    assert found["counts"] == {"complete": 86, "failed": 14}
    assert [row["wave"] for row in found["targets"]].count(3) == 89
    alone = json.loads(runbook(toy, "fleet", "verify", "many", "--offline", "--json").stdout)
    assert (alone["exit_code"], alone["problems"], alone["targets"]) == (3, [], 100)
    path = toy / "outputs" / "many" / "tenant-0042" / run.name / "report.html"
    altered = path.read_bytes().replace(b"complete", b"c0mplete", 1)
    path.write_bytes(altered)
    found = runbook(toy, "fleet", "verify", "many", "--offline")
    assert (found.returncode, found.stdout.splitlines()[0]) == (1, "✗ tenant-0042: report.html was altered")


@pytest.mark.slow
def test_a_notebook_that_another_operator_of_airflow_runs_names_the_right_one(toy):
    line = [sys.executable, "-m", "papermill", f"notebooks/{NAME}", "out.ipynb"]
    engine = {**os.environ, "AIRFLOW_CTX_DAG_ID": "mine"}
    done = subprocess.run(line, cwd=toy, env=engine, capture_output=True, text=True, check=False, timeout=240)
    assert done.returncode == 1
    assert "use RunbookOperator of runbook.airflow" in done.stderr


@pytest.mark.slow
def test_what_an_approval_is_about_is_prepared_without_one(small, runbook, tmp_path):
    plan = small / "runbook.toml"
    plan.write_text(plan.read_text().replace('approval = "automatic"', 'approval = "required"', 1))
    result = tmp_path / "result.json"
    refused = runbook(small, "run", "--ensure", "--result", str(result))
    assert (refused.returncode, json.loads(result.read_text())["kind"]) == (4, "NotApproved")
    assert not (small / "outputs" / "local").exists()
    prepared = runbook(small, "run", "--to", "0", "--ensure", "-p", "most_lag_mb", "65", "--result", str(result))
    said = json.loads(result.read_text())
    assert (prepared.returncode, said["kind"], said["task"]) == (4, "NotApproved", 0), prepared.stdout
    notes = manifest.read_manifest(Path(said["folder"]))["tasks"][0]["notes"]
    assert notes["backup"]["proven"]
    assert notes["dry run 2"]["ways"]
    assert "runbook approve" in said["failure"] + said["next"]
    assert said["next"].endswith("then `runbook run --environment local -p most_lag_mb 65`.")  # all of it, not Task 0


@pytest.mark.slow
def test_each_target_is_asked_by_itself_and_one_that_cannot_be_stops_no_other(small, runbook, tmp_path):
    plan = Plan.load(small / "runbook.toml")
    local = environments.find(plan, plan.environment("local")).address.conninfo
    fleet_of_one(small, tmp_path, f"import sys; sys.exit('s3cret') if sys.argv[1:] == ['eu-1'] else print({local!r})")
    path = small / "runbook.toml"
    path.write_text(path.read_text().replace('address.py"]', 'address.py", "{target}"]'))
    rows = [{"target": "eu-1"}, {"target": "eu-2", "parameters": {"free_disk_gb": 100.0}}]
    (small / "crm.json").write_text(json.dumps(rows))
    asked = runbook(small, "fleet", "preflight", "crm", "--json")
    refused, found = json.loads(asked.stdout)["targets"]
    assert (asked.returncode, "s3cret" in asked.stdout + asked.stderr) == (1, False)
    assert (refused["target"], refused["exit_code"]) == ("eu-1", 2)
    assert "ended with exit code 1" in refused["blocked_by"]
    assert found["digest"] == fingerprint.plan_digest(Plan.load(path))
    assert (found["exit_code"], found["state"]) == (4, "approval or acceptance lacking"), found
    assert "approval or acceptance lacking" in runbook(small, "fleet", "preflight", "crm").stdout
