"""A fleet on a whole Airflow with the real `runbook`: a canary, then two targets, each to complete."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from urllib.parse import quote

import pytest

from runbook.database import embedded
from runbook.evidence import manifest, seal
from runbook.plan.plan import Plan
from tests.engine.conftest import Fleet
from tests.engine.server import Airflow
from tests.support.project import copy_parts

pytestmark = pytest.mark.long
SECRET = "p4ssw0rd-of-a-target"
TARGETS = ("canary", "t1", "t2")
ORGANIZATIONS = "200"
POLICY = '\n[fleets.real]\ntargets = "targets.json"\napproval = "required"\nengines = ["airflow"]\n'
ABOUT = '{"waves": (1, None), "at_once": 2, "connection": "real_{target}"}'


class Real(Fleet):
    """A project whose `runbook` is the real one."""

    @property
    def executable(self) -> Path:
        return Path(sys.executable).with_name("runbook")


@pytest.fixture(scope="module")
def fleet(tmp_path_factory, state):
    """The project with a fleet of three, each a database of its own on one server."""
    folder = copy_parts(tmp_path_factory.mktemp("real"))
    shutil.rmtree(folder / "outputs" / "expected")  # what is expected there is said of the whole
    with (folder / "runbook.toml").open("a") as plan:
        plan.write(POLICY)
    rows = [{"target": name, "parameters": {"free_disk_gb": 100.0}} for name in TARGETS]
    (folder / "targets.json").write_text(json.dumps(rows))
    local, server = Plan.load(folder / "runbook.toml").environment("local"), embedded.start(folder)
    settings = {**local.baseline.settings, "runbook.organizations": ORGANIZATIONS}
    for name in TARGETS:
        embedded.fill(server, replace(local, baseline=replace(local.baseline, settings=settings)), f"real_{name}")
    yield Real(folder)
    for name in TARGETS:
        embedded.drop(server, f"real_{name}")


@pytest.fixture(scope="module")
def airflow(airflow_python, fleet, tmp_path_factory):
    """Airflow, which alone knows the addresses."""
    local, server = Plan.load(fleet.folder / "runbook.toml").environment("local"), embedded.start(fleet.folder)
    variables = {}
    for name in TARGETS:
        at = server.address(f"real_{name}", local.owner).options
        place = f"{quote(at['host'], safe='')}:{at['port']}"
        variables[f"AIRFLOW_CONN_REAL_{name}".upper()] = (
            f"postgresql://{at['user']}:{SECRET}@{place}/{at['dbname']}?__extra__=%7B%7D"
        )
    with Airflow(tmp_path_factory.mktemp("airflow") / "home", airflow_python, **variables) as found:
        found.home.add_dag(fleet, "real", ABOUT)
        yield found


def test_the_real_runbook_completes_a_canary_and_then_the_others(airflow, fleet):
    run = airflow.start("real")
    assert airflow.end_of({"real": run}, {}) == {"real": "success"}, airflow.tasks(run)
    plan = Plan.load(fleet.folder / "runbook.toml")
    ended = {}
    for name in TARGETS:
        folder = manifest.latest_run(plan, plan.environment(f"real/{name}"))
        found = manifest.read_manifest(folder)
        assert (found["status"], found["approval"]["approver"]) == ("complete", "ada")
        assert {one["status"] for one in found["tasks"]} == {"complete"}
        assert seal.is_sealed(folder)
        assert list(seal.problems(folder)) == []
        ended[name] = found
    assert ended["canary"]["finished_at"] < min(ended[name]["started_at"] for name in ("t1", "t2"))
    page = fleet.folder / "outputs" / "real" / "fleet.json"
    assert json.loads(page.read_text())["counts"] == {"complete": 3}
    shown = [
        path for path in [*airflow.home.folder.rglob("*"), *(fleet.folder / "outputs").rglob("*")] if path.is_file()
    ]
    assert [path for path in shown if SECRET.encode() in path.read_bytes()] == []
