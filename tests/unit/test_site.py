"""The site: every page is reached, every variable is documented, nothing is loaded from elsewhere."""

import json
import re

import pytest
import yaml
from tests.conftest import ROOT

DOCS = ROOT / "docs"
PAGES = sorted(DOCS.rglob("*.md"))


def navigation(entry) -> list[str]:
    """The pages below an entry of mkdocs.yml's `nav`."""
    if isinstance(entry, str):
        return [entry]
    entries = entry if isinstance(entry, list) else entry.values()
    return [page for one in entries for page in navigation(one)]


def test_every_page_stands_in_the_navigation():
    nav = navigation(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    assert sorted(nav) == sorted({path.relative_to(DOCS).as_posix() for path in PAGES})


def test_every_variable_of_the_code_is_documented():
    files = (ROOT / "lib").rglob("*.py")
    named = {name for path in files for name in re.findall(r'"(RUNBOOK_[A-Z_]+)"', path.read_text("utf-8"))}
    documented = (DOCS / "reference" / "environment.md").read_text("utf-8")
    assert named and not {name for name in named if f"`{name}`" not in documented}


def test_every_entry_of_a_plan_is_documented():
    page = (DOCS / "reference" / "plan.md").read_text("utf-8")
    schema = json.loads((DOCS / "runbook.schema.json").read_text("utf-8"))
    named = {name for kind in (schema, *schema["$defs"].values()) for name in kind["properties"]}
    assert named and not {name for name in named if f"| `{name}` | " not in page}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.name)
def test_a_page_loads_nothing_from_elsewhere(path):
    assert not re.search(r"!\[[^\]]*\]\(https?:|<(?:script|img|link)\b", path.read_text("utf-8"))


def test_a_list_in_a_verbs_help_stays_a_list():
    pages = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert "\\b" not in pages
    assert pages.count("\n  Exit codes:\n    0  ") == 2
