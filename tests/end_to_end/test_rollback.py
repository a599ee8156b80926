"""`runbook rollback`: it says first what it is about, asks, names in one list what blocks, and reports what it left."""

import json

import pytest

from runbook.batch import outlook
from runbook.evidence import manifest


@pytest.mark.slow
def test_what_blocks_is_named_before_anything_and_goes_with_its_definition_kept(toy, runbook, connect):
    assert runbook(toy, "run").returncode == 0
    connection = connect(toy)
    connection.execute("CREATE VIEW labels AS SELECT label FROM shelves; CREATE TABLE leads (x int)")
    blocked = runbook(toy, "rollback", "--yes")
    assert blocked.returncode == 3, blocked.stdout + blocked.stderr
    assert "view public.labels hangs on column public.shelves.label: DROP VIEW public.labels;" in blocked.stderr
    assert connection.execute("SELECT count(label) FROM labels").fetchone() == (300,)
    done = runbook(toy, "rollback", "--yes", "--with-dependents")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Starting Task" not in done.stdout
    assert "Rolling back Task 7: Label the shelves" in done.stdout
    assert "left as it is: table public.leads (made since by others)" in done.stdout
    folder = manifest.latest_run(manifest_plan(toy))
    assert "CREATE VIEW public.labels AS" in (folder / outlook.DEPENDENTS).read_text()
    (task,) = json.loads((folder / manifest.MANIFEST).read_text())["tasks"]
    assert (task["status"], task["notes"]["dropped"]) == (
        "rolled_back",
        ["ALTER TABLE public.shelves DROP COLUMN label"],
    )
    assert [one["object"] for one in task["notes"]["left as it is"]] == ["table public.leads"]
    report = (folder / "report.html").read_text()
    assert "Left as it is, changed by others since: table public.leads." in report
    assert runbook(toy, "run").returncode == 0  # and up again


@pytest.mark.slow
def test_nobody_there_to_ask_is_refused_where_an_approval_is_needed(toy, runbook, connect):
    assert runbook(toy, "run").returncode == 0
    plan = toy / "runbook.toml"
    plan.write_text(plan.read_text().replace('approval = "automatic"', 'approval = "required"'))
    refused = runbook(toy, "rollback")
    assert refused.returncode == 3, refused.stdout + refused.stderr
    assert "Say it with --yes" in refused.stderr
    assert runbook(toy, "rollback", "--yes").returncode == 0


def manifest_plan(root):
    from runbook.plan.plan import Plan

    return Plan.load(root / "runbook.toml")
