"""The notebooks as a person meets them: opened in JupyterLab in a real browser, run from top to bottom.

Screenshots go to outputs/screenshots/. With RUNBOOK_SCREENSHOTS=docs the two pictures of the README are made anew.
"""

import os
import re
from contextlib import suppress
from io import BytesIO
from itertools import pairwise

import numpy as np
import pytest
from matplotlib.image import imread
from playwright.sync_api import expect

from runbook.database import embedded
from runbook.plan import cells
from runbook.plan.plan import Plan
from tests.support.project import ROOT

pytestmark = pytest.mark.slow
PLAN = Plan.load(ROOT / "runbook.toml")
SCREENSHOTS = ROOT / "outputs" / "screenshots"
PICTURES = ROOT / "docs" / "images" if os.environ.get("RUNBOOK_SCREENSHOTS") == "docs" else None
IDLE = re.compile(r"^Python 3 .*\| Idle$")  # in the status bar
SHOWN = (2, "What became of the credits, by plan")  # the task and the chart of the README's picture
TALLEST = 8_000  # pixels of a screenshot; a longer notebook takes several
MINUTE = 60_000  # milliseconds
OUTPUTS = ".jp-Notebook .jp-OutputArea-output"
IN_SQL = '.jp-CodeCell .cm-content[data-language="runbook-sql"]'
ERRORS = f'{OUTPUTS}[data-mime-type="application/vnd.jupyter.error"]'
expect.set_options(timeout=MINUTE)
# Every text an output shows, with its colour and the colour behind it; WCAG's contrast of the two.
CONTRASTS = """
selector => {
  const channels = text => text.match(/[\\d.]+/g).map(Number);
  const luminance = ([r, g, b]) => [r, g, b].map(c => c / 255)
    .map(c => (c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
    .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = element => {
    for (let one = element; one; one = one.parentElement) {
      const colour = channels(getComputedStyle(one).backgroundColor);
      if (colour.length < 4 || colour[3] === 1) return colour;
    }
    return [255, 255, 255];
  };
  const poor = [];
  for (const element of document.querySelectorAll(selector)) {
    const own = [...element.childNodes].some(node => node.nodeType === 3 && node.textContent.trim());
    if (!own || !element.getClientRects().length) continue;
    const ground = behind(element), ink = channels(getComputedStyle(element).color);
    let opacity = 1;
    for (let one = element; one; one = one.parentElement) opacity *= Number(getComputedStyle(one).opacity);
    const seen = ink.slice(0, 3).map((c, i) => c * opacity + ground[i] * (1 - opacity));
    const [light, dark] = [luminance(seen), luminance(ground)].sort((a, b) => b - a);
    const ratio = (light + 0.05) / (dark + 0.05);
    if (ratio < 4.5) poor.push(`${ratio.toFixed(2)}: ${element.textContent.trim().slice(0, 60)}`);
  }
  return poor;
}
"""
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"
# Code that is wider than its cell.
CUT = "all => all.filter(one => one.scrollWidth > one.clientWidth + 1).map(one => one.textContent.slice(0, 60))"
HEADINGS = """
selector => [...document.querySelectorAll(selector)]
  .flatMap(root => [...root.querySelectorAll('h1, h2, h3, h4, h5, h6')]).map(heading => Number(heading.tagName[1]))
"""


@pytest.fixture(scope="module")
def page(browser):
    """One page for all notebooks, at the size of a laptop."""
    context = browser.new_context(viewport={"width": 1360, "height": 900}, color_scheme="light")
    found = context.new_page()
    found.set_default_timeout(2 * MINUTE)
    yield found
    context.close()


@pytest.fixture(scope="module")
def asked(page):
    """Every address the page asked for."""
    addresses = []
    page.on("request", lambda request: addresses.append(request.url))
    return addresses


@pytest.fixture(scope="module", params=PLAN.tasks, ids=lambda task: f"task {task.number}")
def task(request, page, asked, lab):
    """A task whose notebook was opened and run from top to bottom, and stands in front."""
    asked.clear()
    page.goto(lab.format(request.param.notebook.name))
    run_all(page)
    screenshot(page, f"notebook_{request.param.number}")
    if PICTURES and request.param.number == SHOWN[0]:
        picture(page)
    return request.param


