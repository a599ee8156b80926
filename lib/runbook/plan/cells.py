"""The cells of a notebook as they are written: its steps, its SQL, the checks it declares. Nothing is executed."""

import ast
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from runbook.errors import UsageError

HEADING = re.compile(r"^#{2,} (\d+(?:\.\d+)*) · .+$", re.MULTILINE)
UNNUMBERED = re.compile(r"^#{2,} (?!\d)", re.MULTILINE)
LABELS = "Purpose|Prerequisites|Impact|Rollback|Expected|If it fails"
PROSE = re.compile(rf"\*\*({LABELS})\*\*\s+(.*?)(?=\s*\*\*(?:{LABELS})\*\*|\n\s*\n|\Z)", re.DOTALL)
MAGICS = ("sql", "check", "finding", "backfill", "concurrently")  # a test holds who else knows their names
MAGIC = re.compile(rf"%%({'|'.join(MAGICS)})\b *(.*)")
DECIDED = ("criterion", "trigger", "deliverable", "box", "gate")  # what a check may decide
CHECK_HEAD = re.compile(rf"^-- ({'|'.join(DECIDED)}|as|else): (.+?)\s*$", re.MULTILINE)
DELIVERED = "delivered: {}"  # the name of the check by which a task delivers
AS_DUE = "= as due"  # what the check of a %%backfill expects
VARIES = "…"  # stands for what is known only when the cell runs


@dataclass(frozen=True)
class Cell:
    """A cell.

    Attributes:
        kind: `markdown` or `code`.
        step: number of the step it stands under, empty before the first.
    """

    kind: str
    source: str
    tags: frozenset[str]
    step: str

    @property
    def magic(self) -> tuple[str, str] | None:
        """Name and line of the SQL magic it begins with, or None."""
        found = MAGIC.match(self.source) if self.kind == "code" else None
        return (found[1], found[2].strip()) if found else None

    @property
    def body(self) -> str:
        """The source without the magic's line."""
        return self.source.partition("\n")[2].strip() if self.magic else self.source


@dataclass(frozen=True)
class DeclaredCheck:
    """A check as its cell declares it; `…` stands where the cell decides the words when it runs."""

    step: str
    name: str
    expected: str
    criterion: str | None = None
    trigger: str | None = None
    deliverable: str | None = None
    box: str | None = None
    gate: str | None = None


def read_cells(path: Path) -> list[Cell]:
    """Return the cells of a notebook, in order.

    Raises:
        UsageError: it is missing, or is no notebook.
    """
    try:
        about = path.stat()
        return list(_cells(path, about.st_mtime_ns, about.st_size))
    except FileNotFoundError:
        raise UsageError(f"The notebook {path} is missing.") from None
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError):
        raise UsageError(f"{path} is no notebook: it is not valid JSON with cells.") from None


@lru_cache(maxsize=64)  # a gate reads each notebook many times; one that was written since is read anew
def _cells(path: Path, _written: int, _size: int) -> tuple[Cell, ...]:
    found, step = [], ""
    for cell in json.loads(path.read_text(encoding="utf-8"))["cells"]:
        source = "".join(cell["source"])
        if cell["cell_type"] == "markdown":
            step = (HEADING.findall(source) or [step])[-1]
        tags = frozenset(cell.get("metadata", {}).get("tags", ()))
        found.append(Cell(cell["cell_type"], source, tags, step))
    return tuple(found)


def headings(cell: Cell) -> list[str]:
    """Return the numbers of the steps that begin in a cell."""
    return HEADING.findall(cell.source) if cell.kind == "markdown" else []


def is_named(name: str, declared: str) -> bool:
    """Tell whether a check that runs under `name` is the declared one, whose `…` stands for what its cell decides."""
    return bool(re.fullmatch(".+".join(map(re.escape, declared.split(VARIES))), name))


def backfilled(line: str) -> tuple[str, str]:
    """Return what a %%backfill's line says: the table and, after a colon, the name of its check, or ""."""
    table, _, name = line.partition(": ")
    return table.strip(), name.strip()


def changes_target(path: Path) -> bool:
    """Tell whether a notebook changes the target: whether one of its cells is tagged `apply`."""
    return any("apply" in cell.tags for cell in read_cells(path))


def prose(path: Path) -> dict[str, dict[str, str]]:
    """Return what the notebook says of each step: number → label → text.

    The labels are those of `LABELS`; the number is empty for the head of the notebook. What stands under a heading
    without a number is of no step.
    """
    text = "\n\n".join(cell.source for cell in read_cells(path) if cell.kind == "markdown")
    first, *rest = HEADING.split(text)
    sections = {"": first} | dict(zip(rest[::2], rest[1::2], strict=True))
    return {
        number: {label: " ".join(words.split()) for label, words in PROSE.findall(UNNUMBERED.split(section)[0])}
        for number, section in sections.items()
    }


def checks(path: Path) -> list[DeclaredCheck]:
    """Return the checks of a notebook, in order: `%%check` and named `%%backfill` cells, calls of `.check(…)`."""
    found: list[DeclaredCheck] = []
    for cell in read_cells(path):
        magic, line = cell.magic or ("", "")
        heads = dict(CHECK_HEAD.findall(cell.source))
        decides = [heads.get(sort) for sort in DECIDED]
        if magic == "check":
            name, _, expected = line.rpartition(": ")
            found.append(DeclaredCheck(cell.step, name.strip(), expected, *decides))
        elif magic == "backfill" and (name := backfilled(line)[1]):
            found.append(DeclaredCheck(cell.step, name, AS_DUE, *decides))
        elif cell.kind == "code" and not cell.magic:
            found.extend(_calls(cell))
    return found


def _calls(cell: Cell) -> Iterator[DeclaredCheck]:
    if not re.search(r"\.(check|deliver)\(", cell.source):  # parsing takes longer than looking
        return
    try:
        tree = ast.parse(cell.source)
    except SyntaxError:  # IPython's own syntax: no checks there
        return
    for node in ast.walk(tree):
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            continue
        keywords = {keyword.arg: _text(keyword.value) for keyword in node.keywords if keyword.arg}
        if node.func.attr == "check":
            words = dict(zip(("name", "found", "expected"), map(_text, node.args), strict=False)) | keywords
            decides = [words.get(sort) for sort in DECIDED]
            yield DeclaredCheck(cell.step, words.get("name") or VARIES, words.get("expected") or VARIES, *decides)
        elif node.func.attr == "deliver":
            name = _text(node.args[0]) if node.args else keywords.get("name")
            said = DELIVERED.format(name or VARIES)
            yield DeclaredCheck(cell.step, said, "true", deliverable=name, gate=keywords.get("gate"))


def _text(node: ast.expr) -> str | None:
    if isinstance(node, ast.Constant):
        return None if node.value is None else str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else VARIES for part in node.values)
    return VARIES
