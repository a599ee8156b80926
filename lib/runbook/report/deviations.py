"""Deviations from the brief, read from the tables of the document a run's folder keeps."""

import re
from dataclasses import dataclass
from pathlib import Path

from runbook.evidence.model import Manifest

ROW = re.compile(r"^\|(.+)\|\s*$")
RULE = re.compile(r"^[\s|:-]+$")
BAR = re.compile(r"(?<!\\)\|")


@dataclass(frozen=True)
class DeviationTable:
    """A table of the document: the heading it stands under, its columns, and its rows."""

    heading: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def count(self) -> int:
        """How many deviations it holds."""
        return len(self.rows)


def deviations_of(folder: Path, manifest: Manifest) -> list[DeviationTable]:
    """Return the deviations kept with a run; none where it kept none."""
    path = folder / (manifest.deviations or "")
    return tables_in(path.read_text(encoding="utf-8")) if path.is_file() else []


def tables_in(markdown: str) -> list[DeviationTable]:
    """Return the tables of a Markdown text; code between backticks stays between them."""
    found: list[DeviationTable] = []
    heading, rows = "", []
    for line in [*markdown.splitlines(), ""]:
        if match := ROW.match(line):
            rows.append(tuple(cell.strip().replace(r"\|", "|") for cell in BAR.split(match[1])))
            continue
        if len(rows) > 2 and all(RULE.match(cell) for cell in rows[1]):
            found.append(DeviationTable(heading, rows[0], tuple(rows[2:])))
        rows = []
        if line.startswith("#"):
            heading = line.lstrip("# ").strip()
    return found
