"""pgbench: the client of the bench's traffic, from the same wheel as the server."""

import os
import re
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from runbook.database import privileges


@dataclass(frozen=True)
class Script:
    """What each transaction does, in pgbench's language, and how often it is chosen."""

    text: str
    weight: int = 1


def command(url: str, scripts: Sequence[Script], folder: Path, *options: str, protocol: str = "prepared") -> list[str]:
    """Return the command line that runs the scripts, written into `folder`."""
    files = []
    for number, script in enumerate(scripts):
        path = folder / f"{number}.sql"
        path.write_text(script.text, encoding="utf-8")
        files += ["-f", f"{path}@{script.weight}"]
    return [str(privileges.programs() / "pgbench"), "--no-vacuum", f"--protocol={protocol}", *options, *files, url]


def throughput(
    url: str, scripts: Sequence[Script], clients: int, seconds: int, protocol: str = "prepared"
) -> dict[str, float]:
    """Run the scripts for some seconds; `protocol` is pgbench's, `simple` where a pooler keeps no statement.

    Returns:
        `tps` (transactions per second), `ms` (average latency) and `calls` (transactions done).

    Raises:
        RuntimeError: pgbench failed or a transaction did; with its words.
    """
    with tempfile.TemporaryDirectory() as folder:
        threads = min(clients, os.cpu_count() or 1)
        options = (f"--client={clients}", f"--jobs={threads}", f"--time={seconds}")
        done = subprocess.run(
            command(url, scripts, Path(folder), *options, protocol=protocol),
            capture_output=True,
            text=True,
            check=False,
        )
    figures = {
        "tps": r"tps = ([\d.]+)",
        "ms": r"latency average = ([\d.]+) ms",
        "calls": r"actually processed: (\d+)",
    }
    found = {name: match[1] for name, pattern in figures.items() if (match := re.search(pattern, done.stdout))}
    if done.returncode or len(found) < len(figures) or "number of failed transactions: 0 " not in done.stdout:
        raise RuntimeError(f"pgbench failed: {done.stderr or done.stdout}")
    return {name: float(text) for name, text in found.items()}
