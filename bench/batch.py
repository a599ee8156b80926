"""Batch: `runbook run --fresh`, as it is and on ordinary kernels, against a call of papermill per notebook, same data.

Memory is proportional: what processes share counts once. The server's is not in it.
"""

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import psutil

from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.place import Place
from bench.project import EXPECTED, Project

OF_PAPERMILL, MEMORY = "<= 0.45", "<= 250"  # MB, with forked kernels
BETWEEN = 0.5  # seconds between two looks at the memory
UNITS = {"seconds": "s", "memory_mb": "MB", "processes": ""}
OURS, PAPERMILL = "runbook run --fresh", "papermill, a call per notebook"
ORDINARY = "the same on ordinary kernels, started ahead"


def run(options: Options, place: Place, say: Say) -> Part:
    """Run the whole plan both ways, from an empty server on: each fills its database first."""
    with TemporaryDirectory(prefix="bench-") as folder:
        project = Project(place, Path(folder), EXPECTED)

        def ours() -> Sample:
            return _timed(project, lambda: project.runbook("run", "--fresh"))

        def ordinary() -> Sample:
            return _timed(project, lambda: project.call("bench.ordinary", "run", "--fresh"))

        def papermill() -> Sample:
            return _timed(project, lambda: _one_by_one(project))

        subjects = {OURS: ours, ORDINARY: ordinary, PAPERMILL: papermill}
        samples = interleave(subjects, options.times(5, 1), options.patience, say)
    findings = [
        Finding.ratio("runbook / papermill", samples, OURS, PAPERMILL, "seconds", OF_PAPERMILL),
        Finding("its memory at most", [one["memory_mb"] for one in samples[OURS]], "MB", MEMORY),
        Finding.ratio("on ordinary kernels / papermill", samples, ORDINARY, PAPERMILL, "seconds"),
        Finding("its memory at most, on ordinary kernels", [one["memory_mb"] for one in samples[ORDINARY]], "MB"),
    ]
    return Part("batch", f"The whole runbook, {len(place.plan.tasks)} notebooks", samples, UNITS, findings)


def _one_by_one(project: Project) -> None:
    for task in project.plan.tasks:
        source = task.notebook.relative_to(project.folder)
        project.call("papermill", str(source), f"executed/{source.name}")


def _timed(project: Project, work: Callable[[], None]) -> Sample:
    project.clear()
    (project.folder / "executed").mkdir(exist_ok=True)
    with _watched() as most:
        begun = perf_counter()
        work()
        seconds = perf_counter() - begun
    shutil.rmtree(project.folder / "executed")
    return {"seconds": seconds, **most}


@contextmanager
def _watched() -> Iterator[dict[str, float]]:
    """Look at what this process has started, again and again; yield the most of its memory and of its processes."""
    most, stop, bench = {"memory_mb": 0.0, "processes": 0.0}, threading.Event(), psutil.Process()

    def watch() -> None:
        known = set(bench.children(recursive=True))  # the server
        while not stop.wait(BETWEEN):
            sizes = []
            for process in set(bench.children(recursive=True)) - known:
                with suppress(psutil.Error):
                    sizes.append(process.memory_full_info().pss / 1e6)
            most["memory_mb"] = max(most["memory_mb"], sum(sizes))
            most["processes"] = max(most["processes"], len(sizes))

    watcher = threading.Thread(target=watch)
    watcher.start()
    try:
        yield most
    finally:
        stop.set()
        watcher.join()
