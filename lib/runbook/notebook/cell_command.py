"""A program that a cell runs, and what it said."""

import subprocess
from pathlib import Path

from runbook.errors import StepFailed


def run_command(arguments: list[str], folder: Path, skip: str = "") -> None:
    """Run a program and show what it said; with a reason in `skip`, say that instead.

    Args:
        arguments: the program and its arguments.
        folder: where it runs.
        skip: why it does not run.

    Raises:
        StepFailed: the program is not there, or its exit code is not 0.
    """
    line = " ".join(argument or "…" for argument in arguments)
    if skip:
        print(f"Skipped, {skip}: {line}")
        return
    try:
        result = subprocess.run(arguments, cwd=folder, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise StepFailed(f"{arguments[0]} is not installed here: install it, run this cell again ({line}).") from None
    print(result.stdout.strip())
    if result.returncode:
        raise StepFailed(f"{line} ended with exit code {result.returncode}: {' '.join(result.stderr.split())}")
