"""A fleet on a whole Airflow: what fails stops what it must and nothing else, and goes on where it stopped."""

from dataclasses import dataclass
from functools import partial

import pytest

from tests.engine.conftest import Fleet, make_fleet
from tests.engine.server import Airflow
from tests.support.beside import wait_until

pytestmark = pytest.mark.slow
QUICKLY = '"default_args": {"retry_delay": timedelta(seconds=1), "retry_exponential_backoff": False}'
SECRET = "p4ssw0rd-of-a-target"
ASKED = 'approval = "required"'


@dataclass
class Tried:
    """What became of the fleets.

    Attributes:
        runs: of each fleet's DAG.
        states: of the runs.
    """

    airflow: Airflow
    fleets: dict[str, Fleet]
    runs: dict[str, str]
    states: dict[str, str]

    def tasks(self, name: str, *wanted: str) -> list[str]:
        found = self.airflow.tasks(self.runs[name])
        return [found[one] for one in wanted]

    def ran(self, name: str) -> list[str]:
        """Return on which targets of a fleet a run was called, in order."""
        return [one["target"] for one in self.fleets[name].calls("run")]


@pytest.fixture(scope="module")
def fleets(tmp_path_factory):
    folder = tmp_path_factory.mktemp("projects")
    found = {
        "canary": make_fleet(folder / "canary", "canary", ["t1", "t2", "t3"]),
        "six": make_fleet(folder / "six", "six", [f"t{number}" for number in range(1, 7)]),
        "rejected": make_fleet(folder / "rejected", "rejected", ["t1", "t2"], ASKED),
        "killed": make_fleet(folder / "killed", "killed", ["t1"]),
        "ended": make_fleet(folder / "ended", "ended", ["t1"]),
    }
    found["ended"].behave(t1={"run": 1000})  # waits until somebody ends it
    found["canary"].behave(t1={"run": 1})
    found["six"].behave(t3={"run": 1})
    found["killed"].behave(t1={"run": [-9, 0]})
    return found


@pytest.fixture(scope="module")
def tried(airflow_python, fleets, tmp_path_factory):
    """Run all fleets at the same time, until each has ended."""
    variables = {
        f"AIRFLOW_CONN_{name}_{target}".upper(): f"postgresql://owner:{SECRET}@127.0.0.1:5432/{name}?__extra__=%7B%7D"
        for name in fleets
        for target in ("t1", "t2", "t3", "t4", "t5", "t6")
    }
    with Airflow(tmp_path_factory.mktemp("airflow") / "home", airflow_python, **variables) as airflow:
        for name, fleet in fleets.items():
            waves = "(None,)" if name in ("rejected", "killed", "ended") else "(1, None)"
            airflow.home.add_dag(fleet, name, f'{{"waves": {waves}, "connection": "{name}_{{target}}", {QUICKLY}}}')
        runs = {name: airflow.start(name) for name in fleets}
        special = {"rejected:wave_1.target.approve_1[1]": ("bob", "Reject")}
        ended = runs.pop("ended")
        states = airflow.end_of(runs, special)
        airflow.reach(ended, "wave_1.target.run[0]")
        airflow.fail(ended, "wave_1.target.run", 0)
        runs["ended"] = ended
        yield Tried(airflow, fleets, runs, states | airflow.end_of({"ended": ended}, {}))


def test_a_canary_that_fails_stops_everything_else(tried):
    assert tried.states["canary"] == "failed"
    assert {one["target"] for one in tried.fleets["canary"].calls()} == {"", "t1"}
    assert tried.ran("canary") == ["t1"]
    assert tried.tasks("canary", "wave_1.gate[-1]", "wave_2.gate[-1]", "report[-1]") == ["failed"] * 3


def test_who_is_rejected_is_not_changed_and_the_others_are(tried):
    assert tried.states["rejected"] == "failed"
    assert tried.ran("rejected") == ["t1"]
    verbs = [one["verb"] for one in tried.fleets["rejected"].calls() if one["target"] == "t2"]
    assert verbs == ["preflight", "prepare"]


def test_a_command_that_is_killed_is_started_again(tried):
    assert (tried.states["killed"], tried.ran("killed")) == ("success", ["t1", "t1"])


def test_a_task_that_somebody_ends_ends_its_command_in_order(tried):
    assert (tried.states["ended"], tried.ran("ended")) == ("failed", ["t1"])
    # Airflow learns of it with the task's next sign of life.
    calls = partial(tried.fleets["ended"].calls, "run", "ended")
    wait_until(lambda: [one["verb"] for one in calls()] == ["run", "ended"], patience=180)


def test_no_password_is_shown_anywhere(tried):
    given = [one["addresses"] for fleet in tried.fleets.values() for one in fleet.calls("run")]
    assert all(SECRET in str(one) for one in given)  # the command had it
    written = [path for path in tried.airflow.home.folder.rglob("*.log") if path.is_file()]
    assert len(written) > 20
    assert [path for path in written if SECRET in path.read_text(errors="replace")] == []
    kept = b"".join(path.read_bytes() for path in tried.airflow.home.folder.glob("airflow.db*"))
    assert b"exit_code" in kept  # what tasks left and were given lies there as text
    assert SECRET.encode() not in kept


def test_one_bad_target_of_six_is_mended_and_it_alone_goes_on(tried):
    six = tried.fleets["six"]
    assert tried.states["six"] == "failed"
    assert sorted(tried.ran("six")) == ["t1", "t2", "t3", "t4", "t5", "t6"]
    assert tried.ran("six")[0] == "t1"
    before = len(six.calls())
    six.behave()
    tried.airflow.clear(tried.runs["six"], "six")
    assert tried.airflow.end_of({"six": tried.runs["six"]}, {}) == {"six": "success"}
    assert [(one["verb"], one["target"]) for one in six.calls()[before:]] == [("run", "t3"), ("fleet", "")]
