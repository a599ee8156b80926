"""`--rollback-on-trigger`: a fired trigger gives everything back without waiting for anybody."""

import json

from runbook.plan import Plan
from runbook.run import evidence
from runbook.target import embedded, snapshot
from runbook.target.ledger import Ledger
from tests.end_to_end.test_batch import DECIDES, replace_conclude

FIRES = f"%%check a shelf is blue: some rows\n{DECIDES}SELECT 1 WHERE false"


def schema(root) -> str:
    return snapshot.schema_dump(embedded.provide(root, Plan.read(root / "runbook.toml").environment("local")))


def manifests(root) -> list[dict]:
    return [
        json.loads(path.read_text()) for path in sorted((root / "outputs" / "local").glob(f"*/{evidence.MANIFEST}"))
    ]


def test_a_fired_trigger_gives_everything_back_with_evidence_of_both(toy, runbook, connect):
    before = schema(toy)
    replace_conclude(toy, FIRES, "task.conclude()")
    result = runbook(toy, "run", "--rollback-on-trigger")
    assert result.returncode == 1, result.stdout + result.stderr
    assert "“A shelf without a label” fired: Task 7 is rolled back, unasked." in result.stdout
    failed, back = manifests(toy)
    assert (failed["status"], failed["tasks"][0]["triggers"][0]["fired"]) == ("failed", True)
    assert (back["status"], back["tasks"][0]["status"], back["failure"]) == ("rolled_back", "rolled_back", None)
    assert schema(toy) == before
    assert Ledger(connect(toy), "toy").states()[7].status == "rolled_back"


def test_without_a_trigger_nothing_is_reversed(toy, runbook):
    before = schema(toy)
    replace_conclude(toy, FIRES.replace("-- trigger: A shelf without a label\n", ""), "task.conclude()")
    result = runbook(toy, "run", "--rollback-on-trigger")
    assert (result.returncode, "fired no rollback trigger" in result.stdout) == (1, True)
    assert [manifest["status"] for manifest in manifests(toy)] == ["failed"]
    assert schema(toy) != before


def test_a_rollback_that_cannot_be_done_is_said_and_the_exit_code_stays(toy, runbook):
    replace_conclude(toy, FIRES, "task.conclude()")
    (toy / "sql" / "rollback" / "07_label_the_shelves.sql").unlink()
    result = runbook(toy, "run", "--rollback-on-trigger")
    assert result.returncode == 1
    assert "The rollback could not be done: Task 7 cannot be reversed" in result.stdout
    assert "Do it by hand: `runbook rollback --environment local --to 7`" in result.stdout
