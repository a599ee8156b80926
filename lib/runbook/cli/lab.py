"""`runbook lab`."""

import subprocess
import sys
from pathlib import Path

import click

from runbook.plan.plan import Plan

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
    command = [sys.executable, "-m", "jupyterlab", f"--notebook-dir={plan.root}", *LAB, *arguments]
    sys.exit(subprocess.run(command, check=False).returncode)
