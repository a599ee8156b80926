"""The store: sealed evidence is copied whole and once, and can be verified there."""

import json

import fsspec
import pytest

from runbook.errors import UsageError
from runbook.evidence import seal, store


@pytest.fixture
def folder(tmp_path):
    """A sealed folder of a run, as small as one can be."""
    made = tmp_path / "20261129T100000.000Z"
    (made / "deliverables").mkdir(parents=True)
    about = {"run_id": made.name, "plan": "toy", "environment": "crm/eu-1", "tasks": []}
    (made / "manifest.json").write_text(json.dumps(about))
    (made / "deliverables" / "one.md").write_text("delivered")
    (made / "statement.json").write_text(json.dumps(seal.make_seal(made, about, "complete", None)))
    return made


@pytest.fixture
def memory(monkeypatch):
    monkeypatch.setenv("RUNBOOK_EVIDENCE", "memory://evidence")
    files = fsspec.filesystem("memory")
    yield files
    files.rm("/evidence", recursive=True)


def test_a_folder_is_copied_whole_with_its_manifest_last(folder, memory, monkeypatch):
    put, order = type(memory).put_file, []
    monkeypatch.setattr(type(memory), "put_file", lambda self, *names: (order.append(names[1]), put(self, *names)))
    name = store.upload(folder, "crm/eu-1")
    assert name == f"crm/eu-1/{folder.name}-{seal.head(folder)[:12]}"
    assert len(order) == 3
    assert order[-1].endswith("manifest.json")


def test_what_was_copied_comes_back_as_it_was_sealed(folder, memory, tmp_path):
    name = store.upload(folder, "crm/eu-1")
    back = store.fetch(f"memory://evidence/{name}", tmp_path / "back")
    assert seal.problems(back) == []
    assert (back / "deliverables" / "one.md").read_text() == "delivered"


def test_nothing_is_written_over_evidence(folder, memory):
    name = store.upload(folder, "crm/eu-1")
    written = memory.modified(f"/evidence/{name}/manifest.json")
    assert store.upload(folder, "crm/eu-1") == name
    assert memory.modified(f"/evidence/{name}/manifest.json") == written
    memory.pipe_file(f"/evidence/{name}/manifest.json", b"another's")
    with pytest.raises(UsageError, match="nothing is written over evidence"):
        store.upload(folder, "crm/eu-1")


def test_a_copy_that_broke_off_is_begun_again(folder, memory):
    name = store.upload(folder, "crm/eu-1")
    memory.rm(f"/evidence/{name}/manifest.json")
    memory.pipe_file(f"/evidence/{name}/deliverables/one.md", b"deliv")
    assert store.upload(folder, "crm/eu-1") == name
    assert memory.cat_file(f"/evidence/{name}/deliverables/one.md") == b"delivered"


def test_half_a_copy_is_no_run(folder, memory, tmp_path):
    name = store.upload(folder, "crm/eu-1")
    memory.rm(f"/evidence/{name}/manifest.json")
    with pytest.raises(UsageError, match="no whole run"):
        store.fetch(f"memory://evidence/{name}", tmp_path / "back")


@pytest.mark.parametrize("url", ["nowhere://user:s3cret@host/x", "https://user:s3cret@localhost:1/x"])
def test_a_store_that_cannot_be_used_is_named_without_its_url(url, monkeypatch):
    monkeypatch.setenv("RUNBOOK_EVIDENCE", url)
    with pytest.raises(UsageError, match="RUNBOOK_EVIDENCE cannot be used") as error:
        store.require_store()
    assert "s3cret" not in str(error.value)


@pytest.mark.slow
def test_a_run_leaves_its_evidence_in_the_store_and_it_is_verified_there(toy, runbook, tmp_path):
    url = f"file://{tmp_path / 'store'}"
    refused = runbook(toy, "run", RUNBOOK_EVIDENCE="nowhere://x")
    assert (refused.returncode, (toy / "outputs").exists()) == (2, False)
    done = runbook(toy, "run", RUNBOOK_EVIDENCE=url)
    assert done.returncode == 0, done.stdout + done.stderr
    (kept,) = (tmp_path / "store" / "local").iterdir()
    assert runbook(toy, "verify", f"{url}/local/{kept.name}").returncode == 0
    (kept / "report.html").write_text("another")
    altered = runbook(toy, "verify", f"{url}/local/{kept.name}")
    assert (altered.returncode, "report.html was altered" in altered.stdout) == (1, True)


@pytest.mark.slow
def test_a_run_whose_evidence_was_not_copied_is_complete_and_asks_to_be_tried_again(toy, runbook, tmp_path):
    place = tmp_path / "store"
    place.mkdir()
    (place / "local").write_text("no folder")
    done = runbook(toy, "run", "--result", "result.json", RUNBOOK_EVIDENCE=f"file://{place}")
    assert (done.returncode, "--ensure` copies it" in done.stdout) == (75, True), done.stdout + done.stderr
    said = json.loads((toy / "result.json").read_text())
    assert (said["status"], said["exit_code"]) == ("complete", 75)
    refused = runbook(toy, "run", "--ensure", RUNBOOK_EVIDENCE=f"file://{place}")
    assert (refused.returncode, "is complete, its evidence is in" in refused.stderr) == (75, True), refused.stderr
    (place / "local").unlink()
    assert runbook(toy, "run", "--ensure", RUNBOOK_EVIDENCE=f"file://{place}").returncode == 0
    (kept,) = (place / "local").iterdir()
    assert runbook(toy, "verify", str(kept)).returncode == 0
