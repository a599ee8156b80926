"""A stranger: nothing but the folder of a run, in an empty place, and docs/EVIDENCE.md followed word by word."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from bs4 import BeautifulSoup

from tests.support.project import ROOT
from tests.support.toy import NAME

GUIDE = (ROOT / "docs" / "EVIDENCE.md").read_text("utf-8")
OUTWARD = re.compile(r"^(?:[a-z]+:)?//|^(?:https?|file|ftp):", re.IGNORECASE)


@pytest.fixture
def stranger(copy: Path, tmp_path: Path, monkeypatch):
    """Run a command of the guide as somebody who has the folder and nothing else."""
    for name in [name for name in os.environ if name.startswith(("RUNBOOK_", "PG"))]:
        monkeypatch.delenv(name)
    empty = tmp_path / "empty"
    copy.rename(empty)

    def run(line: str):
        assert line in GUIDE, "the guide does not say so"
        words = line.replace("FOLDER", str(empty)).split()
        command = [sys.executable, "-m", *words] if words[0] == "runbook" else words
        return subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=60)

    return empty, run


def test_the_folder_alone_proves_itself_and_says_what_that_is_worth(stranger):
    _, run = stranger
    done = run("runbook verify FOLDER")
    assert done.returncode == 3, done.stdout + done.stderr
    assert "are what was sealed" in done.stdout
    assert "The files belong together, and none was changed by itself." in done.stdout


def test_one_digit_changed_in_one_cell_is_named(stranger):
    folder, run = stranger
    path = folder / NAME
    text = path.read_text("utf-8")
    place = re.search(r'"text/plain": \[\s*"[^"]*?(\d)', text).start(1)  # as with an editor, in the first output
    path.write_text(text[:place] + str((int(text[place]) + 1) % 10) + text[place + 1 :], "utf-8")
    cell = text[:place].count('"cell_type"')
    done = run("runbook verify FOLDER")
    assert done.returncode == 1
    assert done.stdout.startswith(f"✗ {NAME} was altered: cell {cell} "), done.stdout
    assert "Traceback" not in done.stderr


def test_every_page_opens_without_a_network_and_every_link_stays_in_the_folder(stranger):
    folder, _ = stranger
    pages = sorted(folder.glob("*.html"))
    assert [page.name for page in pages] == [NAME.replace(".ipynb", ".html"), "report.html"]
    for page in pages:
        soup = BeautifulSoup(page.read_text("utf-8"), "html.parser")
        assert soup.find(["script", "link", "iframe"]) is None
        for tag in soup.find_all(lambda tag: tag.has_attr("src") or tag.has_attr("href")):
            target = tag.get("src") or tag.get("href")
            assert not OUTWARD.match(target), target
            name = target.partition("#")[0]
            assert not name or target.startswith("data:") or (folder / name).is_file(), target


def test_the_report_says_in_its_first_words_whether_it_went_well(stranger):
    folder, _ = stranger
    main = BeautifulSoup((folder / "report.html").read_text("utf-8"), "html.parser").main
    assert main.h1.get_text() == "Complete"
    assert main.select_one(".verdict").find_previous(["h2", "table", "dl"]) is None
    assert main.find(id="seal")


def test_ssh_keygen_alone_checks_the_signature(stranger, finished):
    folder, _ = stranger
    line = next(line.strip() for line in GUIDE.splitlines() if line.strip().startswith("ssh-keygen -Y verify"))
    command = line.replace("-f signers", f"-f {finished.signers}").replace("NAME", "operator")
    done = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    assert 'Good "runbook" signature for operator' in done.stdout
