"""The seal of evidence that an earlier version made: inside its manifest, over the notebooks and a few files beside.

It is only read: whatever ends today is sealed by `runbook.evidence.seal`. How it was made, the manifest says itself.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.errors import UsageError
from runbook.evidence import standalone
from runbook.evidence.cell_digests import differing_cells, json_digest
from runbook.evidence.manifest import MANIFEST, file_digest, read_manifest

KEY = "seal"
UNSEALED = "The files beside the notebooks and the pages were not sealed by the version that made this evidence."


@dataclass(frozen=True)
class Link:
    """A notebook in the chain: the digest of its file, of each cell, and of all of it and the link before."""

    notebook: str
    sha256: str
    cells: tuple[str, ...]
    link: str

    @classmethod
    def after(cls, previous: str, notebook: str, sha256: str, cells: Sequence[str]) -> "Link":
        """Return the link of a notebook that follows the link `previous`, empty for the first."""
        return cls(notebook, sha256, tuple(cells), json_digest([previous, notebook, sha256, list(cells)]))


def holds(folder: Path, head: str) -> bool:
    """Tell whether a folder has the seal with this head, made by an earlier version, and is what it says."""
    try:
        manifest = read_manifest(folder)
        return bool(manifest[KEY]["head"] == head and not problems(folder, manifest))
    except (ValueError, KeyError, TypeError, OSError, UsageError):
        return False


def problems(folder: Path, manifest: dict[str, Any]) -> list[str]:
    """Return a line for everything in a run's folder that is not what was sealed, in the order of the chain.

    Raises:
        UsageError: the manifest has no seal, or a damaged one.
    """
    try:
        return list(_problems(folder, manifest))
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise UsageError(
            f"{folder / MANIFEST} is damaged: its seal cannot be read ({type(error).__name__}: {error})."
        ) from None


def _problems(folder: Path, manifest: dict[str, Any]) -> Iterator[str]:
    seal = manifest[KEY]
    links = [Link(one["notebook"], one["sha256"], tuple(one["cells"]), one["link"]) for one in seal["links"]]
    previous = ""
    names = [link.notebook for link in links] + [one["name"] for one in seal["files"]]
    if any("/" in name for name in names) or len({*names}) < len(names):
        raise ValueError("it names a file outside the folder, or one twice")
    odd = standalone.files(folder)[1]
    yield from (f"{name} {why}" for name, why in odd.items())
    for link in links:
        if link.notebook not in odd:
            yield from _altered(folder / link.notebook, link)
        if link != Link.after(previous, link.notebook, link.sha256, link.cells):
            yield f"{MANIFEST} was altered: the link of {link.notebook} does not follow from what it covers"
        previous = link.link
    for name in sorted({path.name for path in folder.glob("*.ipynb")} - {link.notebook for link in links}):
        yield f"{name} was not there when the run was sealed"
    yield from _altered_files(folder, [one for one in seal["files"] if one["name"] not in odd])
    facts = {name: json_digest(value) for name, value in manifest.items() if name != KEY}
    for name in [*seal["facts"], *(facts.keys() - seal["facts"].keys())]:
        if facts.get(name) != seal["facts"].get(name):
            yield f"{MANIFEST} was altered: “{name}” is not what was sealed"
    named = [(link.notebook, link.sha256) for link in links]
    if named != list(_notebooks(manifest)) or seal["head"] != json_digest([previous, seal["files"], seal["facts"]]):
        yield f"{MANIFEST} was altered: the head does not follow from what it covers"


def _altered(path: Path, link: Link) -> Iterator[str]:
    if not path.is_file():
        yield f"{path.name} is missing"
    elif file_digest(path) != link.sha256:
        yield f"{path.name} was altered: {differing_cells(path, link.cells)}"


def _altered_files(folder: Path, sealed: list[dict[str, Any]]) -> Iterator[str]:
    for one in sealed:
        path = folder / one["name"]
        if not path.is_file():
            yield f"{path.name} is missing"
        elif _file(path, one["bytes"]) != one:
            yield f"{path.name} was altered"


def _notebooks(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for task in manifest["tasks"]:
        if task["notebook"]:
            yield task["notebook"], task["sha256"]


def _file(path: Path, size: int) -> dict[str, Any]:
    digest, left = hashlib.sha256(), size
    with path.open("rb") as file:
        while content := file.read(min(left, 1 << 20)):
            digest.update(content)
            left -= len(content)
    return {"name": path.name, "bytes": size - left, "sha256": digest.hexdigest()}
