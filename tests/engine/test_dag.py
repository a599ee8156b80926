"""`dag.test()` of a fleet's DAG, without a scheduler: what becomes of a target for each exit code and each answer."""

import json
from typing import Any

import pytest

from tests.engine.conftest import HERE, Home, make_fleet

pytestmark = pytest.mark.slow
ONE_WAVE = '{"waves": (None,), "default_args": {"retry_delay": timedelta(0), "retry_exponential_backoff": False}}'
CODES = {"t0": 0, "t1": 1, "t2": 2, "t3": 3, "t4": 4, "t75": [75, 0], "killed": [-9, 0]}
TARGETS = ["agreed", "same-twice", "rejected", "anonymous"]
ANSWERS = {
    "wave_1.target.approve_2[1]": ("ada", "Approve"),
    "wave_1.target.approve_2[2]": ("bob", "Reject"),
    "wave_1.target.approve_1[3]": ("anonymous", "Approve"),
}


@pytest.fixture(scope="module")
def fleets(tmp_path_factory):
    """The fleet that shows exit codes, the one that shows approvals, and one that is stopped."""
    folder = tmp_path_factory.mktemp("projects")
    codes = make_fleet(folder / "codes", "codes", list(CODES))
    codes.behave(**{name: {"run": code, "preflight": 4} for name, code in CODES.items()})
    approvals = make_fleet(folder / "approvals", "approvals", TARGETS, 'approval = "required"\napprovers = 2')
    approvals.behave(**{name: {"prepare": 4} for name in TARGETS})  # all that is lacking is what people have to say
    return {"codes": codes, "approvals": approvals, "stopped": make_fleet(folder / "stopped", "stopped", ["t1"])}


@pytest.fixture(scope="module")
def found(airflow_python, fleets, tmp_path_factory) -> dict[str, Any]:
    """What became of each fleet's DAG."""
    home = Home(tmp_path_factory.mktemp("airflow") / "home", airflow_python)
    for name, fleet in fleets.items():
        home.add_dag(fleet, name, ONE_WAVE)
    cases = {"codes.py": {}, "approvals.py": ANSWERS, "stopped.py": {"wave_1.go[-1]": ("ada", "Stop")}}
    done = home.call(str(HERE / "without_scheduler.py"), json.dumps(cases))
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-6000:]
    return json.loads(done.stdout.splitlines()[-1])


def test_what_an_exit_code_means_to_the_dag(found, fleets):
    tasks = found["codes.py"]["tasks"]
    runs = {name: tasks[f"wave_1.target.run[{place}]"] for place, name in enumerate(CODES)}
    assert {name for name, state in runs.items() if state == "success"} == {"t0", "t75", "killed"}
    assert {name for name, state in runs.items() if state == "failed"} == {"t1", "t2", "t3", "t4"}
    calls = [one["target"] for one in fleets["codes"].calls("run")]
    assert {name: calls.count(name) for name in CODES} == dict.fromkeys(CODES, 1) | {"t75": 2, "killed": 2}
    ends = [tasks[f"{name}[-1]"] for name in ("wave_1.go", "wave_1.gate", "report")]
    assert (found["codes.py"]["dag"], ends) == ("failed", ["success", "failed", "failed"])


def test_the_question_shows_targets_preflight_and_content(found):
    asked = found["codes.py"]["asked"]["Wave 1 of codes: go?"]
    row = r"| t0 | approval or acceptance lacking | 1 noted | abcdef012345 |"
    assert row in asked
    assert asked.count("approval or acceptance lacking") == len(CODES)


def test_two_approvers_are_two_people_with_names(found, fleets):
    tasks = found["approvals.py"]["tasks"]
    ends = [
        [tasks[f"wave_1.target.{name}[{place}]"] for name in ("approve_1", "approve_2", "run")] for place in range(4)
    ]
    ok, bad, never = "success", "failed", "upstream_failed"
    assert ends == [[ok, ok, ok], [ok, bad, never], [ok, bad, never], [bad, never, never]]
    assert [one["target"] for one in fleets["approvals"].calls("run")] == ["agreed"]
    said = [one["arguments"] for one in fleets["approvals"].calls("approve") if one["target"] == "agreed"]
    assert [(one[one.index("--engine") + 1], one[one.index("--by") + 1]) for one in said] == [
        ("airflow", "ada"), ("airflow", "bob"),
    ]  # fmt: skip


def test_the_plans_first_task_makes_what_people_decide_on(found, fleets):
    said = [one["arguments"] for one in fleets["approvals"].calls("prepare")]
    assert {one[one.index("--to") + 1] for one in said} == {"7"}


def test_without_a_go_nothing_begins(found, fleets):
    assert {one["verb"] for one in fleets["stopped"].calls()} == {"fleet", "preflight"}
    assert found["stopped.py"]["dag"] == "failed"