def choose(cell):
    """Click on a cell until it is the active one: what ran before may scroll the page and choose the next cell."""
    for _ in range(20):
        cell.locator(".jp-InputPrompt").first.click()
        with suppress(AssertionError):
            return expect(cell).to_have_class(re.compile("jp-mod-active"), timeout=3000)
    raise AssertionError("The cell did not become the active one.")


def test_a_run_of_all_cells_that_fails_shows_the_cell_and_a_restarted_kernel_what_to_run(page, checkout, lab):
    embedded.reset(checkout, PLAN.environment("local"))
    page.goto(lab.format(PLAN.task(1).notebook.name))  # Task 0 was not run
    start_all(page)
    failed = page.locator(".jp-CodeCell.jp-mod-active").filter(has_text="NotAllowed · Task 1 needs Task 0 complete")
    expect(failed).to_be_in_viewport(ratio=1)
    page.get_by_role("menuitem", name="Kernel", exact=True).click()
    page.get_by_text("Restart Kernel…").first.click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()
    told = page.locator(OUTPUTS).filter(has_text="run the first two code cells")
    code = page.locator(".jp-CodeCell")
    magic = code.filter(has=page.locator('.cm-content[data-language="runbook-sql"]')).first
    for number, cell in enumerate((magic, code.last), 1):  # the last asks for the task
        choose(cell)
        page.keyboard.press("Shift+Enter")
        expect(told).to_have_count(number)
    assert page.locator(".Toastify__toast").count() == 0


def test_a_notebook_runs_from_top_to_bottom(page, asked, lab, task):
    assert page.locator(ERRORS).all_inner_texts() == []
    assert page.locator(f'{OUTPUTS}[data-mime-type="application/vnd.jupyter.stderr"]').all_inner_texts() == []
    outputs = page.locator(OUTPUTS)
    assert outputs.filter(has_text=f"Task {task.number} · {task.name}").count() >= 2  # header and gate
    assert outputs.filter(has_text="environment local").count() >= 1
    assert outputs.filter(has_text=re.compile(rf"elapsed .+ of {task.minutes} min")).count() == 1
    assert outputs.filter(has_text=f"Gate open · Task {task.number}").count() == 1
    assert page.locator(f"{OUTPUTS} [role=status]").filter(has_text="✗").count() == 0
    assert page.locator(f"{OUTPUTS} [role=status]").filter(has_text="✓ PASS").count() >= len(task.criteria)
    assert all(request.startswith(lab[: lab.index("/lab/")]) or request[:5] in {"data:", "blob:"} for request in asked)


def test_a_notebook_is_readable_by_everybody(page, task):
    images = page.locator(f"{OUTPUTS} img")
    assert images.count() >= 1
    assert images.evaluate_all("all => all.filter(one => !one.naturalWidth || !one.alt).length") == 0
    levels = page.evaluate(HEADINGS, ".jp-MarkdownCell .jp-RenderedMarkdown")
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert not [pair for pair in pairwise(levels) if pair[1] > pair[0] + 1]
    for theme, ground in (("Dark", 17), ("Light", 255)):
        in_theme(page, theme)
        chart = 255 * imread(BytesIO(images.last.screenshot()))  # the first may be taller than the window
        edge = np.median(chart[:, 2, :3], axis=0)  # a toolbar's shadow may lie on a corner
        assert edge.tolist() == pytest.approx([ground] * 3, abs=1)  # the page's own
        assert page.evaluate(CONTRASTS, f"{OUTPUTS} *, .jp-CodeCell .cm-line, .jp-CodeCell .cm-line *") == []
    wrapped = page.locator(".jp-CodeCell .cm-scroller").filter(has=page.locator(".cm-lineWrapping"))
    assert wrapped.evaluate_all(CUT) == []
    scrolled = page.locator(".jp-CodeCell .cm-scroller").count() - wrapped.count()
    assert scrolled == (task.number == 3)  # the outcomes that Task 3 declares stand in columns


