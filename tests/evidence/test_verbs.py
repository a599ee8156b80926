"""No verb of ours, alone or with others, turns evidence that does not verify into evidence that does."""

import itertools
import json
import os
import random
import shutil
from pathlib import Path

import pytest

from runbook.errors import UsageError
from runbook.evidence import seal, standalone
from runbook.evidence.manifest import JOURNAL, MANIFEST
from runbook.evidence.verify import ALTERED, PROVEN, VerifyRequest, verify_run
from tests.support.stands import SECOND
from tests.support.toy import NAME

MARK = "altered by mallory"
VERBS = {
    "report of it": ("report", "FOLDER"),
    "report": ("report",),
    "verify": ("verify", "FOLDER"),
    "status": ("status",),
    "preflight": ("preflight",),
    "approve": ("approve", "--by", "Mallory", "--statement", "It is well"),
    "compare": ("report", "FOLDER", "--compare", "FOLDER"),
    "resume": ("run", "--resume"),
    "run": ("run",),
    "ensure": ("run", "--ensure"),
    "rollback": ("rollback", "--yes"),
}
# What hides an alteration: the seal taken away in part or whole, or put aside as a run does that is taken up again.
HIDDEN = {
    "openly": (),
    "manifest gone": (MANIFEST,),
    "seal gone": (standalone.STATEMENT, standalone.SIGNATURE),
    "both gone": (MANIFEST, standalone.STATEMENT, standalone.SIGNATURE),
    "set aside": None,
}
KINDS = ("failed", "died", "complete", "rolled back", "given back", "dead")


def alter(path):
    """Write the mark into a file, so that it stays what it is: a notebook, a manifest, a page."""
    try:
        found = json.loads(path.read_text())
    except (ValueError, FileNotFoundError):
        path.write_text((path.read_text() if path.exists() else "") + f"\n{MARK}\n")
        return
    if isinstance(found, dict) and "cells" in found:
        found["cells"][0]["source"] = [MARK]
    elif isinstance(found, dict):
        found["note"] = MARK
    path.write_text(json.dumps(found, indent=1))


def hide(folder, how):
    if how is None:
        seal.set_aside(folder)
    for name in how or ():
        (folder / name).unlink(missing_ok=True)


def is_marked(folder):
    return any(MARK.encode() in path.read_bytes() for path in folder.rglob("*") if path.is_file())


def verified(plan, folder):
    lines = []
    try:
        return verify_run(plan, VerifyRequest(folder), lines.append), lines
    except UsageError as error:
        return error.exit_code, [str(error)]


def drawn(stands, seed):
    """Draw what is altered, how it is hidden, and which verbs follow."""
    draw = random.Random(seed)
    kind = KINDS[seed % len(KINDS)]
    folder = stands.bring_back(kind)
    names = [path.relative_to(folder).as_posix() for path in sorted(folder.rglob("*")) if path.is_file()]
    if kind == "dead":  # what an unfinished task has written, nobody vouches for
        names = [name for name in names if name != JOURNAL and not name.startswith(Path(SECOND).stem)]
    name = draw.choice([*names, "more.txt"])
    hidden = draw.choice(list(HIDDEN)) if kind != "dead" else "openly"
    verbs = draw.choice(list(itertools.permutations(VERBS, 3)))
    return folder, f"{kind}: {name}, {hidden}", (name, hidden), verbs


def require_no_mending(stands, seed):
    folder, about, (name, hidden), verbs = drawn(stands, seed)
    alter(folder / name)
    hide(folder, HIDDEN[hidden])
    for place, verb in enumerate(verbs):
        done = stands.call(*(str(folder) if word == "FOLDER" else word for word in VERBS[verb]))
        assert "Traceback" not in done.stdout + done.stderr, (about, verbs[: place + 1], done.stderr)
        code, said = verified(stands.plan, folder)
        assert code in {ALTERED, 2} or not is_marked(folder), (about, verbs[: place + 1], code, said)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [1, 5])
def test_no_three_of_our_verbs_mend_altered_evidence(stands, seed):
    require_no_mending(stands, seed)


@pytest.mark.long
@pytest.mark.parametrize("seed", range(100, 100 + int(os.environ.get("RUNBOOK_VERBS", "30"))))
def test_no_drawn_verbs_mend_altered_evidence(stands, seed):
    require_no_mending(stands, seed)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["failed", "died", "complete", "rolled back", "given back"])
def test_what_nobody_altered_is_proven(stands, kind):
    assert verified(stands.plan, stands.bring_back(kind))[0] == PROVEN


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("manifest.1.json", "manifest.1.json was altered"),
        ("statement.1.json", "the seal of its earlier end is missing, or was altered"),
        ("more.txt", "more.txt is nothing that a run writes"),
        (NAME, f"{NAME} was altered after its task had ended"),
    ],
)
def test_nothing_altered_is_built_upon_where_a_run_died_that_was_taken_up_again(stands, name, said):
    folder = stands.bring_back("dead")
    alter(folder / name)
    for verb in (("report", str(folder)), ("run", "--resume")):
        done = stands.call(*verb)
        assert (done.returncode, said in done.stderr) == (3, True), done.stdout + done.stderr


@pytest.mark.slow
def test_a_dead_run_that_lies_elsewhere_is_not_sealed_there(stands, tmp_path):
    elsewhere = shutil.copytree(stands.bring_back("dead"), tmp_path / "elsewhere")
    done = stands.call("report", str(elsewhere))
    assert (done.returncode, "a run that died is sealed where it ran" in done.stderr) == (2, True), done.stderr


@pytest.mark.slow
def test_what_an_end_makes_anew_is_not_taken_over(stands):
    folder = stands.bring_back("dead")
    for name in (NAME.replace(".ipynb", ".html"), "report.html", "DEVIATIONS.md", "faults.json", "schema.sql"):
        alter(folder / name)
    assert stands.call("report", str(folder)).returncode == 0
    assert (verified(stands.plan, folder)[0], is_marked(folder)) == (PROVEN, False)


@pytest.mark.slow
def test_a_seal_set_aside_by_hand_is_missed(stands):
    folder = stands.bring_back("failed")
    seal.set_aside(folder)
    done = stands.call("run", "--resume")
    assert (done.returncode, "statement.json is missing" in done.stderr) == (3, True), done.stdout + done.stderr
