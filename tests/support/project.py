"""Copies of the project and of the toy runbook, to run and to break."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from runbook.database import embedded
from runbook.plan.plan import Plan

ROOT = Path(__file__).parents[2]
PARTS = (
    "runbook.toml", "pyproject.toml", "constraints.txt", "environment.yml", "notebooks", "sql", "docs",
    "outputs/expected", "supabase", "bench/__init__.py", "tests/__init__.py",
)  # fmt: skip
Command = Callable[..., "subprocess.CompletedProcess[str]"]


def missing(what: str) -> Path:
    """Skip, saying what is missing; where nothing may be skipped, fail."""
    (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{what} is not installed here: .ci/run installs it")


def copy_project(folder: Path) -> Path:
    """Copy the project into a folder, on a fresh baseline."""
    return _fresh(copy_parts(folder))


def copy_parts(folder: Path) -> Path:
    """Copy the project into a folder, with everything that counts as its content."""
    copy = folder / "project"
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, copy / part)
        else:
            (copy / part).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, copy / part)
    return copy


def copy_toy(folder: Path, database: str = "toy") -> Path:
    """Copy the toy runbook into a folder, on a fresh baseline in a database of that name."""
    copy = folder / "toy"
    shutil.copytree(ROOT / "tests" / "toy", copy)
    plan = copy / "runbook.toml"
    plan.write_text(plan.read_text().replace('database = "toy"', f'database = "{database}"'))
    return _fresh(copy)


def _fresh(root: Path) -> Path:
    embedded.reset(root, Plan.load(root / "runbook.toml").environment("local"))
    return root
