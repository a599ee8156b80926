"""Live: `runbook verify --live` against the time the notebooks' own `verify` cells took. On demand.

Each of those cells is sent again. Verification adds the seal, the schema and a session for each task.
"""

import json
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.place import Place
from bench.project import Project
from runbook.evidence import manifest

CELLS, LIVE, REPORT = "the run's own verify cells", "runbook verify --live", "runbook report"
UNITS = {"seconds": "s"}


def run(options: Options, place: Place, say: Say) -> Part:
    """Run the whole plan once on 200,000 organizations (5,000 if quick), then verify it live."""
    organizations = options.size(200_000, 5_000)
    with TemporaryDirectory(prefix="bench-") as folder:
        project = Project(place, Path(folder), organizations=organizations)
        say("one run")
        project.runbook("run", "--fresh")
        done = manifest.latest_run(project.plan)
        assert done is not None
        cells: Sample = {"seconds": sum(_verifying(path) for path in sorted(done.glob("0*.ipynb")))}
        subjects = {
            CELLS: lambda: cells,
            LIVE: lambda: _timed(project, "verify", "--live"),
            REPORT: lambda: _timed(project, "report"),
        }
        samples = interleave(subjects, options.times(3, 1), options.patience, say)
    findings = [
        Finding.ratio(f"{LIVE} / {CELLS}", samples, LIVE, CELLS, "seconds", "<= 1.2"),
        Finding("a report takes", [one["seconds"] for one in samples[REPORT]], "s", "<= 1"),
    ]
    return Part("live", f"Live verification of {organizations:,} organizations", samples, UNITS, findings)


def _verifying(path: Path) -> float:
    """Return the seconds that the `verify` cells of an executed notebook took."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return sum(
        one["metadata"]["papermill"]["duration"] or 0.0 for one in cells if "verify" in one["metadata"].get("tags", [])
    )


def _timed(project: Project, *arguments: str) -> Sample:
    begun = perf_counter()
    project.runbook(*arguments)
    return {"seconds": perf_counter() - begun}
