"""Whatever is done to a file of a sealed folder is named, however the run ended; and no verb of ours mends it."""

import itertools
import os
import random
import shutil
import subprocess
import sys
import time
import tracemalloc

import pytest

from runbook.errors import UsageError
from runbook.evidence.manifest import JOURNAL, MANIFEST, latest_run, read_manifest
from runbook.evidence.verify import ALTERED, PROVEN, VerifyRequest, verify_run
from runbook.plan.plan import Plan
from tests.support.project import copy_toy
from tests.support.toy import NAME

STEP = "SELECT room, COUNT(*) AS shelves"
KINDS = ("failed", "resumed", "died", "rolled_back")


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


ALTERATIONS = (bit, cut, append, remove, swap, link)


def said_of(plan, folder, **options):
    """Verify a folder and return the exit code and what was said."""
    lines: list[str] = []
    try:
        return verify_run(plan, VerifyRequest(folder, **options), lines.append), "\n".join(lines)
    except UsageError as error:
        return error.exit_code, str(error)


def require_named(plan, folder, place, other):
    """Alter every file of a copy of a folder in every way, one at a time."""
    draw = random.Random(20)
    for path in sorted(folder.iterdir()):
        for alter in ALTERATIONS:
            copy = shutil.copytree(folder, place / "copy")
            before = (copy / path.name).read_bytes()
            alter(copy / path.name, draw, other / path.name)
            if (
                not (copy / path.name).is_file()
                or (copy / path.name).is_symlink()
                or before != (copy / path.name).read_bytes()
            ):
                code, said = said_of(plan, copy)
                assert code in {ALTERED, 2}, (path.name, alter.__name__, said)
                assert path.name in said, (path.name, alter.__name__, said)
            shutil.rmtree(copy)
            for aside in place.glob("*.aside"):
                aside.unlink()
    copy = shutil.copytree(folder, place / "copy")
    (copy / "more.txt").write_text("more")
    assert said_of(plan, copy)[0] == ALTERED
    shutil.rmtree(copy)


def test_every_alteration_of_a_complete_run_is_named(finished, tmp_path):
    assert said_of(finished.plan, finished.folder)[0] == PROVEN
    require_named(finished.plan, finished.folder, tmp_path, tmp_path)


def test_a_whole_folder_is_verified_in_little_time_and_memory(finished, copy):
    (copy / "large.bin").write_bytes(os.urandom(1 << 20) * 120)
    began = time.monotonic()
    tracemalloc.start()
    assert said_of(finished.plan, copy)[0] == ALTERED
    assert tracemalloc.get_traced_memory()[1] < 100_000_000
    tracemalloc.stop()
    assert time.monotonic() - began < 60  # a loop, not a clock: the aim is a sixth of it


@pytest.fixture(scope="module")
def ended(tmp_path_factory, state):
    """A toy whose runs ended in every way; returns its root, and a copy of each folder as it was then."""
    place = tmp_path_factory.mktemp("ended")
    root = copy_toy(place, "toy_ended")
    notebook, folders = root / "notebooks" / NAME, {}
    written = notebook.read_text()

    def call(*arguments):
        line = [sys.executable, "-m", "runbook", *arguments]
        return subprocess.run(line, cwd=root, capture_output=True, text=True, check=False, timeout=240)

    def keep(kind):
        folder = latest_run(Plan.read(root / "runbook.toml"))
        folders[kind] = shutil.copytree(folder, place / "kept" / kind / "local" / folder.name)

    notebook.write_text(written.replace(STEP, f"SELECT 1 / 0; {STEP}"))
    assert call("run").returncode == 1
    keep("failed")
    notebook.write_text(written)
    assert call("run", "--resume").returncode == 0
    keep("resumed")
    assert call("rollback").returncode == 0
    keep("rolled_back")
    notebook.write_text(written.replace(STEP, f"SELECT pg_sleep(60); {STEP}"))
    seen = {*(root / "outputs" / "local").iterdir()}
    with subprocess.Popen([sys.executable, "-m", "runbook", "run"], cwd=root, stdout=subprocess.DEVNULL) as batch:
        while batch.poll() is None:
            new = {*(root / "outputs" / "local").iterdir()} - seen
            journals = [folder / JOURNAL for folder in new if (folder / JOURNAL).exists()]
            if any(path.read_text().count('"event": "cell"') >= 6 for path in journals):
                break
            time.sleep(0.02)
        batch.kill()
    notebook.write_text(written)
    assert call("report").returncode == 0
    keep("died")
    return root, folders, call


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS)
def test_every_alteration_is_named_however_the_run_ended(ended, tmp_path, kind):
    root, folders, _ = ended
    plan = Plan.read(root / "runbook.toml")
    other = folders[KINDS[KINDS.index(kind) - 1]]
    code, said = said_of(plan, folders[kind])
    if kind == "failed":  # the ledger has a newer seal by now, of its later end
        assert (code, "another seal of this run" in said) == (ALTERED, True)
    else:
        assert code == PROVEN, said
    require_named(plan, folders[kind], tmp_path, other)


@pytest.mark.slow
def test_a_seal_says_how_the_run_ended_and_names_the_one_before_it(ended):
    from runbook.evidence import seal, standalone

    _, folders, _ = ended
    about = {kind: standalone.statement(folder)["predicate"] for kind, folder in folders.items()}
    assert {kind: one["ended"] for kind, one in about.items()} == {
        "failed": "failed", "resumed": "complete", "rolled_back": "rolled_back", "died": "died",
    }  # fmt: skip
    assert about["resumed"]["previous"] == seal.head(folders["failed"])
    assert standalone.sha256(folders["resumed"] / "statement.1.json") == seal.head(folders["failed"])
    assert read_manifest(folders["died"])["failure"]["name"] == "Died"


@pytest.mark.parametrize(
    "drawn", [pytest.param(6, marks=pytest.mark.slow), pytest.param(40, marks=pytest.mark.long)], ids=["some", "all"]
)
def test_no_verb_of_ours_mends_altered_evidence(ended, drawn):
    """Orders of two of our verbs, over a folder altered in a notebook, its manifest taken away or not."""
    root, _, call = ended
    plan = Plan.read(root / "runbook.toml")
    folder = latest_run(plan)  # it died, and was sealed so
    original = shutil.copytree(folder, root.parent / f"original-{drawn}")
    verbs = (("report", str(folder)), ("run", "--resume"), ("status",), ("verify", str(folder)), ("report",))
    cases = [*itertools.product((True, False), itertools.permutations(verbs, 2))]
    for taken, pair in random.Random(7).sample(cases, drawn):
        path = folder / NAME
        path.write_text(path.read_text().replace("7.1", "7.2"))
        if taken:
            (folder / MANIFEST).unlink()
        for verb in pair:
            call(*verb)
        code, said = said_of(plan, folder)
        assert code in {ALTERED, 2}, (taken, pair, said)
        shutil.rmtree(folder)
        shutil.copytree(original, folder)
    assert said_of(plan, folder)[0] == PROVEN
