"""`runbook` on ordinary kernels, for the bench alone: `python -m bench.ordinary run …`.

Each is an interpreter of its own that has been started, and has imported what notebooks need, ahead of its turn.
"""

import multiprocessing
import sys
from collections.abc import Callable, Mapping, Sequence
from multiprocessing.context import SpawnProcess
from pathlib import Path
from typing import Any

from jupyter_client.kernelspec import KernelSpec
from jupyter_client.provisioning.local_provisioner import LocalProvisioner

from runbook.kernels import forkserver, provisioner

AHEAD = "import runbook.notebook.magics, runbook.notebook.charts"
LAUNCH = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}", f"--IPKernelApp.exec_lines={AHEAD}"]


def start(work: Callable[..., None], arguments: Sequence[Any], _: Path, __: Mapping[str, str]) -> SpawnProcess:
    """Start an interpreter that does `work`, where the runbook has a process forked."""
    process = multiprocessing.get_context("spawn").Process(target=work, args=tuple(arguments), daemon=True)
    process.start()
    return process


if __name__ == "__main__":
    provisioner.SPEC = KernelSpec(argv=LAUNCH, language="python")
    provisioner.Forked = LocalProvisioner  # type: ignore[misc, assignment]
    forkserver.prepare = lambda: None
    forkserver.start = start  # type: ignore[assignment]

    from runbook.cli import main

    main(prog_name="runbook")
