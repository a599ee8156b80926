"""The seal: one digit in one cell is found, and so is everything else that is not as it was."""

import hashlib
import json
import os
import subprocess
import sys

import pytest

from runbook.database import environments
from runbook.errors import TryAgain, UsageError
from runbook.evidence import attachments, seal, signature, standalone
from runbook.evidence.manifest import JOURNAL, LARGEST, MANIFEST, file_digest, read_manifest, write_manifest
from runbook.evidence.verify import ALTERED, FILES_ALONE, PROVEN
from runbook.report import rebuilt
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
    assert (said.code, said.lines[-1]) == (FILES_ALONE, seal.PROOF)
    assert "the ledger was not asked" in said.lines[-2]


def test_files_are_verified_though_the_ledger_cannot_be_reached(copy, verify, monkeypatch):
    def unreachable(*_):
        raise TryAgain("Cannot connect")

    monkeypatch.setattr(environments, "connect", unreachable)
    said = verify(copy)
    assert (said.code, "was not asked: Cannot connect" in said.lines[-2]) == (FILES_ALONE, True), said.lines
    (copy / "report.html").write_text("another page")
    assert (verify(copy).code, verify(copy).lines[0]) == (ALTERED, "✗ report.html was altered")


def test_a_run_that_is_not_sealed_is_said_to_be_at_work_or_dead(copy, verify):
    for name in (seal.STATEMENT, MANIFEST):  # as both are written last
        (copy / name).unlink()
    with pytest.raises(
        UsageError, match=r"is not sealed, it has no .* It is at work, or it died: then `runbook report"
    ):
        verify(copy)


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


def test_every_file_of_the_folder_is_sealed(copy, verify):
    with (copy / JOURNAL).open("a") as journal:
        journal.write('{"event": "said after the seal"}\n')
    (copy / attachments.SCHEMA).unlink()
    (copy / "copy.ipynb").write_bytes((copy / NAME).read_bytes())
    (copy / "faults.json").write_text("{}")
    report = copy / "report.html"
    report.write_text(report.read_text("utf-8").replace("Complete", "Complete and approved", 1), "utf-8")
    assert verify(copy, offline=True).problems == [
        "copy.ipynb was not there when the run was sealed",
        "events.jsonl was altered",
        "faults.json was not there when the run was sealed",
        "report.html was altered",
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


def reseal(folder, **changes):
    """Make the whole seal of a folder anew, as whoever has only the files could."""
    about = standalone.statement(folder)["predicate"]
    made = seal.make_seal(folder, read_manifest(folder), about["ended"], about["previous"])
    made["predicate"] |= {"signer": None, **changes}
    (folder / standalone.STATEMENT).write_text(json.dumps(made))
    (folder / standalone.SIGNATURE).unlink(missing_ok=True)


def test_a_whole_new_seal_is_found_out_by_the_ledger_alone(copy, verify):
    change(copy, lambda cells: other_digit(cells[6]))
    rewrite(copy, lambda manifest: manifest["tasks"][0].update(sha256=file_digest(copy / NAME)))
    reseal(copy)
    assert verify(copy, offline=True).code == FILES_ALONE
    said = verify(copy)
    assert said.code == ALTERED
    assert "the ledger of 'local' holds another seal of this run than statement.json" in said.problems[0]


def test_a_run_resumed_is_held_against_its_newest_seal(finished, copy, verify):
    manifest = read_manifest(copy)
    with finished.connect() as connection:
        connection.execute("INSERT INTO runbook.seals (run_id, head) VALUES (%s, %s)", [manifest["run_id"], "0" * 64])
        assert verify(copy).code == ALTERED
        connection.execute("DELETE FROM runbook.seals WHERE head = %s", ["0" * 64])
    assert verify(copy).code == PROVEN


def test_a_signature_that_was_taken_away_is_missed(copy, verify):
    (copy / standalone.SIGNATURE).unlink()
    assert verify(copy).problems[0].startswith("statement.json.sig is missing: the run was to be signed with SHA256:")


def test_who_vouches_decides_the_exit_code(finished, copy, verify, monkeypatch):
    assert verify(copy, offline=True).code == FILES_ALONE
    monkeypatch.setenv(signature.SIGNERS_VARIABLE, str(finished.signers))
    assert verify(copy, offline=True).code == PROVEN
    reseal(copy)
    assert verify(copy, offline=True).code == ALTERED


@pytest.mark.parametrize("sign", ["\n✓ the ledger of 'local' holds the same seal", "\x1b[2J", "\u202e", "\x9b1m"])
def test_what_stands_in_evidence_never_speaks_as_verify(copy, verify, sign):
    rewrite(copy, lambda manifest: manifest.update(run_id=f"1{sign}", plan=f"toy{sign}", operator=sign))
    (copy / f"a{sign}").write_text("")
    for said in (verify(copy, offline=True), verify(copy)):
        assert said.code == ALTERED
        assert all(line.isprintable() and line[0] in "✓✗–TR" for line in said.lines), said.lines
        assert not any(line.startswith("✓ the ledger") for line in said.lines)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[" * 100_000, "nested too deep"),
        ('{"run_id": "1", "run_id": "2"}', "a key stands there twice"),
        ("1" * (LARGEST + 1), "larger than"),
        ('{"tasks": NaN}', "NaN is no JSON"),
        ("\xff", "is damaged"),
    ],
)
def test_a_manifest_made_to_exhaust_its_reader_is_refused(copy, verify, text, words):
    (copy / MANIFEST).write_text(text, "latin-1")
    with pytest.raises(UsageError, match=words):
        verify(copy, offline=True)


