"""Whatever is done to a file of a sealed folder is named, however the run ended, in little memory."""

import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from runbook.errors import UsageError
from runbook.evidence import cell_digests, seal, standalone
from runbook.evidence.manifest import JOURNAL, LARGEST, MANIFEST, read_manifest
from runbook.evidence.verify import ALTERED, PROVEN, VerifyRequest, verify_run
from runbook.formatting import escaped
from runbook.report import rebuilt
from tests.support.toy import NAME

KINDS = (
    "failed",
    "died",
    "complete",
    "rolled back",
    "given back",
)  # the folder of the rollback, and the run's after it


def bit(path, draw, other):
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)


def cut(path, draw, other):
    path.write_bytes(path.read_bytes()[: -draw.randrange(1, 9)])


def append(path, draw, other):
    path.write_bytes(path.read_bytes() + b"\n")


def remove(path, draw, other):
    path.unlink()


def swap(path, draw, other):
    path.write_bytes(other.read_bytes() if other.exists() else b"{}")


def link(path, draw, other):
    path.symlink_to(path.rename(path.parent.parent / f"{path.name}.aside"))


def hard_link(path, draw, other):
    (path.parent.parent / f"{path.name}.aside").hardlink_to(path)


def folder(path, draw, other):
    path.rename(path.with_name("was"))
    path.mkdir()
    path.with_name("was").rename(path / path.name)


ALTERATIONS = (bit, cut, append, remove, swap, link, hard_link, folder)
# What may be added beside what is there: also names a reader takes for another's, or that are no text.
ADDED = (
    "more.txt",
    "Report.html",
    "report.html\u200b",
    "a\u202egnp.txt",
    "deliverables/a/b/more",
    "caf\udce9.txt",
    "deliverables/empty/",
)


def said_of(plan, folder, **options):
    """Verify a folder and return the exit code and what was said."""
    lines: list[str] = []
    try:
        return verify_run(plan, VerifyRequest(folder, **options), lines.append), "\n".join(lines)
    except UsageError as error:
        return error.exit_code, str(error)


def require_named(plan, folder, place, other):
    """Alter every file of a copy of a folder in every way, one at a time; then add to it."""
    draw = random.Random(20)
    names = [path.relative_to(folder) for path in sorted(folder.rglob("*")) if path.is_file()]
    for name in names:
        for alter in ALTERATIONS:
            if alter is swap and (other / name).is_file() and same(other / name, folder / name):
                continue
            copy = shutil.copytree(folder, place / "copy")
            alter(copy / name, draw, other / name)
            code, said = said_of(plan, copy, offline=str(name) != standalone.STATEMENT)
            assert code in {ALTERED, 2}, (name, alter.__name__, said)
            assert str(name) in said, (name, alter.__name__, said)
            shutil.rmtree(copy)
            for aside in place.glob("*.aside"):
                aside.unlink()
    for name in ADDED:
        copy = shutil.copytree(folder, place / "copy")
        (copy / name).parent.mkdir(parents=True, exist_ok=True)
        (copy / name).mkdir() if name.endswith("/") else (copy / name).write_text("more")
        code, said = said_of(plan, copy, offline=True)
        assert (code, said.splitlines()[0].split(" ")[1]) == (ALTERED, escaped(name.rstrip("/"))), said
        shutil.rmtree(copy)


def same(one, other):
    return one.read_bytes() == other.read_bytes()


def test_every_alteration_of_a_complete_run_is_named(finished, tmp_path):
    assert said_of(finished.plan, finished.folder)[0] == PROVEN
    require_named(finished.plan, finished.folder, tmp_path, tmp_path)


