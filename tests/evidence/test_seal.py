"""The seal: one digit in one cell is found, and so is everything else that is not as it was."""

import json
import random
import subprocess
import sys

import pytest

from runbook.database import seals
from runbook.errors import UsageError
from runbook.evidence import attachments, seal
from runbook.evidence.manifest import JOURNAL, MANIFEST, file_digest, read_manifest, write_manifest
from tests.support.toy import NAME


def change(folder, alter):
    """Alter the notebook in a folder as a program would: read it, change it, write it."""
    path = folder / NAME
    notebook = json.loads(path.read_text("utf-8"))
    alter(notebook["cells"])
    path.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", "utf-8")


def rewrite(folder, alter):
    """Alter the manifest in a folder."""
    manifest = read_manifest(folder)
    alter(manifest)
    write_manifest(folder, manifest)


def digits(folder):
    """Every cell with a digit in its outputs or its source: its place, counted from 0."""
    cells = json.loads((folder / NAME).read_text("utf-8"))["cells"]
    return [place for place, cell in enumerate(cells) if any(sign.isdigit() for sign in text_of(cell))]


def text_of(cell):
    return json.dumps(cell.get("outputs") or cell["source"])


def other_digit(cell):
    part = "outputs" if cell.get("outputs") else "source"
    text = json.dumps(cell[part])
    place = next(place for place, sign in enumerate(text) if sign.isdigit())
    cell[part] = json.loads(f"{text[:place]}{(int(text[place]) + 1) % 10}{text[place + 1 :]}")


def test_an_untouched_run_is_what_was_sealed(finished, verify):
    said = verify(finished.folder)
    assert said.code == 0, said.lines
    assert [line[0] for line in said.lines] == ["✓", "✓", "✓"]
    assert "the ledger of 'local' holds the same seal" in said.lines[2]


def test_files_alone_are_verified_and_what_that_proves_is_said(finished, verify):
    said = verify(finished.folder, offline=True)
    assert (said.code, said.lines[-1]) == (0, seal.PROOF)
    assert "ledger" not in "".join(said.lines[:-1])


def test_one_digit_in_one_cell_names_the_cell(copy, verify):
    original = (copy / NAME).read_text("utf-8")
    assert len(digits(copy)) > 8
    for place in digits(copy):
        change(copy, lambda cells, place=place: other_digit(cells[place]))
        said = verify(copy, offline=True)
        assert said.code == 1
        assert said.problems[0].startswith(f"{NAME} was altered: cell {place + 1} "), said.problems
        (copy / NAME).write_text(original, "utf-8")


def test_a_cells_place_is_said_as_a_reader_finds_it(copy, verify):
    change(copy, lambda cells: other_digit(cells[6]))
    assert "cell 7 ([5], under “7.1 · Add the label”)" in verify(copy, offline=True).problems[0]


@pytest.mark.parametrize(
    ("alter", "words"),
    [
        (lambda cells: cells.pop(5), "it has 18 cells, not 19; the first that differs is cell 6"),
        (lambda cells: cells.pop(), "it has 18 cells, not 19"),
        (lambda cells: cells.insert(3, cells[3]), "it has 20 cells, not 19; the first that differs is cell 5"),
        (lambda cells: cells[4].update(execution_count=99), "cell 5 ([99]"),
        (lambda cells: cells[6]["metadata"].update(tags=["apply"]), "cell 7 ([5]"),
        (lambda cells: (cells[4].update(id="x"), cells[6].update(id="y")), "is not what was sealed, and 1 more"),
        (lambda cells: cells[6]["metadata"].update(collapsed=True), "was saved again: no cell differs"),
        (lambda cells: cells[4].pop("cell_type"), "cell 5"),
        (lambda cells: cells[0].update(source=[7]), "cell 1"),
        (lambda cells: cells[0].update(source=7), "cell 1"),
    ],
)
def test_whatever_is_done_to_a_notebook_is_named(copy, verify, alter, words):
    change(copy, alter)
    said = verify(copy, offline=True)
    assert said.code == 1
    assert words in said.problems[0]


def test_any_changed_byte_is_noticed(copy):
    path, draw = copy / NAME, random.Random(35)
    original, manifest = path.read_bytes(), read_manifest(copy)
    for _ in range(60):
        place = draw.randrange(len(original))
        path.write_bytes(original[:place] + bytes([original[place] ^ (1 << draw.randrange(8))]) + original[place + 1 :])
        assert seal.problems(copy, manifest), place
    path.write_bytes(original)
    assert not seal.problems(copy, manifest)


def test_other_files_are_sealed_too(copy, verify):
    with (copy / JOURNAL).open("a") as journal:
        journal.write('{"event": "said after the seal"}\n')
    assert verify(copy, offline=True).code == 0
    (copy / JOURNAL).write_text((copy / JOURNAL).read_text("utf-8").replace("Starting", "Stopping", 1))
    (copy / attachments.SCHEMA).unlink()
    (copy / "copy.ipynb").write_bytes((copy / NAME).read_bytes())
    assert verify(copy, offline=True).problems == [
        "copy.ipynb was not there when the run was sealed",
        "events.jsonl was altered",
        "schema.sql is missing",
    ]


