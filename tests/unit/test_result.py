"""The file in which an engine reads what became of a run: its own, and nothing else is touched for it."""

import json
from pathlib import Path

import pytest

from runbook.batch import ensure
from runbook.errors import NotAllowed, UsageError


def written(path: Path) -> None:
    ensure.require_writable(path)
    ensure.write_refusal(path, "eu", NotAllowed("no"))


def test_a_result_touches_nothing_beside_it(tmp_path):
    beside = tmp_path / "crm.tmp"
    beside.write_text("somebody else's")
    written(tmp_path / "crm.eu-1")
    assert beside.read_text() == "somebody else's"
    assert json.loads((tmp_path / "crm.eu-1").read_text())["exit_code"] == 3
    assert len(list(tmp_path.iterdir())) == 2


def test_a_result_takes_the_place_of_no_device(tmp_path):
    nowhere = tmp_path / "stdout"
    nowhere.symlink_to("/dev/null")
    written(nowhere)
    assert nowhere.is_symlink()
    assert nowhere.is_char_device()


def test_a_result_of_an_earlier_run_is_gone_before_the_next_one_begins(tmp_path):
    path = tmp_path / "result.json"
    written(path)
    ensure.require_writable(path)
    assert not path.exists()


def test_a_result_that_cannot_be_written_is_refused_before_anything_runs(tmp_path):
    with pytest.raises(UsageError, match="cannot be written"):
        ensure.require_writable(tmp_path)
