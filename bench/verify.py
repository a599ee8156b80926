"""Verify: how long, and in how much memory, evidence is verified that is as large as it may be, or all of it a trap."""

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.figures import Finding, Options, Part, Sample, Say, interleave
from bench.place import Place
from runbook.evidence import manifest, seal, standalone

SUBJECT, YARDSTICK, TRAP = "runbook verify", "sha256sum", "a manifest made of lists"
UNITS = {"seconds": "s", "peak_mb": "MB"}
PEAK = 'print(*(line.split()[1] for line in open("/proc/self/status") if line.startswith("VmHWM")), file=sys.stderr)'
VERIFY = f"""
import sys
from runbook.cli import main
try:
    main(["verify", "--offline", sys.argv[1]])
finally:
    {PEAK}
"""


def run(options: Options, place: Place, say: Say) -> Part:
    """Verify a folder of as many files and bytes as are read, beside `sha256sum` of the same; then a hostile one."""
    files = options.size(standalone.MOST_FILES - 10, 100)
    size = (standalone.MOST_BYTES - (1 << 26)) // standalone.MOST_FILES
    with TemporaryDirectory(prefix="bench-") as name:
        folder, trap = Path(name, "large"), Path(name, "trap")
        say("filling")
        _fill(folder, files, size)
        _fill(trap, 1, size)
        unit = "[],"
        (trap / manifest.MANIFEST).write_text("[" + unit * (manifest.LARGEST // len(unit) - 1) + "0]")
        subjects = {
            SUBJECT: lambda: _verify(folder, 3),
            YARDSTICK: lambda: _sums(folder),
            TRAP: lambda: _verify(trap, 2),
        }
        samples = interleave(subjects, options.times(5, 1), options.patience, say)
    findings = [
        Finding("verifying takes", [one["seconds"] for one in samples[SUBJECT]], "s", "<= 10"),
        Finding("and memory", [one["peak_mb"] for one in samples[SUBJECT]], "MB", "<= 200"),
        Finding("a manifest made of lists takes", [one["peak_mb"] for one in samples[TRAP]], "MB", "<= 200"),
        Finding.ratio("verify / sha256sum", samples, SUBJECT, YARDSTICK, "seconds"),
    ]
    facts = {"files": files, "bytes": files * size}
    return Part("verify", f"Verifying {files:,} files, {files * size / 1e9:.1f} GB", samples, UNITS, findings, facts)


def _fill(folder: Path, files: int, size: int) -> None:
    folder.mkdir()
    for number in range(files):
        (folder / f"{number}.bin").write_bytes(os.urandom(1 << 16) * (size >> 16))
    about = {"run_id": folder.name, "plan": "bench", "environment": "local", "tasks": []}
    (folder / manifest.MANIFEST).write_text(json.dumps(about))
    (folder / standalone.STATEMENT).write_text(json.dumps(seal.make_seal(folder, about, "complete", None)))


def _verify(folder: Path, code: int) -> Sample:
    begun = time.perf_counter()
    line = [sys.executable, "-c", VERIFY, str(folder)]
    done = subprocess.run(line, cwd=folder.parent, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begun
    if done.returncode != code:
        raise RuntimeError(done.stdout + done.stderr)
    return {"seconds": seconds, "peak_mb": int(done.stderr.split()[-1]) / 1000}


def _sums(folder: Path) -> Sample:
    begun = time.perf_counter()
    subprocess.run(["sha256sum", *sorted(folder.iterdir())], check=True, stdout=subprocess.DEVNULL)
    return {"seconds": time.perf_counter() - begun}
