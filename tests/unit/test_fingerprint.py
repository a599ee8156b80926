"""The content of a run: what belongs to it, and in which words a change of it is told."""

import json
import shutil
from pathlib import Path

import pytest

from runbook.errors import UsageError
from runbook.plan import fingerprint
from runbook.plan.plan import Plan

ROOT = Path(__file__).parents[2]
NOTEBOOK = "notebooks/07_label_the_shelves.ipynb"


@pytest.fixture
def small(tmp_path):
    return Plan.read(shutil.copytree(ROOT / "tests" / "toy", tmp_path / "copy") / "runbook.toml")


def injected(plan: Plan, text: str) -> None:
    path = fingerprint.injection_record(plan, "local")
    path.parent.mkdir(parents=True)
    path.write_text(text)


def test_the_content_holds_every_file_by_its_name(small):
    assert list(fingerprint.files(small)) == [
        NOTEBOOK, "runbook.toml", "sql/library.sql", "sql/roles.sql", "sql/rollback/07_label_the_shelves.sql",
    ]  # fmt: skip


def test_groups_nobody_asks_for_are_left_out(small):
    assert fingerprint.content_of(small, None).keys() == {fingerprint.FILES}
    assert fingerprint.content_of(small, {}).keys() == {fingerprint.FILES, fingerprint.PARAMETERS}
    assert fingerprint.content_of(small, {}, "").keys() == {
        fingerprint.FILES,
        fingerprint.PARAMETERS,
        fingerprint.TARGET,
        fingerprint.FAULT_INJECTION,
    }


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        (NOTEBOOK, '{"cells": []}', [f"{NOTEBOOK} changed"]),
        ("sql/library.sql", None, ["sql/library.sql is gone"]),
        ("sql/more.sql", "SELECT 1", ["sql/more.sql is new"]),
        ("sql/notes.txt", "not SQL", []),
        ("outputs/expected/07.ipynb", "not a source", []),
    ],
)
def test_a_changed_file_is_told_by_its_name(small, name, text, said):
    before, path = fingerprint.content_of(small, {}), small.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink() if text is None else path.write_text(text)
    assert fingerprint.differences(before, fingerprint.content_of(small, {})) == said


@pytest.mark.parametrize(
    ("now", "said"),
    [
        ({"shelves": 300, "prefix": "S"}, []),
        ({"shelves": 301, "prefix": "S"}, ["the parameter shelves changed from 300 to 301"]),
        ({"shelves": 300}, ["the parameter prefix is gone"]),
        ({"shelves": 300, "prefix": "S", "workers": 2}, ["the parameter workers is new"]),
    ],
)
def test_a_changed_parameter_is_told_with_its_values(small, now, said):
    assert (
        fingerprint.differences(
            fingerprint.content_of(small, {"prefix": "S", "shelves": 300}), fingerprint.content_of(small, now)
        )
        == said
    )


def test_the_order_of_a_parameters_keys_does_not_count(small):
    one, other = ({"limits": limits} for limits in ({"a": 1, "bb": 2}, {"bb": 2, "a": 1}))
    assert fingerprint.content_of(small, one) == fingerprint.content_of(small, other)


def test_a_changed_target_is_told(small):
    before, after = (
        fingerprint.content_of(small, {}, "CREATE TABLE a"),
        fingerprint.content_of(small, {}, "CREATE TABLE b"),
    )
    assert fingerprint.differences(before, after) == ["the schema of the target changed"]
    assert fingerprint.differences(before, fingerprint.content_of(small, {})) == []


def test_a_fault_injection_since_is_told_with_its_result(small):
    before = fingerprint.content_of(small, {}, "")
    assert before[fingerprint.FAULT_INJECTION] == {"the fault injection on local": "not done"}
    injected(small, json.dumps({"digest": "0123456789abcdef", "counts": {"caught": 9, "missed": 1}}))
    assert fingerprint.differences(before, fingerprint.content_of(small, {}, "")) == [
        "the fault injection on local changed from not done to 9 caught, 1 missed with the content 0123456789ab"
    ]


@pytest.mark.parametrize("text", ["{", "{}", "[]", '{"digest": 7, "counts": {}}', '{"digest": "0", "counts": []}'])
def test_a_damaged_record_of_a_fault_injection_is_refused(small, text):
    injected(small, text)
    with pytest.raises(UsageError, match=r"faults\.json is damaged: `runbook inject-faults`"):
        fingerprint.content_of(small, {}, "")


@pytest.mark.parametrize(("text", "said"), [("{", "is no notebook"), ("{}", "is no notebook"), (None, "is missing")])
def test_a_notebook_that_cannot_be_read_is_refused(small, text, said):
    path = small.root / NOTEBOOK
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(UsageError, match=said):
        fingerprint.plan_digest(small)
