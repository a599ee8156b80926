"""Promotion: nothing runs in production before a run of the very same content is complete on staging, and proven."""

import json
import shutil

import psycopg
import pytest

from runbook.batch import promotion
from runbook.database import embedded
from runbook.errors import NotAllowed
from runbook.evidence import manifest, seal, standalone
from runbook.plan.plan import Plan
from tests.support.project import copy_toy

ENVIRONMENTS = """
[environments.staging]
approval = "automatic"

[environments.production]
approval = "required"
needs = "staging"
"""


@pytest.fixture
def two(tmp_path, state, monkeypatch):
    """A toy with staging and production, each on a database of its own; returns it and production's URL."""
    root, _ = copy_toy(tmp_path / "here", "toy_staging"), copy_toy(tmp_path / "there", "toy_production")
    plan = root / "runbook.toml"
    plan.write_text(plan.read_text().partition("[environments.elsewhere]")[0] + ENVIRONMENTS)
    server = embedded.start(root)
    for name in ("staging", "production"):
        url = embedded.url(server, f"toy_{name}", "librarian")
        monkeypatch.setenv(f"RUNBOOK_{name.upper()}_DATABASE_URL", url)
    return root, url


def refused(root) -> str:
    plan = Plan.load(root / "runbook.toml")
    with pytest.raises(NotAllowed) as raised:
        promotion.require_promotion(plan, plan.environment("production"))
    return str(raised.value)


@pytest.mark.slow
def test_production_waits_for_staging_and_then_says_what_earned_it(two, runbook):
    root, production = two
    approve = ("approve", "--environment", "production", "--by", "Ada", "--statement", "Seen on staging")
    for command in (("run", "--environment", "production"), approve):
        done = runbook(root, *command)
        assert (done.returncode, done.stdout) == (3, "")
        assert "needs a complete run of this content on 'staging' first: it has not run there" in done.stderr
    with psycopg.connect(production) as connection:
        assert connection.execute("SELECT to_regnamespace('runbook')").fetchone() == (None,)
    for command in (("run", "--environment", "staging"), approve, ("run", "--environment", "production")):
        done = runbook(root, *command)
        assert done.returncode == 0, done.stdout + done.stderr
    plan = Plan.load(root / "runbook.toml")
    shown, found = (
        manifest.read_manifest(manifest.latest_run(plan, plan.environment(name))) for name in ("staging", "production")
    )
    assert found["promoted"] == {
        "environment": "staging",
        "run_id": shown["run_id"],
        "head": seal.head(manifest.latest_run(plan, plan.environment("staging"))),
        "proven_by": "the ledger of 'staging'",
    }
    assert (shown["digest"], shown["promoted"]) == (found["digest"], None)


@pytest.mark.slow
def test_what_staging_showed_must_be_this_and_must_still_hold(two, runbook, monkeypatch):
    root, _ = two
    assert runbook(root, "run", "--environment", "staging").returncode == 0
    plan = Plan.load(root / "runbook.toml")
    folder = manifest.latest_run(plan, plan.environment("staging"))
    path, script = folder / manifest.MANIFEST, plan.tasks[0].rollback
    genuine, original = path.read_text(), script.read_text()

    script.write_text(original + "-- changed\n")
    assert "ran other content" in refused(root)
    script.write_text(original)

    statement = (folder / standalone.STATEMENT).read_text()

    def forge(**changes):
        forged = json.loads(genuine) | changes
        manifest.write_manifest(folder, forged)
        about = seal.make_seal(folder, forged, forged["status"], None)
        (folder / standalone.STATEMENT).write_text(json.dumps(about))

    path.write_text(genuine.replace('"operator": "', '"operator": "Mallory and '))
    assert "is not what was sealed (manifest.json was altered: “operator”" in refused(root)
    forge(operator="Mallory")
    assert "holds another seal of this run" in refused(root)
    forge(tasks=[json.loads(genuine)["tasks"][0] | {"status": "not_run"}])
    assert "left out Task 7" in refused(root)
    path.write_text(genuine)
    (folder / standalone.STATEMENT).write_text(statement)

    with monkeypatch.context() as elsewhere:
        elsewhere.delenv("RUNBOOK_STAGING_DATABASE_URL")
        assert "the ledger of 'staging' was not asked" in refused(root)
        assert "no listed signer vouches for" in refused(root)

    assert runbook(root, "rollback", "--environment", "staging").returncode == 0
    assert "is rolled_back" in refused(root)

    rollback = manifest.latest_migration(plan, plan.environment("staging"))
    kept = rollback.rename(root / "kept")  # whoever owns the folder can hide what came later, not from the ledger
    assert "Task 7 is rolled_back by run" in refused(root)
    shutil.copytree(folder, folder.with_name("9"))
    assert f"the evidence in 9 is of another run, {folder.name}" in refused(root)
    shutil.rmtree(folder.with_name("9"))
    kept.rename(rollback)


@pytest.mark.slow
def test_evidence_of_another_environment_earns_nothing(two, runbook):
    root, _ = two
    assert runbook(root, "run").returncode == 0
    plan = Plan.load(root / "runbook.toml")
    local = manifest.latest_run(plan, plan.environment("local"))
    shutil.copytree(local, root / "outputs" / "staging" / local.name)
    assert f"the evidence in {local.name} is of 'local', not of 'staging'" in refused(root)
