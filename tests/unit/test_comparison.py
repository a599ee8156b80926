"""Two runs side by side: what differs stands there, what is equal is counted."""

import json
from itertools import pairwise

import pytest
from bs4 import BeautifulSoup
from tests.support import sample_run
from tests.support.sample_run import words

from runbook.errors import UsageError
from runbook.evidence.model import parse_manifest
from runbook.report import comparison

POOLS = {"names": ["plan", "ai"], "rows": [["free", 100], ["paid", 200]]}


@pytest.fixture
def pair(complete):
    """A run on local, and the same on staging, slower, with one check that failed and one credit more."""
    complete["tasks"][2]["notes"] = {"pools": POOLS, "rows": {"accounts": 5}}
    complete["tasks"][1]["checks"][1]["actual"] = "0.045 ms"
    other = json.loads(json.dumps(complete))
    other |= {"environment": "staging", "run_id": "20261123T080000.000Z", "parameters": {"workers": 8}}
    other["tasks"][1]["checks"][0] |= {"passed": False, "actual": "3 rows"}
    other["tasks"][1]["checks"][1]["actual"] = "0.051 ms"
    other["tasks"][1]["criteria"][0]["met"] = False
    other["tasks"][2]["notes"]["pools"] = {**POOLS, "rows": [["free", 101], ["paid", 200]]}
    other["tasks"][2]["finished_at"] = "2026-11-22T10:00:00+00:00"
    other["tasks"][4]["notes"]["consumption"] |= {"change": 12.0, "low": 9.0, "high": 15.0}
    return complete, other


def rows(part):
    return {row.what: (row.first, row.second, row.change) for row in part.rows}


def test_what_differs_stands_there_and_what_is_equal_is_counted(pair):
    parts = {part.title: part for part in comparison.parts_of(*map(parse_manifest, pair))}
    name = pair[0]["tasks"][1]["checks"][0]["name"]
    assert rows(parts["The two runs"])["environment"] == ("local", "staging", "")
    assert rows(parts["Checks"]) == {f"Task 1 · {name}": ("✓ no rows", "✗ 3 rows", "")}
    assert parts["Checks"].equal == 23
    assert list(rows(parts["Gates"]).values()) == [("✓ met", "✗ not met", "")]
    assert rows(parts["What the tasks wrote down"]) == {"Task 2 · pools · free · ai": ("100", "101", "")}
    assert rows(parts["Versions and parameters"]) == {"parameter workers": ("4", "8", "")}


def test_durations_and_performance_are_all_shown_with_what_they_come_to(pair):
    parts = {part.title: part for part in comparison.parts_of(*map(parse_manifest, pair))}
    durations = rows(parts["Durations"])
    assert len(durations) == 6
    assert durations["0 · Documentation & Planning"][2] == "× 1.00"
    assert durations["2 · Multi-Credit System Migration"][2].startswith("× 9.")
    performance = rows(parts["Performance"])
    assert performance["Task 4 · consumption"] == ("−3.4 % (−5.1 … −1.8)", "+12.0 % (+9.0 … +15.0)", "apart")
    assert performance["Task 1 · credit check"][2] == "not apart"
    assert [row.what for row in parts["Performance"].rows if row.differs] == ["Task 4 · consumption"]


def test_the_page_shows_both_verdicts_and_needs_no_network(pair, plan, tmp_path):
    folders = [sample_run.write(tmp_path / run["run_id"], run) for run in pair]
    page = comparison.build_comparison(*folders)
    assert page == folders[0].parent / f"compare_{folders[0].name}_{folders[1].name}.html"
    found = BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")
    assert [words(one.h2) for one in found.select(".verdict")] == [
        "local: Complete",
        "staging: Complete, but not proven",
    ]
    levels = [int(heading.name[1]) for heading in found.find_all(["h1", "h2", "h3", "h4"])]
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in pairwise(levels))
    assert all(found.find(id=link["href"][1:]) for link in found.find_all("a"))
    assert sample_run.outward(str(found)) == []


def test_a_run_is_equal_to_itself(complete):
    assert [
        part.title
        for part in comparison.parts_of(*[parse_manifest(complete)] * 2)
        if any(row.differs for row in part.rows)
    ] == []


def test_runs_of_two_plans_are_not_compared(pair, plan, tmp_path):
    pair[1]["plan"] = "other"
    folders = [sample_run.write(tmp_path / run["run_id"], run) for run in pair]
    with pytest.raises(UsageError, match=r"of 'phase-3.5' and .* of 'other': nothing to compare"):
        comparison.build_comparison(*folders)
