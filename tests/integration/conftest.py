"""The toy's notebook in the hands of an operator; a target whose migration goes statement by statement."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from runbook.plan.plan import Plan
from tests.support.notebook import Notebook, Opener
from tests.support.under_way import Target, small_target


@pytest.fixture
def begun(open_notebook: Opener, toy: Path, toy_cells: list[str]) -> Notebook:
    """The toy's notebook, begun and not a step further."""
    return open_notebook(toy, *toy_cells[:2])


@pytest.fixture
def target(plan: Plan, state: Path) -> Iterator[Target]:
    """A small target to migrate and to give back by hand."""
    with small_target(plan) as made:
        yield made
