"""Fleet: the page over 1,000 targets, and the verification of all their evidence. On demand: `python -m bench fleet`.

One real run is made, and given to each target under a name of its own, with a seal of its own.
"""

import json
import os
import shutil
import subprocess
import sys
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Any

from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.place import Place
from bench.project import Project
from runbook.evidence import manifest, standalone

NAME = "many"
WAVES = (1, 10)  # targets of the first waves; the rest is one more
UNITS = {"seconds": "s", "memory_mb": "MB"}


def run(options: Options, place: Place, say: Say) -> Part:
    """Report and verify a hundred and a thousand targets (a tenth of that if quick)."""
    largest = 100 if options.quick else 1000
    with TemporaryDirectory(prefix="bench-", dir=place.plan.outputs) as folder:
        project = Project(place, Path(folder), organizations=options.size(5000, 600))
        say("one run")
        project.runbook("run", "--fresh")
        done = manifest.latest_run(project.plan)
        assert done is not None
        samples: dict[str, list[Sample]] = {}
        for count in (largest // 10, largest):
            say(f"{count} targets")
            make(project.folder, done, count)
            subjects = {f"{verb}, {count:,}": partial(_timed, project.folder, verb) for verb in ("report", "verify")}
            samples |= interleave(subjects, options.times(3, 1), options.patience, say)
    findings = []
    for verb, most in (("report", 20), ("verify", 60)):
        small, large = (samples[f"{verb}, {count:,}"] for count in (largest // 10, largest))
        findings += [
            Finding(f"{verb} of {largest:,}", [one["seconds"] for one in large], "s", f"<= {most}"),
            Finding(f"its memory, {verb}", [one["memory_mb"] for one in large], "MB", "<= 300"),
            Finding(
                f"time per target, {verb}, {largest:,} / {largest // 10:,}",
                [one["seconds"] / few["seconds"] / 10 for few, one in zip(small, large, strict=True)],
                goal="<= 1.2",
            ),
        ]
    return Part("fleet", f"A fleet of {largest:,} targets", samples, UNITS, findings)


def make(root: Path, run: Path, count: int, *, failed: int = 7) -> None:
    """Make a fleet of `count` targets in a project, each with a copy of the given run.

    Args:
        root: of the project; its plan gets the fleet, if it has none.
        run: a sealed run's folder.
        count: how many targets.
        failed: every such target failed in its second task, or its only one, but for the first wave's.
    """
    plan = root / "runbook.toml"
    if f"[fleets.{NAME}]" not in plan.read_text(encoding="utf-8"):
        plan.write_text(f'{plan.read_text(encoding="utf-8")}\n[fleets.{NAME}]\ntargets = "{NAME}.json"\n')
    waves = [1 + sum(place >= sum(WAVES[:number]) for number in range(1, len(WAVES) + 1)) for place in range(count)]
    rows = [{"target": f"tenant-{place:04}", "wave": wave} for place, wave in enumerate(waves)]
    (root / f"{NAME}.json").write_text(json.dumps(rows), encoding="utf-8")
    about, statement = (json.loads((run / name).read_bytes()) for name in (manifest.MANIFEST, standalone.STATEMENT))
    for place, row in enumerate(rows):
        folder = root / "outputs" / NAME / str(row["target"]) / run.name
        if not folder.exists():
            is_failed = place >= WAVES[0] and place % failed == failed - 1
            _give(run, folder, _changed(about, folder, place, is_failed=is_failed), statement)


def _changed(about: dict[str, Any], folder: Path, place: int, *, is_failed: bool) -> dict[str, Any]:
    """Return the manifest as if the run had been this target's, at its turn: four at a time, the first alone."""
    took = datetime.fromisoformat(about["finished_at"]) - datetime.fromisoformat(about["started_at"])
    begun = datetime.fromisoformat(about["started_at"]) + took * (0 if place == 0 else 1.2 + (place - 1) // 4)
    found = {
        **about,
        "environment": f"{NAME}/{folder.parent.name}",
        "started_at": begun.isoformat(),
        "finished_at": (begun + took + timedelta(seconds=place % 10)).isoformat(),
    }
    if is_failed:
        *before, last = about["tasks"][:2]
        last = {**last, "status": "failed", "checks": [{**one, "passed": False} for one in last["checks"]]}
        found |= {"status": "failed", "tasks": [*before, last]}
    return found


def _give(run: Path, folder: Path, about: dict[str, Any], statement: dict[str, Any]) -> None:
    for path in run.rglob("*"):
        if path.is_file() and path.name not in (manifest.MANIFEST, standalone.STATEMENT):
            copy = folder / path.relative_to(run)
            copy.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, copy)
    written = manifest.write_manifest(folder, about)
    subjects = [
        {**one, "digest": {"sha256": standalone.sha256(written)}} if one["name"] == manifest.MANIFEST else one
        for one in statement["subject"]
    ]
    sizes = {**statement["predicate"]["sizes"], manifest.MANIFEST: written.stat().st_size}
    sealed = {**statement, "subject": subjects, "predicate": {**statement["predicate"], "sizes": sizes}}
    (folder / standalone.STATEMENT).write_text(json.dumps(sealed, indent=1), encoding="utf-8")


def _timed(root: Path, verb: str) -> Sample:
    command = [sys.executable, "-m", "runbook", "fleet", verb, NAME, *(["--offline"] if verb == "verify" else [])]
    begun = perf_counter()
    process = subprocess.Popen(command, cwd=root, stdout=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode in (0, 3), f"fleet {verb} ended with exit code {process.returncode}"
    return {"seconds": perf_counter() - begun, "memory_mb": used.ru_maxrss / 1024}
