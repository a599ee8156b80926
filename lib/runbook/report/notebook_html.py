"""Pages: an executed notebook as one HTML file that opens offline, and the charts it drew."""

import json
import re
from dataclasses import dataclass
from functools import cache
from html import escape
from pathlib import Path
from typing import Any

from runbook.errors import UsageError
from runbook.plan import cells
from runbook.report import offline_html

TEMPLATES = Path(__file__).parent / "templates"
COLUMNS = re.compile(r"\S {3,}\S")
MEANINGS = {
    "parameters": "parameters",
    "injected-parameters": "parameters of this run",
    "apply": "changes the target",
    "probe": "does and undoes",
    "verify": "reads only",
}


@dataclass(frozen=True)
class Chart:
    """An image a notebook drew.

    Attributes:
        caption: the first sentence of `alt`.
        alt: what the image shows, in words.
        source: a data URL.
    """

    caption: str
    alt: str
    source: str


def render(notebook: Path) -> Path:
    """Write an executed notebook as HTML beside it and return the page; see `html`."""
    page = notebook.with_suffix(".html")
    page.write_text(html(notebook), encoding="utf-8")
    return page


def html(notebook: Path) -> str:
    """Return an executed notebook as HTML: the same page from the same file, whenever and wherever it is made.

    Raises:
        UsageError: the file is not a notebook.
    """
    import nbformat

    try:
        content = nbformat.read(notebook, as_version=4)
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UsageError(f"{notebook} cannot be read as a notebook: {error}.") from None
    about = _about(notebook, content)
    about["contents"] = _prepare(content)
    page, _ = _exporter().from_notebook_node(content, {"page": about})
    return str(page)


def charts(notebook: Path) -> list[Chart]:
    """Return the PNG images of an executed notebook that carry a text, in their order."""
    found = []
    for cell in json.loads(notebook.read_text(encoding="utf-8"))["cells"]:
        for output in cell.get("outputs", ()):
            alt = alternative(output, "image/png", "")
            if alt and "image/png" in output.get("data", ()):
                data = "".join("".join(output["data"]["image/png"]).split())
                found.append(Chart(first_sentence(alt), alt, f"data:image/png;base64,{data}"))
    return found


def first_sentence(text: str) -> str:
    """Return the first sentence of a text, without its full stop."""
    return re.split(r"[.!?](?=\s|$)", text.strip(), maxsplit=1)[0]


def alternative(output: dict[str, Any], kind: str, default: str = "A figure without a description") -> str:
    """Return the text that stands for an image of this MIME type: the `alt` it was displayed with."""
    about = output.get("metadata", {}).get(kind)
    return str(about.get("alt") or default) if isinstance(about, dict) else default


def highlighted(source: str) -> str:
    """Return a cell's source as HTML: SQL below a magic that takes SQL, Python otherwise."""
    from pygments import highlight
    from pygments.formatters import HtmlFormatter
    from pygments.lexers.python import PythonLexer
    from pygments.lexers.sql import PostgresLexer

    lexer = PostgresLexer if cells.MAGIC.match(source) else PythonLexer
    magic = ""
    if source.startswith("%%"):
        head, _, source = source.partition("\n")
        magic = f'<span class="m">{escape(head)}</span>\n'
    return (magic + str(highlight(source, lexer(stripnl=False), HtmlFormatter(nowrap=True)))).rstrip("\n")


def in_columns(source: str) -> bool:
    """Tell whether code stands in columns, which wrapped lines would tear apart; JupyterLab is told the same."""
    return sum(len(line) > 100 and bool(COLUMNS.search(line)) for line in source.splitlines()) > 5


@cache
def _exporter() -> Any:
    from nbconvert.exporters.templateexporter import TemplateExporter

    return TemplateExporter(
        template_name="base",
        template_file="notebook.html.j2",
        extra_template_basedirs=[],
        extra_template_paths=[str(TEMPLATES)],
        filters={"highlighted": highlighted, "in_columns": in_columns, "alternative": alternative},
    )


def _about(notebook: Path, content: Any) -> dict[str, Any]:
    """Return what the page says of the notebook as a whole."""
    code = [cell for cell in content.cells if cell.cell_type == "code" and cell.source.strip()]
    waiting = [cell for cell in code if not cell.execution_count]
    run = content.metadata.get("papermill", {})
    start, seconds = str(run.get("start_time") or "")[:19].replace("T", " "), run.get("duration")
    executed = f"executed {start} UTC" if start else ""
    return {
        "title": _title(content) or notebook.stem,
        "file": notebook.name,
        "executed": f"{executed} in {seconds:.1f} s" if executed and isinstance(seconds, float) else executed,
        "cells": len(code),
        "waiting": len(waiting),
        "meanings": MEANINGS,
    }


def _title(content: Any) -> str:
    for cell in content.cells:
        match = re.search(r"^# +(.+)$", cell.source, re.MULTILINE) if cell.cell_type == "markdown" else None
        if match:
            return str(match[1]).strip()
    return ""


def _prepare(content: Any) -> list[offline_html.Heading]:
    """Turn Markdown into HTML, make all HTML fit for an offline page, and return the headings."""
    headings: list[offline_html.Heading] = []
    for cell in content.cells:
        if cell.cell_type == "markdown":
            cell["html"] = offline_html.fit(_html(cell.source), headings)
        for output in cell.get("outputs", ()):
            for kind, text in output.get("data", {}).items():
                if kind == "text/html":
                    output.data[kind] = offline_html.fit(text)
                elif kind == "text/markdown":
                    output.data[kind] = offline_html.fit(_html(text))
    return headings


def _html(markdown: str) -> str:
    """Return Markdown as HTML; **Expected** and the like, where they begin a line, begin one on the page too."""
    from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

    html = MarkdownWithMath(renderer=IPythonRenderer(escape=False, exclude_anchor_links=True)).render(markdown)
    return re.sub(r"(?<!<br />)\n<strong>", "<br>\n<strong>", str(html))
