"""Expected results: an executed notebook is compared with the committed one by nbval's own comparison, offline.

nbval would execute the notebook again; on a target already migrated that compares the wrong thing. What nbval
lets pass is asserted here: every cell was executed, the sources agree, no image is missing.
"""

from collections import Counter
from dataclasses import asdict, dataclass, field
from os.path import commonprefix
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import nbformat
from nbval.plugin import IPyNbCell, coalesce_streams, get_sanitize_patterns, nocolors

from runbook.errors import UsageError

SANITIZERS = "sanitize.cfg"
SKIPPED = (
    "metadata", "traceback", "prompt_number", "output_type", "name", "execution_count", "image/png",
)  # fmt: skip
IGNORE, CHECK = "nbval-ignore-output", "nbval-check-output"
INJECTED = "injected-parameters"  # papermill's own cell, which only a run with other parameters has


@dataclass
class NotebookComparison:
    """What the comparison of one notebook found.

    Attributes:
        cells: number of code cells.
        compared: how many of them had their outputs compared.
        ignored: how many are tagged as varying.
        differences: one line each, beginning with the cell's number.
    """

    notebook: str
    cells: int = 0
    compared: int = 0
    ignored: int = 0
    differences: list[str] = field(default_factory=list)

    @property
    def passed(self) -> bool:
        """Whether there is no difference."""
        return not self.differences

    def summary(self) -> dict[str, Any]:
        """Return what the manifest keeps."""
        return {**asdict(self), "passed": self.passed}


class _Cell(IPyNbCell):  # type: ignore[misc]
    """nbval's cell, without the pytest session it usually lives in."""

    def format_output_compare(self, key: str, left: Any, right: Any) -> None:
        wanted, found = _around_difference(str(left), str(right))
        self.comparison_traceback.append(f"{key}: expected {wanted!r}, found {found!r}")


def compare_notebooks(executed: Path, expected: Path, *, strict: bool) -> NotebookComparison:
    """Compare an executed notebook with the expected one.

    Args:
        executed: what a run left.
        expected: the notebook of the same name in `outputs/expected/`.
        strict: compare every output not tagged as varying; otherwise only those tagged `nbval-check-output`.

    Raises:
        UsageError: a file is missing or is no notebook.
    """
    found, wanted = (_code_cells(path) for path in (executed, expected))
    result = NotebookComparison(executed.name, cells=len(wanted))
    if len(found) != len(wanted):
        result.differences.append(f"cell 0: expected {len(wanted)} code cells, found {len(found)}")
    comparer = _comparer(expected.parent / SANITIZERS)
    for number, (one, other) in enumerate(zip(found, wanted, strict=False), start=1):
        tags = other.metadata.get("tags", [])
        result.differences += [f"cell {number}: {problem}" for problem in _problems(one, other)]
        if IGNORE in tags:
            result.ignored += 1
        elif strict or CHECK in tags:
            result.compared += 1
            # What a cell prints arrives in one piece or in several, as it happens.
            outputs = coalesce_streams(one.outputs), coalesce_streams(other.outputs)
            if not comparer.compare_outputs(*outputs, SKIPPED):
                details = " ".join(" ".join(comparer.comparison_traceback).split())
                result.differences.append(f"cell {number}: {details}")
    return result


def keep_expected(executed: Path, expected: Path) -> None:
    """Make an executed notebook the expected one, without the times and places of its run."""
    notebook = nbformat.read(executed, as_version=4)
    notebook.metadata.pop("papermill", None)
    for cell in notebook.cells:
        cell.metadata = {key: value for key, value in cell.metadata.items() if key == "tags" and value}
    expected.parent.mkdir(parents=True, exist_ok=True)
    nbformat.write(notebook, expected)


def _code_cells(path: Path) -> list[Any]:
    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError:
        raise UsageError(
            f"There is no notebook {path}: run the batch first, or write it with --keep-expected."
        ) from None
    except nbformat.reader.NotJSONError:
        raise UsageError(f"{path} is no notebook: it is not valid JSON.") from None
    every = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return [cell for cell in every if INJECTED not in cell.metadata.get("tags", [])]


def _problems(found: Any, wanted: Any) -> list[str]:
    problems = []
    if found.source != wanted.source:
        problems.append("its source differs from the expected one")
    if found.execution_count is None:
        problems.append("it was not executed")
    problems += [f"it raised {output.ename}" for output in found.outputs if output.output_type == "error"]
    missing = _images(wanted) - _images(found)
    if missing:
        problems.append(f"{missing.total()} image(s) are missing")
    return problems


def _images(cell: Any) -> "Counter[str]":
    return Counter(kind for output in cell.outputs for kind in output.get("data", {}) if kind.startswith("image/"))


def _comparer(sanitizers: Path) -> Any:
    comparer = _Cell.__new__(_Cell)
    patterns = dict(get_sanitize_patterns(sanitizers.read_text(encoding="utf-8"))) if sanitizers.exists() else {}
    comparer.parent = SimpleNamespace(skip_compare=SKIPPED, sanitize_patterns=patterns)
    comparer.colors = nocolors
    return comparer


def _around_difference(*texts: str, before: int = 40, most: int = 160) -> list[str]:
    """Return of each text the part where they begin to differ, on one line."""
    lines = [" ".join(text.split()) for text in texts]
    start = max(len(commonprefix(lines)) - before, 0)  # noqa: RUF071 - texts, no paths
    parts = [line[start : start + most] for line in lines]
    return [
        ("…" if start else "") + part + ("…" if start + most < len(line) else "")
        for part, line in zip(parts, lines, strict=True)
    ]
