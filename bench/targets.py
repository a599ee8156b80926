"""Targets: twelve databases on one server, two at a time, each with the whole runbook. On demand: `bench targets`.

What is measured is what a fleet costs: the wall time, the memory of all processes of ours, the sessions on the server.
"""

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import psutil
import psycopg
from psycopg import sql

from bench.figures import Options, Part, Sample, Say, interleave
from bench.place import Place
from bench.project import Project
from runbook.database import embedded

FLEET, AT_ONCE = "twelve", 2
UNITS = {"seconds": "s", "per_target": "s", "memory_mb": "MB", "sessions": "sessions"}
BETWEEN = 0.5  # seconds between two looks


def run(options: Options, place: Place, say: Say) -> Part:
    """Migrate twelve copies of the baseline (four if quick), two at a time."""
    count, organizations = 4 if options.quick else 12, options.size(5000, 600)
    with TemporaryDirectory(prefix="bench-") as folder:
        project = Project(place, Path(folder), organizations=organizations)
        names = [f"t{number}" for number in range(1, count + 1)]
        _plan(project, names)
        subject = f"{count} targets, {AT_ONCE} at a time"
        samples = interleave({subject: lambda: _run(project, names)}, options.times(1, 1), options.patience, say)
        for name in names:
            embedded.drop(place.server, f"{FLEET}_{name}")
    facts = {"targets": count, "at_once": AT_ONCE, "organizations": organizations}
    return Part("targets", f"The whole runbook on {count} databases of one server", samples, UNITS, [], facts)


def _plan(project: Project, names: list[str]) -> None:
    """Give the plan a fleet; a target's address is its database on the bench's server."""
    owner = project.plan.environment("local").owner
    url = embedded.url(project.place.server, "DATABASE", owner)
    script = project.folder / "address.py"
    script.write_text(f"import sys; print({url!r}.replace('DATABASE', '{FLEET}_' + sys.argv[1]))", encoding="utf-8")
    command = json.dumps([sys.executable, str(script), "{target}"])
    plan = project.folder / "runbook.toml"
    entry = f'[fleets.{FLEET}]\ntargets = "targets.json"\naddress_command = {command}\napproval = "automatic"\n'
    plan.write_text(f"{plan.read_text(encoding='utf-8')}\n{entry}", encoding="utf-8")
    (project.folder / "targets.json").write_text(json.dumps([{"target": name} for name in names]), encoding="utf-8")


def _run(project: Project, names: list[str]) -> Sample:
    local, server = project.plan.environment("local"), project.place.server
    project.clear()
    embedded.fill(server, local, local.database)
    with psycopg.connect(embedded.url(server, "postgres", "postgres"), autocommit=True) as admin:
        for name in names:
            embedded.drop(server, f"{FLEET}_{name}")
            about = [sql.Identifier(one) for one in (f"{FLEET}_{name}", local.database, local.owner)]
            admin.execute(sql.SQL("CREATE DATABASE {} TEMPLATE {} OWNER {}").format(*about))
        begun = perf_counter()
        with _watched(admin) as most, ThreadPoolExecutor(AT_ONCE) as pool:
            ended = list(pool.map(lambda name: _target(project, name), names))
        whole = perf_counter() - begun
    return {"seconds": whole, "per_target": sum(ended) / len(ended), **most}


def _target(project: Project, name: str) -> float:
    begun = perf_counter()
    command = [sys.executable, "-m", "runbook", "run", "--ensure", "--environment", f"{FLEET}/{name}"]
    done = subprocess.run(
        [*command, "-p", "free_disk_gb", "100"], cwd=project.folder, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{name} ended with exit code {done.returncode}: {(done.stdout + done.stderr)[-2000:]}")
    return perf_counter() - begun


@contextmanager
def _watched(admin: psycopg.Connection) -> Iterator[dict[str, float]]:
    """Look at our processes and at the server's sessions; hold the highest of each."""
    most = {"memory_mb": 0.0, "sessions": 0.0}
    over = threading.Event()

    def look() -> None:
        asked = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend' AND datname LIKE %s"
        while not over.wait(BETWEEN):
            most["memory_mb"] = max(most["memory_mb"], _memory())
            row = admin.execute(asked, [f"{FLEET}%"]).fetchone()
            most["sessions"] = max(most["sessions"], float(row[0]) if row else 0.0)

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield most
    finally:
        over.set()
        watcher.join()


def _memory() -> float:
    """Return what our children hold for themselves, in MB: what they share counts once, with its share."""
    held = 0
    for child in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess, psutil.AccessDenied):
            if "postgres" not in child.name():
                held += child.memory_full_info().pss
    return held / 2**20
