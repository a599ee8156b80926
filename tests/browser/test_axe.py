"""Every page a run leaves, under axe-core: no violation, on a light phone and a dark laptop, folds open."""

import json
import subprocess
import sys
from pathlib import Path

import axe_playwright_python
import pytest

from runbook.fleet import page
from runbook.plan.plan import Plan
from runbook.report import comparison, notebook_html, report
from tests.support import sample_run
from tests.support.project import ROOT

pytestmark = pytest.mark.slow
AXE = (Path(axe_playwright_python.__file__).parent / "axe.min.js").read_text(encoding="utf-8")
SCREENS = ((390, "light"), (1280, "dark"))  # pixels and theme: a phone, a laptop
UNFOLD = "() => document.querySelectorAll('details').forEach(one => { one.open = true })"
# Words in code have a test of their colours of their own, and are most of a page.
RUN = "() => axe.run({exclude: [['pre *']]}, {resultTypes: ['violations']})"
WIDER = "() => document.documentElement.scrollWidth - document.documentElement.clientWidth"
FLEET = """
[fleets.crm]
targets = "crm.json"
approvers = 2
[figures]
rows = ["moved", "rows"]
"""


@pytest.fixture(scope="module")
def tab(browser):
    context = browser.new_context()
    found = context.new_page()
    found.set_default_timeout(120_000)
    yield found
    context.close()


@pytest.fixture(scope="module")
def folders(plan, tmp_path_factory):
    """The folder of a complete run, and of one that a check stopped."""
    folder = tmp_path_factory.mktemp("runs")
    complete = sample_run.manifest(plan)
    failed = sample_run.failed(complete) | {"run_id": "20261122T120000.000Z"}
    found = [sample_run.write(folder / run["run_id"], run) for run in (complete, failed)]
    for one in found:
        for notebook in one.glob("*.ipynb"):
            notebook_html.render(notebook)
        report.build_report(one)
    return found


def violations(tab, address: Path) -> list[str]:
    """Return what axe-core finds on a page, and by how many pixels the page is wider than the screen."""
    found = []
    for width, theme in SCREENS:
        tab.emulate_media(color_scheme=theme)
        tab.set_viewport_size({"width": width, "height": 900})
        tab.goto(address.as_uri())
        tab.evaluate(UNFOLD)
        tab.evaluate(AXE)
        for one in tab.evaluate(RUN)["violations"]:
            found += [f"{width}: {one['id']}: {node['html'][:120]} {node['failureSummary']}" for node in one["nodes"]]
        if wider := tab.evaluate(WIDER):
            found.append(f"{width}: {wider} pixels wider than the screen")
    return found


def test_the_report_of_a_run_and_its_notebooks_are_for_everybody(tab, finished):
    for name in ("report.html", "04_performance_and_optimization.html"):
        assert violations(tab, finished / name) == []


def test_a_phone_shows_the_timeline_and_every_gate_whole_and_charts_that_can_be_read(tab, finished):
    tab.set_viewport_size({"width": 390, "height": 900})
    tab.goto((finished / "report.html").as_uri())
    cut = "one => one.parentElement.scrollWidth - one.parentElement.clientWidth"
    assert [tab.locator(name).evaluate(cut) for name in (".timeline", ".quality")] == [0, 0]
    assert tab.locator("figure img").first.evaluate("one => one.clientWidth") > 600


@pytest.mark.parametrize("name", ["report.html", "05_audit_logging_verification.html"])
def test_paper_cuts_no_table(tab, finished, name):
    tab.emulate_media(media="print")
    tab.set_viewport_size({"width": 690, "height": 900})  # of an A4 page, without its margins
    tab.goto((finished / name).as_uri())
    wider = tab.evaluate(WIDER)
    tab.emulate_media(media="screen")
    assert wider == 0


def test_the_page_of_a_preflight_is_for_everybody(tab, checkout, finished, tmp_path):
    command = [sys.executable, "-m", "runbook", "preflight", "--no-probes", "--html"]
    shown = subprocess.run(command, cwd=checkout, capture_output=True, text=True, check=False, timeout=120).stdout
    assert "<h2>Findings</h2>" in shown
    (tmp_path / "preflight.html").write_text(shown, encoding="utf-8")
    assert violations(tab, tmp_path / "preflight.html") == []


def test_a_page_is_dark_on_a_dark_screen_and_light_on_paper(tab, folders):
    ground = "() => getComputedStyle(document.body).backgroundColor"
    tab.goto((folders[0] / "report.html").as_uri())
    found = []
    for media, theme in (("screen", "light"), ("screen", "dark"), ("print", "dark")):
        tab.emulate_media(media=media, color_scheme=theme)
        found.append(tab.evaluate(ground))
    tab.emulate_media(media="screen")
    assert found == ["rgb(255, 255, 255)", "rgb(17, 17, 17)", "rgb(255, 255, 255)"]


def test_the_report_of_a_rollback_is_for_everybody(tab, reversed_):
    assert violations(tab, reversed_ / "report.html") == []


def test_the_pages_of_a_failed_run_are_for_everybody(tab, folders):
    for name in ("report.html", "02_multi_credit_system_migration.html"):
        assert violations(tab, folders[1] / name) == []


def test_a_comparison_is_for_everybody(tab, folders):
    assert violations(tab, comparison.build_comparison(*folders)) == []


def test_the_page_of_a_fleet_is_for_everybody(tab, folders, tmp_path):
    text = (ROOT / "tests" / "toy" / "runbook.toml").read_text(encoding="utf-8")
    (tmp_path / "runbook.toml").write_text(text + FLEET, encoding="utf-8")
    names = ["eu-1", "eu-2", "us-1"]
    (tmp_path / "crm.json").write_text(json.dumps([{"target": name} for name in names]), encoding="utf-8")
    for name, folder in zip(names, folders, strict=False):
        run = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        run |= {"plan": "toy", "environment": f"crm/{name}"}
        sample_run.write(tmp_path / "outputs" / "crm" / name / run["run_id"], run)
    found = Plan.load(tmp_path / "runbook.toml")
    assert violations(tab, page.build(found, found.fleets["crm"])[0]) == []
