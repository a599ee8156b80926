"""The bench: it runs, its yardsticks are the real thing, and what it found can be kept and read."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from bench import keep, large, limits
from click.testing import CliRunner

ROOT = Path(__file__).parents[2]


def bench(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "bench", *arguments],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=580,
        check=False,
    )


@pytest.mark.slow
def test_ours_is_held_against_what_really_migrates_and_really_loses_debits(tmp_path):
    run = bench("backfill", "consume", "--quick", "--organizations", "2000", "--repetitions", "1", "--folder", tmp_path)
    assert run.returncode == 0, run.stdout + run.stderr
    found = json.loads((tmp_path / "bench.json").read_text(encoding="utf-8"))
    migrated = found["parts"]["backfill"]["samples"]
    assert set(migrated) == {"brief's DO block", "ours, indexes built after", "ours, indexes in place", "bare floor"}
    # 2,000 rows rewritten and 2,000 audit rows: whoever writes less has not migrated them.
    assert all(sample["wal_mb"] > 1 for (sample,) in migrated.values())
    (ours,) = (one for one in found["parts"]["consume"]["findings"] if one["name"] == "debits our function lost")
    (theirs,) = (
        one for one in found["parts"]["consume"]["findings"] if one["name"].startswith("debits the TypeScript")
    )
    assert ours["median"] == 0 < theirs["median"]
    assert found["machine"]["cores"] >= 1
    copy = tmp_path / "checkout"
    (copy / keep.KEPT).mkdir(parents=True)
    shutil.copy(ROOT / "README.md", copy)
    keep.keep(copy, tmp_path)
    keep.write(copy)
    keep.draw(copy)
    assert (copy / keep.KEPT / "consume.png").read_bytes().startswith(b"\x89PNG")
    for page in ("README.md", keep.KEPT / "README.md"):
        assert "| DO block / ours, indexes built after | " in (copy / page).read_text(encoding="utf-8")


def test_the_figures_in_readme_are_those_the_bench_found():
    assert keep.read(ROOT)
    for path, text in keep.written(ROOT).items():
        assert path.read_text(encoding="utf-8") == text, f"out of step: {path}; run `python -m bench.keep`"


def test_a_goal_that_is_missed_has_a_reason():
    parts = keep.read(ROOT)
    assert [limits.reasons(name, part)[""] for name, part in parts.items() if "" in limits.reasons(name, part)] == []
    unknown = {"findings": [{"name": "a figure without words", "reached": False}]}
    assert limits.reasons("batch", unknown) == {"": ["a figure without words"]}


@pytest.mark.parametrize(("largest", "whole"), [(100, 1_000), (120, 1_440), (90, 900)])
def test_a_table_ten_times_as_large_costs_as_much_more_per_row_as_the_last_one_did(largest, whole):
    assert large.extrapolated({1_000_000: 10, 3_000_000: 31, 10_000_000: largest}) == pytest.approx(whole)


def test_what_is_no_part_is_refused():
    refused = bench("nonsense")
    assert refused.returncode == 2
    assert "backfill" in refused.stderr


def test_a_folder_without_results_is_not_kept(tmp_path):
    refused = CliRunner().invoke(keep.main, [str(tmp_path)])
    assert refused.exit_code == 2
    assert f"{tmp_path} holds no bench.json: name folders that the bench has written." in refused.output
