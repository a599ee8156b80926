import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from bs4 import BeautifulSoup
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from tests.support import sample_run

from runbook.errors import UsageError
from runbook.report import notebook_html


def page_of(tmp_path: Path, content: nbformat.NotebookNode, name: str = "02_task.ipynb") -> BeautifulSoup:
    nbformat.write(content, tmp_path / name)
    page = notebook_html.render(tmp_path / name)
    assert page == (tmp_path / name).with_suffix(".html")
    return BeautifulSoup(page.read_text(encoding="utf-8"), "html.parser")


@pytest.fixture
def page(tmp_path: Path) -> BeautifulSoup:
    return page_of(tmp_path, sample_run.notebook("Task 2 · Schema & Data"))


def test_the_first_heading_is_the_title(page):
    assert page.title.string == page.h1.string == "Task 2 · Schema & Data"
    assert page.html["lang"] == "en"


def test_a_page_needs_no_network_and_runs_nothing(page):
    assert sample_run.outward(str(page)) == []
    assert page.find("meta", content=lambda text: text and text.startswith("default-src 'none'"))


def test_every_way_out_of_a_notebook_is_cut(tmp_path):
    hostile = new_notebook(
        cells=[
            new_markdown_cell(
                "# Out\n\n[words](https://example.org/a) ![picture](https://example.org/b.png)\n\n"
                '<script src="https://example.org/c.js"></script><iframe src="//example.org/d"></iframe>'
                '<b style="background:url(https://example.org/e.png)">bold</b>'
            ),
            new_code_cell(
                "1",
                execution_count=1,
                outputs=[
                    new_output(
                        "display_data",
                        data={
                            "text/html": "<style>@import 'https://example.org/f.css'; b { color: red }</style>"
                            '<link rel="stylesheet" href="https://example.org/g.css"><script>fetch()</script>'
                            '<b>kept</b><video poster="https://example.org/h.png"></video>'
                            '<img alt="map" src="//example.org/i.png">'
                        },
                    ),
                    new_output("display_data", data={"application/javascript": "alert(1)", "text/plain": "plain"}),
                ],
            ),
        ]
    )
    page = page_of(tmp_path, hostile)
    assert sample_run.outward(str(page)) == []
    text = page.get_text(" ", strip=True)
    for kept in ("words (https://example.org/a)", "[image not kept: picture]", "bold", "kept", "[image not kept: map]"):
        assert kept in text
    assert "alert" not in text


@pytest.mark.parametrize("magic", ["%%sql --retry", "%%check none: no rows", "%%backfill accounts", "%%concurrently"])
def test_sql_is_highlighted_below_its_magic(magic):
    html = notebook_html.highlighted(f"{magic}\n-- why\nSELECT id FROM accounts WHERE name < 'x'")
    assert html.startswith(f'<span class="m">{magic}</span>\n<span class="c1">-- why</span>')
    assert '<span class="k">SELECT</span>' in html
    assert BeautifulSoup(html, "html.parser").get_text().endswith("WHERE name < 'x'")


def test_code_in_columns_is_scrolled_and_other_code_wrapped(tmp_path):
    table = "\n".join(f"('{name}',{' ' * 60}'1',     '0',     '{'x' * 30}')," for name in "abcdef")
    cells = [new_code_cell(f"%%sql\n{source}", execution_count=1) for source in (table, "SELECT " + "x" * 200)]
    page = page_of(tmp_path, new_notebook(cells=cells))
    assert [pre.get("class") for pre in page.select(".source pre")] == [["table"], None]


def test_python_is_highlighted_as_python():
    assert '<span class="kn">import</span>' in notebook_html.highlighted("import runbook")
    assert '<span class="m">%%time</span>\n<span class="kn">import</span>' in notebook_html.highlighted(
        "%%time\nimport runbook"
    )


def test_a_source_is_shown_to_the_letter(page):
    shown = [pre.get_text() for pre in page.select(".source pre")]
    assert shown == [c.source for c in sample_run.notebook("x").cells if c.cell_type == "code"]


