"""Batch: `runbook run --fresh` against papermill's command line, one call per notebook, on the same data."""

import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.place import Place
from bench.project import EXPECTED, Project

OF_PAPERMILL = "<= 0.45"
UNITS = {"seconds": "s"}
OURS, PAPERMILL = "runbook run --fresh", "papermill, a call per notebook"


def run(options: Options, place: Place, say: Say) -> Part:
    """Run the whole plan both ways, from an empty server on: each fills its database first."""
    with TemporaryDirectory(prefix="bench-") as folder:
        project = Project(place, Path(folder), EXPECTED)

        def ours() -> Sample:
            return _timed(project, lambda: project.runbook("run", "--fresh"))

        def papermill() -> Sample:
            return _timed(project, lambda: _one_by_one(project))

        samples = interleave({OURS: ours, PAPERMILL: papermill}, options.times(5, 1), options.patience, say)
    found = Finding.ratio("runbook / papermill", samples, OURS, PAPERMILL, "seconds", OF_PAPERMILL)
    return Part("batch", f"The whole runbook, {len(place.plan.tasks)} notebooks", samples, UNITS, [found])


def _one_by_one(project: Project) -> None:
    for task in project.plan.tasks:
        source = task.notebook.relative_to(project.folder)
        project.call("papermill", str(source), f"executed/{source.name}")


def _timed(project: Project, work: Callable[[], None]) -> Sample:
    project.clear()
    (project.folder / "executed").mkdir(exist_ok=True)
    begun = perf_counter()
    work()
    seconds = perf_counter() - begun
    shutil.rmtree(project.folder / "executed")
    return {"seconds": seconds}
