"""Notebook files as the batch sees them: their headings, their places, and a generated one for the rollback."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from runbook.evidence import manifest
from runbook.plan import cells, rollback_script
from runbook.plan.plan import Task


def headings(notebook: Any) -> list[str]:
    """Return, for every cell, the heading it stands under."""
    current, found = "", []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            for line in cell.source.splitlines():
                if line.startswith("#"):
                    current = line.lstrip("# ")
        found.append(current)
    return found


def cells_of(path: Path) -> list[dict[str, Any]]:
    """Return the cells of a notebook's file as they stand there.

    Raises:
        ValueError: it is no JSON.
        KeyError: it has no cells.
    """
    found: list[dict[str, Any]] = json.loads(path.read_bytes())["cells"]
    return found


def place(cells: Sequence[Mapping[str, Any]], index: int) -> str:
    """Say where a cell stands: `cell 12 ([7], under “2.1 · Schema”)`, counted from the top, with its number in Lab."""
    heading = ""
    for cell in cells[: index + 1]:
        if cell.get("cell_type") == "markdown":  # whoever altered it may have taken anything away
            source = cell.get("source", "")
            text = "".join(map(str, source)) if isinstance(source, list) else str(source)
            found = re.findall(r"^#+ (.+?)\s*$", text, re.MULTILINE)
            heading = found[-1] if found else heading
    number = cells[index].get("execution_count")
    about = [f"[{number}]"] if number else []
    about += [f"under “{heading}”"] if heading else []
    return f"cell {index + 1}" + (f" ({', '.join(about)})" if about else "")


def mark_stop(path: Path, index: int, message: str) -> None:
    """Show in an executed notebook where it stopped, as papermill does where a cell raised.

    papermill leaves no mark where the kernel died, the run was interrupted, or a cell ended the kernel.

    Args:
        path: the notebook's file.
        index: of the cell that was started last.
        message: why it stopped.
    """
    import nbformat
    from nbformat.v4 import new_markdown_cell
    from papermill.execute import ERROR_ANCHOR_MSG, ERROR_MARKER_TAG, ERROR_MESSAGE_TEMPLATE

    notebook = nbformat.read(path, as_version=4)
    if any(ERROR_MARKER_TAG in cell.metadata.get("tags", ()) for cell in notebook.cells):
        return
    tags = {"tags": [ERROR_MARKER_TAG]}
    number = notebook.cells[index].get("execution_count") or " "
    notebook.cells.insert(index, new_markdown_cell(f"{ERROR_ANCHOR_MSG}\n\n{message}", metadata=tags))
    notebook.cells.insert(0, new_markdown_cell(ERROR_MESSAGE_TEMPLATE % number, metadata=tags))
    manifest.write_whole(path, nbformat.writes(notebook))


def read_notebook(task: Task) -> Any:
    """Return the notebook of a task, as nbformat reads it."""
    import nbformat

    return nbformat.read(task.notebook, as_version=4)


def rollback_notebook(task: Task) -> Any:
    """Return the notebook that reverses a task: its rollback script's parts, the drops, and the proof.

    Raises:
        UsageError: the task has no rollback script, or one that is not in parts.
    """
    import nbformat
    from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

    parts = rollback_script.rollback_parts(task)
    made = [
        new_markdown_cell(
            f"# Rollback of Task {task.number} · {task.name}\n\n"
            "**Purpose** Give back everything this task changed, and leave alone what others changed since.  \n"
            "**Expected** Everything is as it was before the task, but for what others changed since: to the byte "
            "where nobody did.  \n"
            "**If it fails** Mend what is named and roll back again: what is done is not done twice.\n\n"
            "**Operator's note** _(who, when, why)_"
        ),
        new_code_cell(_parameters_cell(task), metadata={"tags": ["parameters"]}),
        new_code_cell(f"import runbook\n\ntask = runbook.begin({task.number}, undo=True)"),
    ]
    for place, part in enumerate(parts, 1):
        title = part.heading if len(parts) == 1 else f"{place} of {len(parts)} · {part.heading}"
        made += [new_markdown_cell(f"## {title}"), new_code_cell(part.source, metadata={"tags": ["apply"]})]
    if not any(part.drops for part in parts):
        made += [
            new_markdown_cell(
                "## Drop what this task made\n\nWhat is on record as made by it and still stands, and nothing else; "
                "one transaction."
            ),
            new_code_cell("task.drop_made()", metadata={"tags": ["apply"]}),
        ]
    made += [new_markdown_cell("## Prove it"), new_code_cell("task.conclude()")]
    notebook = new_notebook(cells=made)
    notebook.metadata = nbformat.from_dict(
        {
            "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
            "language_info": {"name": "python"},
        }
    )
    return notebook


def _parameters_cell(task: Task) -> str:
    """Return the source of the cell that declares the parameters of a task's notebook."""
    tagged = (cell for cell in cells.read_cells(task.notebook) if "parameters" in cell.tags)
    return next(tagged).source
