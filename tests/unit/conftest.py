"""A made-up run, and its report as a page to look into."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bs4 import BeautifulSoup
from tests.support import sample_run

from runbook.plan.plan import Plan
from runbook.report import notebook_html, report

Build = Callable[[dict[str, Any]], BeautifulSoup]


@pytest.fixture
def complete(plan: Plan) -> dict[str, Any]:
    return sample_run.manifest(plan)


@pytest.fixture
def build(plan: Plan, tmp_path: Path) -> Build:
    def built(manifest: dict[str, Any]) -> BeautifulSoup:
        folder = sample_run.write(tmp_path / "run", manifest)
        for notebook in folder.glob("*.ipynb"):
            notebook_html.render(notebook)
        page = report.build_report(folder)
        assert page == folder / "report.html"
        return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")

    return built