def text(path, unit, size):
    """Write JSON of about this size that is all of one kind of value, as whoever wants to exhaust a reader would."""
    path.write_text("[" + unit * (size // len(unit.encode())) + "0]")


def sparse(path, size):
    with path.open("wb") as file:
        file.truncate(size)


def old_seal_that_repeats(folder):
    """A seal of an earlier version that names one large file as often as its manifest has room for."""
    (folder / standalone.STATEMENT).unlink()
    sparse(folder / "large.ipynb", standalone.LARGEST)
    one = {"notebook": "large.ipynb", "sha256": "", "cells": [], "link": ""}
    manifest = read_manifest(folder)
    manifest["seal"] = {"links": [one] * 50_000, "files": [], "facts": {}, "head": ""}
    (folder / MANIFEST).write_text(json.dumps(manifest))


EXHAUSTING = {
    "a file of the largest size": lambda folder: sparse(folder / "large", standalone.LARGEST),
    "a file larger than that": lambda folder: sparse(folder / "large", standalone.LARGEST + 1),
    "files larger in all": lambda folder: [sparse(folder / f"large{one}", standalone.LARGEST) for one in range(9)],
    "too many files": lambda folder: [(folder / f"{one}").touch() for one in range(standalone.MOST_FILES + 1)],
    "too many folders": lambda folder: [(folder / f"{one}").mkdir() for one in range(standalone.MOST_FILES + 1)],
    "a notebook of lists": lambda folder: text(folder / NAME, "[],", cell_digests.LARGEST - 9),
    "a notebook of text": lambda folder: text(folder / NAME, f'"{"x" * 9999}😀",', cell_digests.LARGEST - 19999),
    "a larger notebook": lambda folder: text(folder / NAME, '{"a":0},', cell_digests.LARGEST + 9),
    "a notebook nested": lambda folder: (folder / NAME).write_text('{"cells":[' + "[" * 900 + "]" * 900 + "]}"),
    "a manifest of lists": lambda folder: text(folder / MANIFEST, "[],", LARGEST - 9),
    "a manifest nested": lambda folder: (folder / MANIFEST).write_text(
        (folder / MANIFEST).read_text().replace("{", '{"deep":' + "[" * 900 + "]" * 900 + ",", 1)
    ),
    "a manifest of text": lambda folder: (folder / MANIFEST).write_text(
        (folder / MANIFEST).read_text().replace("{", f'{{"long":"{"x" * (LARGEST - 999_999)}😀",', 1)
    ),
    "a statement of objects": lambda folder: text(
        folder / standalone.STATEMENT, '{"a":0},', standalone.LARGEST_STATEMENT - 9
    ),
    "a large signature": lambda folder: sparse(folder / standalone.SIGNATURE, standalone.LARGEST),
    "an old seal that repeats": old_seal_that_repeats,
}  # fmt: skip
VERIFIES = """
import sys
from pathlib import Path
from runbook.errors import UsageError
from runbook.evidence.verify import VerifyRequest, verify_run
try:
    code = verify_run(None, VerifyRequest(Path(sys.argv[1]), offline=True), print)
except UsageError as error:
    print(error)
    code = error.exit_code
print(code, *(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")))
"""


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the kernel tells a process's peak only here")
@pytest.mark.parametrize("kind", EXHAUSTING)
def test_what_is_made_to_exhaust_its_reader_takes_no_more_than_200_mb(copy, kind):
    EXHAUSTING[kind](copy)
    done = subprocess.run([sys.executable, "-c", VERIFIES, str(copy)], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    *said, last = done.stdout.splitlines()
    code, kilobytes = map(int, last.split())
    assert code in {ALTERED, 2}, said
    assert kilobytes < 200_000


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_alteration_is_named_however_the_run_ended(stands, tmp_path, kind):
    folder = stands.bring_back(kind)
    assert said_of(stands.plan, folder)[0] == PROVEN
    other = stands.kept(KINDS[KINDS.index(kind) - 1])
    require_named(stands.plan, folder, tmp_path, other)


@pytest.mark.slow
def test_a_seal_says_how_the_run_ended_and_names_the_one_before_it(stands):
    kept = {kind: stands.kept(kind) for kind in KINDS}
    about = {kind: standalone.statement(folder)["predicate"] for kind, folder in kept.items()}
    assert {kind: one["ended"] for kind, one in about.items()} == {
        "failed": "failed", "died": "died", "complete": "complete", "rolled back": "rolled_back",
        "given back": "complete",
    }  # fmt: skip
    assert about["died"]["previous"] == seal.head(kept["failed"])
    assert about["complete"]["previous"] == seal.head(kept["died"])
    assert standalone.sha256(kept["complete"] / "statement.1.json") == seal.head(kept["failed"])
    assert standalone.sha256(kept["complete"] / "statement.2.json") == seal.head(kept["died"])
    assert read_manifest(kept["died"])["failure"]["name"] == "Died"


def nest(path, draw, other):
    path.write_text('{"cells": ' + "[" * 900 + "]" * 900 + "}")


def no_cells(path, draw, other):
    path.write_text('{"cells": [{"cell_type": "code"}, 7], "tasks": [{}]}')


def test_no_page_is_made_of_what_was_altered(finished, tmp_path):
    draw = random.Random(20)
    for name in ("manifest.json", NAME, JOURNAL, "schema.sql", standalone.STATEMENT):
        for alter in (bit, cut, remove, link, nest, no_cells):
            copy = shutil.copytree(finished.folder, tmp_path / "copy")
            alter(copy / name, draw, tmp_path)
            try:
                page, differing = rebuilt.hold(copy)
                assert name == standalone.STATEMENT
                assert (page, differing) == (copy / "report.html", [])
            except UsageError as refusal:
                assert name in str(refusal)
            shutil.rmtree(copy)
            for aside in tmp_path.glob("*.aside"):
                aside.unlink()