def test_tags_say_what_a_cell_does(page):
    assert [tag.string for tag in page.select(".tag")] == ["parameters", "reads only", "changes the target"]
    assert page.select_one(".took").string == "0.01 s"


def test_an_image_carries_its_text(page):
    assert page.img["alt"] == sample_run.ALT
    assert page.img["src"].startswith("data:image/png;base64,iVBOR")


def test_an_image_without_a_text_says_so(tmp_path):
    output = new_output("display_data", data={"image/png": sample_run.png()})
    content = new_notebook(cells=[new_code_cell("draw()", execution_count=1, outputs=[output])])
    assert page_of(tmp_path, content).img["alt"] == "A figure without a description"
    assert notebook_html.charts(tmp_path / "02_task.ipynb") == []


def test_charts_are_captioned_by_their_first_sentence(tmp_path):
    page_of(tmp_path, sample_run.notebook("Task"))
    (chart,) = notebook_html.charts(tmp_path / "02_task.ipynb")
    assert (chart.caption, chart.alt) == ("Allocation by plan, before and after", sample_run.ALT)
    assert chart.source == f"data:image/png;base64,{sample_run.png()}"


@pytest.mark.parametrize(
    ("text", "first"),
    [("One. Two", "One"), ("Took 3.5 s. More", "Took 3.5 s"), ("No stop", "No stop"), ("Why? So", "Why"), ("", "")],
)
def test_the_first_sentence_ends_where_it_ends(text, first):
    assert notebook_html.first_sentence(text) == first


def test_columns_of_numbers_are_aligned(page):
    assert [th.get_text() for th in page.select("table th.num")] == ["organizations"]
    assert [td.get_text() for td in page.select("table td.num")] == ["1,250", "12"]


def test_the_contents_lead_to_the_steps(page):
    links = {link.string: link["href"] for link in page.select("nav a")}
    assert list(links) == ["2.1 · Schema", "2.1.1 · Columns", "Gate"]
    assert [page.select_one(target).string for target in links.values()] == list(links)


def test_bold_words_that_begin_a_line_begin_one_on_the_page(page):
    assert "Ask.<br/>" in str(page).replace("\n", "")


def test_a_link_to_another_notebook_leads_to_its_page(page):
    assert page.find("a", string="the next")["href"] == "01_next.html"


def test_where_a_notebook_stopped_cannot_be_missed(tmp_path):
    page = page_of(tmp_path, sample_run.stopped(sample_run.notebook("Task"), "found 3 rows"))
    top, here = page.select(".stopped")
    assert top.a["href"] == "#papermill-error-cell"
    assert here.find(id="papermill-error-cell")
    assert here.find_next_sibling("section")["class"] == ["cell", "failed"]
    assert "GateShut · found 3 rows" in page.select_one(".error").get_text()
    assert [mark.string for mark in page.select(".notrun")] == ["not run"] * 3
    assert "3 of 6 code cells were not run" in page.select_one(".unfinished").get_text()


def test_the_report_is_linked_from_a_run(tmp_path):
    (tmp_path / "manifest.json").write_text("{}")
    assert page_of(tmp_path, sample_run.notebook("Task")).select_one(".about a")["href"] == "report.html"


@pytest.mark.parametrize("content", ["", "{", "[]", '{"cells": 1}'])
def test_what_is_no_notebook_is_refused(tmp_path, content):
    (tmp_path / "x.ipynb").write_text(content)
    with pytest.raises(UsageError, match=r"x\.ipynb cannot be read as a notebook"):
        notebook_html.render(tmp_path / "x.ipynb")


def test_nothing_slow_is_imported_before_it_is_needed():
    slow = "{'nbconvert', 'nbformat', 'bs4', 'pygments'}"
    code = f"import sys, runbook.report.notebook_html; print({slow} & set(sys.modules))"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "set()"
