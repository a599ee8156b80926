"""The manifest as it is read: whichever version it has, typed, and refused in a sentence where it is damaged."""

import json

import pytest

from runbook.errors import UsageError
from runbook.evidence.manifest import VERSION
from runbook.evidence.model import manifest_in, parse_manifest


def test_a_manifest_from_before_versions_is_still_readable(complete):
    old = {name: value for name, value in complete.items() if name not in {"manifest_version", "fault_injection"}}
    found = parse_manifest(old | {"rehearsal": {"file": "rehearsal.json"}})
    assert found.fault_injection == {"file": "rehearsal.json"}
    assert found.tasks[0].checks[0].passed is True


def test_what_a_later_version_added_is_left_alone(complete):
    complete["tasks"][0]["weather"] = "fine"
    assert parse_manifest(complete | {"weather": "fine"}) == parse_manifest(complete)


def test_a_later_version_is_not_guessed_at(complete):
    with pytest.raises(UsageError, match=f"is of version {VERSION + 1}, and this runbook knows {VERSION}"):
        parse_manifest(complete | {"manifest_version": VERSION + 1})


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda found: found.pop("run_id"), "is damaged: it has no 'run_id'"),
        (lambda found: found["tasks"][0].pop("checks"), "is damaged: it has no 'checks'"),
        (lambda found: found.update(title=7), "is damaged: title must be a valid string"),
        (lambda found: found.update(tasks={}), "is damaged: it holds no tasks"),
    ],
)
def test_a_damaged_manifest_is_said_in_a_sentence_with_its_path(complete, tmp_path, change, said):
    change(complete)
    (tmp_path / "manifest.json").write_text(json.dumps(complete))
    with pytest.raises(UsageError) as refused:
        manifest_in(tmp_path)
    assert str(refused.value).startswith(f"{tmp_path / 'manifest.json'} {said}")
