"""Templates of what an author begins with, and notebooks made of them.

A notebook's template is text: a line `# %% TAGS` begins a code cell, `# %% [markdown]` a cell of prose.
"""

import re
from functools import cache
from pathlib import Path
from typing import Any

import jinja2
from nbformat import NotebookNode, from_dict
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

FOLDER = Path(__file__).parent / "templates"
CELL = re.compile(r"^# %%(.*)\n", re.MULTILINE)
PROSE = "[markdown]"
KERNEL = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}


def render(template: str, /, **words: Any) -> str:
    """Return the template of this name with words filled in."""
    return _environment().get_template(f"{template}.j2").render(words)


def cells_of(text: str, prefix: str) -> list[NotebookNode]:
    """Return the cells a rendered template holds; each has the prefix and its place as its id."""
    _, *parts = CELL.split(text)
    found = []
    for place, (tags, source) in enumerate(zip(parts[::2], parts[1::2], strict=True), 1):
        about = {"id": f"{prefix}-{place:02}"}
        if tags.strip() == PROSE:
            found.append(new_markdown_cell(source.strip(), **about))
        else:
            metadata = {"tags": tags.split()} if tags.strip() else {}
            found.append(new_code_cell(source.strip(), metadata=metadata, **about))
    return found


def notebook_of(text: str) -> NotebookNode:
    """Return the notebook a rendered template holds."""
    made: NotebookNode = new_notebook(cells=cells_of(text, "cell"), metadata=from_dict(KERNEL))
    return made


@cache
def _environment() -> jinja2.Environment:
    return jinja2.Environment(  # noqa: S701 - no HTML comes of it
        loader=jinja2.FileSystemLoader(FOLDER),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