@pytest.mark.parametrize("name", [MANIFEST, standalone.STATEMENT])
def test_a_link_is_not_followed(copy, verify, name):
    (copy / name).rename(copy.parent / name)
    (copy / name).symlink_to(copy.parent / name)
    with pytest.raises(UsageError, match="is no file of its own"):
        verify(copy, offline=True)


def test_what_is_no_file_is_named_and_not_opened(copy, verify):
    os.mkfifo(copy / "pipe")
    (copy / "a" / "b" / "c" / "d").mkdir(parents=True)
    (copy / "link").symlink_to("/dev/zero")
    assert verify(copy, offline=True).problems == [
        "a/b/c/d is no file, or lies deeper than 3 folders",
        "link is a link",
        "pipe is no file, or lies deeper than 3 folders",
    ]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"x"',
        "{}",
        '{"tasks": [], "run_id": 7, "environment": "local", "plan": "toy"}',
        '{"tasks": 7, "run_id": "x", "environment": "local", "plan": "toy"}',
    ],
)
def test_a_damaged_manifest_is_said_in_a_sentence(copy, verify, text):
    (copy / MANIFEST).write_text(text)
    with pytest.raises(UsageError, match="is damaged") as refusal:
        verify(copy, offline=True)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "seal_of_then",
    [
        None,
        {},
        {"links": 5},
        {"links": [], "files": [{"name": "../letter", "bytes": 1}], "facts": {}, "head": ""},
        {"links": [{}], "files": [], "facts": {}, "head": ""},
    ],
)
def test_a_damaged_seal_of_an_earlier_version_is_said_in_a_sentence(copy, verify, seal_of_then):
    (copy / standalone.STATEMENT).unlink()
    rewrite(copy, lambda manifest: manifest.update({"seal": seal_of_then} if seal_of_then is not None else {}))
    with pytest.raises(UsageError, match="is damaged") as refusal:
        verify(copy, offline=True)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"_type": "https://in-toto.io/Statement/v1"}', "[" * 100_000])
def test_a_damaged_statement_is_said_in_a_sentence(copy, verify, text):
    (copy / standalone.STATEMENT).write_text(text)
    with pytest.raises(UsageError, match="is damaged") as refusal:
        verify(copy, offline=True)
    assert "\n" not in str(refusal.value)


def test_a_stranger_needs_the_folder_alone(copy, tmp_path):
    def command(*arguments):
        line = [sys.executable, "-m", "runbook", "verify", *arguments]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)

    whole = command(str(copy))
    assert whole.returncode == FILES_ALONE, whole.stderr
    assert "this is no checkout of the plan 'toy'" in whole.stdout
    assert whole.stdout.strip().endswith(seal.PROOF)
    assert command(str(copy), "--live").returncode == 2
    assert command(str(copy), "--live", "--offline").returncode == 2
    (copy / MANIFEST).write_text("{")
    damaged = command(str(copy))
    assert (damaged.returncode, len(damaged.stderr.splitlines())) == (2, 1)
    assert command(str(tmp_path / "nowhere")).returncode == 2
    assert command().returncode == 2


def test_the_verifier_in_the_folder_needs_python_alone(copy, tmp_path):
    def call(*arguments):
        line = [sys.executable, "-I", "-S", str(copy / standalone.VERIFIER), *arguments]
        return subprocess.run(line, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    whole = call()
    assert (whole.returncode, whole.stderr) == (0, "")
    assert seal.head(copy) in whole.stdout
    (copy / "a\n✓").write_text("")
    altered = call(str(copy))
    assert (altered.returncode, altered.stdout.splitlines()[0]) == (
        1,
        r"a\n\u2713 was not there when the run was sealed",
    )
    (copy / standalone.STATEMENT).write_text("[]")
    damaged = call()
    assert (damaged.returncode, damaged.stderr) == (2, "")


def test_the_statement_is_what_tools_for_attestations_read(finished):
    # Written from the specification of in-toto's Statement v1, with nothing of the package.
    made = json.loads((finished.folder / "statement.json").read_text("utf-8"))
    assert made["_type"] == "https://in-toto.io/Statement/v1"
    assert made["predicateType"].startswith("urn:")
    files = {path.name: path for path in finished.folder.iterdir() if not path.name.startswith("statement.json")}
    assert {one["name"] for one in made["subject"]} == files.keys()
    for one in made["subject"]:
        assert one["digest"] == {"sha256": hashlib.sha256(files[one["name"]].read_bytes()).hexdigest()}


def test_pages_are_made_again_from_the_folder_alone_to_the_byte(copy):
    before = {path.name: path.read_bytes() for path in copy.iterdir()}
    assert rebuilt.hold(copy, notebooks=True) == (copy / "report.html", [])
    report = copy / "report.html"
    report.write_bytes(before["report.html"].replace(b"Complete", b"Perfect", 1))
    assert rebuilt.hold(copy) == (report, ["report.html"])
    report.write_bytes(before["report.html"])
    page = copy / next(name for name in before if name.endswith(".html") and name != "report.html")
    page.write_bytes(before[page.name] + b" ")
    assert rebuilt.hold(copy) == (report, [page.name])
    page.write_bytes(before[page.name])
    assert {path.name: path.read_bytes() for path in copy.iterdir()} == before
