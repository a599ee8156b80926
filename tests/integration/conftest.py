"""The toy's notebook in the hands of an operator."""

from pathlib import Path

import pytest

from tests.support.notebook import Notebook, Opener


@pytest.fixture
def begun(open_notebook: Opener, toy: Path, toy_cells: list[str]) -> Notebook:
    """The toy's notebook, begun and not a step further."""
    return open_notebook(toy, *toy_cells[:2])
