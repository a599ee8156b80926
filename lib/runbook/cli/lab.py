"""`runbook lab`."""

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import FrameType

import click
import psutil

from runbook.plan.plan import Plan

FIRST = Path(__file__).parents[1] / "notebook" / "not_begun.py"  # in each kernel
PATIENCE = 5.0  # seconds its kernels have to end with it
LAB = (
    f"--LabApp.extra_labextensions_path={Path(__file__).parents[1] / 'lab'}",  # SQL colours, texts of images
    "--LabApp.news_url=None",  # and nothing is asked of a network
    "--LabApp.check_for_updates_class=jupyterlab.NeverCheckForUpdate",
)


@click.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def lab(arguments: tuple[str, ...]) -> None:
    """Open JupyterLab on the notebooks, with the demonstration server running."""
    from runbook.database import environments

    plan = Plan.find()
    for environment in plan.environments.values():
        if environment.server == "embedded":
            environments.find(plan, environment)
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={plan.root}", *LAB, *_of_root(), *arguments]
    sys.exit(_until_ended(command))


def _of_root() -> tuple[str, ...]:
    """Return what lets root open it: whoever is root on this machine may already do anything here."""
    return ("--allow-root",) if os.geteuid() == 0 else ()


def _until_ended(command: list[str]) -> int:
    """Run JupyterLab until it ends, or is told to: then its kernels end with it. Return its exit code.

    Ctrl-C reaches it by itself, and it asks. A SIGTERM, or the end of the terminal, reaches only this process: it is
    passed on, and JupyterLab ends its kernels in order. What still lives after that is ended by force.
    """
    family: list[psutil.Process] = []
    with subprocess.Popen(command, env={**os.environ, "PYTHONSTARTUP": str(FIRST)}) as process:

        def pass_on(number: int, _: FrameType | None) -> None:
            with suppress(psutil.NoSuchProcess):
                family.extend(psutil.Process(process.pid).children(recursive=True))
            process.terminate()

        usual = {number: signal.signal(number, pass_on) for number in (signal.SIGTERM, signal.SIGHUP)}
        usual[signal.SIGINT] = signal.signal(signal.SIGINT, signal.SIG_IGN)
        try:
            process.wait()
        finally:
            for number, handler in usual.items():
                signal.signal(number, handler)
    _, alive = psutil.wait_procs(family, PATIENCE)
    for one in alive:
        with suppress(psutil.NoSuchProcess):
            one.kill()
    return process.returncode
