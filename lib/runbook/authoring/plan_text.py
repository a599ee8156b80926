"""The text of a runbook.toml, changed where it must be and nowhere else: comments and layout are the author's."""

import re
from collections.abc import Iterator

from runbook.errors import UsageError
from runbook.plan.plan import FILE

HEADER = re.compile(r"^\[", re.MULTILINE)
TASK = re.compile(r"^\[\[tasks\]\].*$", re.MULTILINE)
INDENT = "    "


def append(text: str, task: int, key: str, item: str) -> str:
    """Return the plan's text with one more item at the end of an array of a task.

    Args:
        text: of the plan, valid TOML.
        task: number of the task.
        key: name of the array.
        item: as TOML writes it.

    Raises:
        UsageError: the task does not write such an array on lines of its own.
    """
    start, end = _block(text, task)
    found = re.search(rf"^{key}\s*=\s*\[", text[start:end], re.MULTILINE)
    if found is None:
        raise UsageError(f"Task {task} has no array {key!r} in {FILE}: write it there, and try again.")
    opening = start + found.end() - 1
    last, closing = _ends(text, opening)
    comma = "" if text[last] in "[," else ","
    if "\n" not in text[last:closing]:
        space = " " if comma else ""
        return f"{text[: last + 1]}{comma}{space}{item}{text[last + 1 :]}"
    line = text.rfind("\n", 0, closing)
    return f"{text[: last + 1]}{comma}{text[last + 1 : line]}\n{INDENT}{item},{text[line:]}"


def _block(text: str, task: int) -> tuple[int, int]:
    """Return where the entries of a task begin and end."""
    for found in TASK.finditer(text):
        after = HEADER.search(text, found.end())
        end = after.start() if after else len(text)
        if re.search(rf"^number\s*=\s*{task}\b", text[found.end() : end], re.MULTILINE):
            return found.end(), end
    raise UsageError(f"{FILE} writes Task {task} in another form than `[[tasks]]`: add the step there by hand.")


def _ends(text: str, opening: int) -> tuple[int, int]:
    """Return the place of the last sign within an array that means something, and that of its closing bracket."""
    depth, last = 0, opening
    for place, sign in _signs(text, opening):
        depth += (sign in "[{") - (sign in "]}")
        if not depth:
            return last, place
        last = place
    raise AssertionError("the text is no TOML")


def _signs(text: str, start: int) -> Iterator[tuple[int, str]]:
    """Yield place and sign of what is neither blank nor a comment; a string is its last quotation mark alone."""
    token = re.compile(r"#[^\n]*|\"(?:\\.|[^\"\\\n])*\"|'[^'\n]*'|\S")
    for found in token.finditer(text, start):
        if not found[0].startswith("#"):
            yield found.end() - 1, found[0][-1] if len(found[0]) == 1 else "'"