def test_a_missing_notebook_and_one_that_is_none_are_named(copy, verify):
    (copy / NAME).write_text("{")
    assert verify(copy, offline=True).problems[0] == f"{NAME} was altered: it is no notebook any more"
    (copy / NAME).unlink()
    assert verify(copy, offline=True).problems[0] == f"{NAME} is missing"


@pytest.mark.parametrize(
    ("alter", "fact"),
    [
        (lambda manifest: manifest.update(operator="somebody else"), "operator"),
        (lambda manifest: manifest["tasks"][0]["checks"][0].update(actual="1 row"), "tasks"),
        (lambda manifest: manifest.update(status="failed"), "status"),
        (lambda manifest: manifest.update(remark="all is well"), "remark"),
        (lambda manifest: manifest.pop("approval"), "approval"),
    ],
)
def test_a_changed_manifest_is_named_by_its_entry(copy, verify, alter, fact):
    rewrite(copy, alter)
    said = verify(copy, offline=True)
    assert said.code == 1
    assert said.problems[0] == f"manifest.json was altered: “{fact}” is not what was sealed"


def test_a_seal_that_was_mended_in_part_does_not_hold(copy, verify):
    rewrite(copy, lambda manifest: manifest["seal"]["links"][0]["cells"].__setitem__(0, "0" * 64))
    assert "the link of" in verify(copy, offline=True).problems[0]
    rewrite(
        copy,
        lambda manifest: manifest["seal"].update(links=[], head=seal.json_digest(["", manifest["seal"]["files"], {}])),
    )
    assert verify(copy, offline=True).code == 1


def test_a_whole_new_seal_is_found_out_by_the_ledger_alone(copy, verify):
    change(copy, lambda cells: other_digit(cells[6]))

    def forge(manifest):
        manifest["tasks"][0]["sha256"] = file_digest(copy / NAME)
        manifest["seal"] = seal.make_seal(copy, manifest)

    rewrite(copy, forge)
    (copy / "manifest.json.sig").unlink()
    assert verify(copy, offline=True).code == 0
    said = verify(copy)
    assert said.code == 1
    assert "the ledger of 'local' holds another seal of this run" in said.problems[0]


def test_a_run_resumed_is_held_against_its_newest_seal(finished, copy, verify):
    manifest = read_manifest(copy)
    with finished.connect() as connection:
        seals.keep_seal(connection, manifest["run_id"], "0" * 64)
        assert verify(copy).code == 1
        connection.execute("DELETE FROM runbook.seals WHERE head = %s", ["0" * 64])
    assert verify(copy).code == 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"x"',
        "{}",
        '{"tasks": [], "run_id": "x", "environment": "local", "plan": "toy"}',
        '{"tasks": [], "run_id": "x", "environment": "local", "plan": "toy", "seal": {}}',
        '{"tasks": [], "run_id": "x", "environment": "local", "plan": "toy", "seal": {"links": 5}}',
        '{"tasks": [{}], "run_id": "x", "environment": "local", "plan": "toy",'
        ' "seal": {"links": [], "files": [], "facts": {}, "head": ""}}',
    ],
)
def test_a_damaged_manifest_is_said_in_a_sentence(copy, verify, text):
    (copy / MANIFEST).write_text(text)
    with pytest.raises(UsageError, match="is damaged") as refusal:
        verify(copy, offline=True)
    assert "\n" not in str(refusal.value)


def test_a_stranger_needs_the_folder_alone(copy, tmp_path):
    def command(*arguments):
        line = [sys.executable, "-m", "runbook", "verify", *arguments]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    whole = command(str(copy))
    assert whole.returncode == 0, whole.stderr
    assert "this is no checkout of the plan 'toy'" in whole.stdout
    assert whole.stdout.strip().endswith(seal.PROOF)
    assert command(str(copy), "--live").returncode == 2
    assert command(str(copy), "--live", "--offline").returncode == 2
    (copy / MANIFEST).write_text("{")
    damaged = command(str(copy))
    assert (damaged.returncode, len(damaged.stderr.splitlines())) == (2, 1)
    assert command(str(tmp_path / "nowhere")).returncode == 2
    assert command().returncode == 2


def test_what_the_manifest_says_of_the_seal_is_enough_to_make_it(finished):
    # Written from ALGORITHM alone, with nothing of the package: this is what an auditor would do.
    import hashlib

    def digest(value):
        return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()

    def joined(value):
        if isinstance(value, list) and value and all(isinstance(one, str) for one in value):
            return "".join(value)
        if isinstance(value, list):
            return [joined(one) for one in value]
        return {name: joined(one) for name, one in value.items()} if isinstance(value, dict) else value

    manifest = json.loads((finished.folder / "manifest.json").read_text("utf-8"))
    made, link = manifest.pop("seal"), ""
    for task in manifest["tasks"]:
        content = (finished.folder / task["notebook"]).read_bytes()
        cells = []
        for cell in json.loads(content)["cells"]:
            names = ("cell_type", "id", "source", "execution_count", "outputs", "attachments")
            kept = {name: cell[name] for name in names if name in cell}
            metadata = {name: cell["metadata"][name] for name in ("tags", "papermill") if name in cell["metadata"]}
            cells.append(digest(joined({**kept, "metadata": metadata})))
        link = digest([link, task["notebook"], hashlib.sha256(content).hexdigest(), cells])
    facts = {name: digest(value) for name, value in manifest.items()}
    assert digest([link, made["files"], facts]) == made["head"]