def test_sql_has_colours(page, task):
    wanted = [one for one in cells.read_cells(task.notebook) if one.magic]
    in_sql = page.locator(IN_SQL)
    assert in_sql.count() == len(wanted)
    assert page.locator(".jp-CodeCell .cm-content").filter(has_text=re.compile("^%%")).count() == len(wanted)
    words = re.compile("^(SELECT|WITH|CREATE|ALTER|DO|BEGIN)$")
    first = in_sql.locator(".cm-line span").filter(has_text=words).first
    plain = in_sql.first.evaluate("one => getComputedStyle(one).color")
    assert first.evaluate("one => getComputedStyle(one).color") != plain


def test_the_report_opens_from_a_file(browser, finished):
    asked, page = [], browser.new_page(viewport={"width": 1200, "height": 900})
    page.on("request", lambda request: asked.append(request.url))
    page.goto((finished / "report.html").as_uri())
    screenshot(page, "report")
    assert page.locator("h1").count() == 1
    for theme in ("dark", "light"):
        page.emulate_media(color_scheme=theme)
        assert page.evaluate(CONTRASTS, "body *") == []
    assert not [address for address in asked if not address.startswith(("file:", "data:"))]
    if PICTURES:
        PICTURES.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=PICTURES / "report.png")


def run_all(page) -> None:
    """Restart the kernel and run all cells, as from the menu, and wait until the last one is done."""
    start_all(page)
    last = page.locator(".jp-CodeCell").last.locator(".jp-OutputArea-output")
    last.or_(page.locator(ERRORS)).first.wait_for(timeout=5 * MINUTE)
    page.get_by_text(IDLE).wait_for()


def start_all(page) -> None:
    """Restart the kernel and run all cells, as from the menu."""
    ready(page)
    page.get_by_role("menuitem", name="Run", exact=True).click()
    page.get_by_text("Restart Kernel and Run All Cells…").click()
    page.get_by_role("button", name="Confirm Kernel Restart").click()


def in_theme(page, name: str) -> None:
    """Change JupyterLab's theme, as from the menu."""
    page.get_by_role("menuitem", name="Settings", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text("Theme", exact=True).click()
    page.locator(".lm-Menu-itemLabel").get_by_text(f"JupyterLab {name}", exact=True).click()
    page.locator(f"body[data-jp-theme-light={'true' if name == 'Light' else 'false'}]").wait_for(state="attached")


def ready(page) -> None:
    """Wait until the notebook is there and its kernel idle."""
    page.locator(".jp-NotebookPanel .jp-CodeCell").first.wait_for()
    page.get_by_text(IDLE).wait_for()


def screenshot(page, name: str) -> None:
    """Keep the whole notebook, or page, as a picture."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    notebook = page.locator(".jp-NotebookPanel .jp-WindowedPanel-outer").first
    if not notebook.count():
        page.screenshot(path=SCREENSHOTS / f"{name}.png", full_page=True)
        return
    height = notebook.evaluate("one => one.scrollHeight")
    page.set_viewport_size({"width": 1360, "height": min(height + 200, TALLEST)})
    for top in range(0, height, TALLEST - 200):
        notebook.evaluate("(one, top) => { one.scrollTop = top }", top)
        page.evaluate(PAINTED)
        page.locator(".jp-NotebookPanel").first.screenshot(path=SCREENSHOTS / f"{name}_{top // (TALLEST - 200)}.png")
    page.set_viewport_size({"width": 1360, "height": 900})


def picture(page) -> None:
    """Make the README's picture of a step: a verdict, and the chart below it."""
    PICTURES.mkdir(parents=True, exist_ok=True)
    page.set_viewport_size({"width": 1200, "height": 1040})
    page.keyboard.press("Control+B")  # the file browser, out of the way
    page.locator(f'{OUTPUTS} img[alt^="{SHOWN[1]}"]').evaluate("one => one.scrollIntoView({block: 'end'})")
    page.evaluate(PAINTED)
    page.screenshot(path=PICTURES / "notebook.png")
    page.keyboard.press("Control+B")
