"""One drawing for all tests of a process."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.draw import Drawing


@pytest.fixture(scope="session")
def drawing(state: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Drawing]:
    former = os.environ.get("IPYTHONDIR")
    os.environ["IPYTHONDIR"] = str(tmp_path_factory.mktemp("ipython"))
    yield Drawing(tmp_path_factory.mktemp("drawing"))
    os.environ.pop("IPYTHONDIR") if former is None else os.environ.update(IPYTHONDIR=former)
