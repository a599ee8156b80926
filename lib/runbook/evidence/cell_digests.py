"""The digests of a notebook's cells, and of JSON values, so that an alteration can be named by its place."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from runbook.evidence import notebooks, standalone

CELL = ("cell_type", "id", "source", "execution_count", "outputs", "attachments")
METADATA = ("tags", "papermill")
LARGEST = 1 << 24  # bytes of a notebook that is opened to name a cell


def json_digest(value: Any) -> str:
    """Return the SHA-256 of anything JSON can hold: sorted keys, no spaces, ASCII escapes."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def cells(path: Path) -> list[str]:
    """Return the digest of each cell of a notebook; see `content`.

    Raises:
        ValueError: it is no JSON; KeyError, TypeError, AttributeError, RecursionError: it is no notebook.
    """
    return [json_digest(content(cell)) for cell in notebooks.cells_of(path)]


def content(cell: dict[str, Any]) -> dict[str, Any]:
    """Return the part of a cell that counts, without how a browser showed it, such as folded outputs."""
    kept = {name: cell[name] for name in CELL if name in cell}
    metadata = cell.get("metadata") or {}
    kept["metadata"] = {name: metadata[name] for name in METADATA if name in metadata}
    joined: dict[str, Any] = _joined(kept)
    return joined


def differing_cells(path: Path, sealed: Sequence[str]) -> str:
    """Say how a notebook that is not the one sealed differs from it, naming the first cell that does."""
    try:
        if path.stat().st_size > LARGEST:
            return "it is too large to look into"
        found = json.loads(standalone.bounded(path, LARGEST))["cells"]
        now = [json_digest(content(cell)) for cell in found]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError, OSError):
        return "it is no notebook any more"
    differing = [place for place, pair in enumerate(zip(now, sealed, strict=False)) if pair[0] != pair[1]]
    first = notebooks.place(found, differing[0]) if differing else ""
    if len(now) != len(sealed):
        return f"it has {len(now)} cells, not {len(sealed)}" + (f"; the first that differs is {first}" if first else "")
    if differing:
        more = f", and {len(differing) - 1} more" if len(differing) > 1 else ""
        return f"{first} is not what was sealed{more}"
    return "it was saved again: no cell differs, but the file does"


def _joined(value: Any) -> Any:
    """Join the lists of strings a notebook's file keeps long texts in; where they are broken says nothing."""
    if isinstance(value, dict):
        return {name: _joined(one) for name, one in value.items()}
    if isinstance(value, list):
        is_text = bool(value) and all(isinstance(one, str) for one in value)
        return "".join(value) if is_text else [_joined(one) for one in value]
    return value
