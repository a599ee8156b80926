"""`runbook run --ensure`: start, go on, or do nothing, until the target is complete; and what became of it, as JSON."""

import json
import sys

import pytest

from runbook.batch.batch import RunRequest
from runbook.batch.ensure import what_is_left
from runbook.database import environments
from runbook.errors import UsageError
from runbook.evidence import seal
from runbook.plan import fingerprint
from runbook.plan.plan import Plan


def test_a_complete_target_is_left_alone_and_one_that_is_not_is_completed(toy, runbook, tmp_path):
    result = tmp_path / "result.json"
    first = runbook(toy, "run", "--ensure", "--result", str(result))
    assert first.returncode == 0, first.stdout + first.stderr
    said = json.loads(result.read_text())
    assert (said["exit_code"], said["status"], said["failure"], said["kind"]) == (0, "complete", None, None)
    folder = toy / "outputs" / "local" / said["run"]
    assert (said["head"], said["folder"]) == (seal.head(folder), str(folder))
    again = runbook(toy, "run", "--ensure")
    assert (again.returncode, "nothing to do" in again.stdout) == (0, True)
    assert len(list((toy / "outputs" / "local").glob("*/manifest.json"))) == 1
    back = runbook(toy, "rollback", "--yes")
    assert back.returncode == 0, back.stdout + back.stderr
    plan = Plan.read(toy / "runbook.toml")
    assert what_is_left(plan, RunRequest()) is not None


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
    assert said["digest"] == fingerprint.plan_digest(Plan.read(toy / "runbook.toml"))
    refused = runbook(toy, "preflight", "--environment", "nowhere", "--result", str(result))
    said = json.loads(result.read_text())
    assert (refused.returncode, said["exit_code"], said["kind"]) == (2, 2, "UsageError")


def fleet_of_one(toy, tmp_path, code: str) -> Plan:
    """The toy's plan with a fleet whose one target's address a script prints."""
    (tmp_path / "address.py").write_text(code)
    command = json.dumps([sys.executable, str(tmp_path / "address.py")])
    path = toy / "runbook.toml"
    path.write_text(f'{path.read_text()}\n[fleets.crm]\ntargets = "crm.json"\naddress_command = {command}\n')
    (toy / "crm.json").write_text('[{"target": "eu-1"}]')
    return Plan.read(path)


def test_a_command_gives_the_address_where_no_variable_does(toy, tmp_path):
    plan = Plan.read(toy / "runbook.toml")
    local = environments.find(plan, plan.environment("local")).address
    with_fleet = fleet_of_one(toy, tmp_path, f"print({local.conninfo!r})")
    assert environments.find(with_fleet, with_fleet.environment("crm/eu-1")).address.database == local.database


def test_what_an_address_command_says_of_itself_is_not_repeated(toy, tmp_path):
    plan = fleet_of_one(toy, tmp_path, "import sys; sys.exit('s3cret')")
    with pytest.raises(UsageError, match="exit code 1") as error:
        environments.find(plan, plan.environment("crm/eu-1"))
    assert "s3cret" not in str(error.value)
