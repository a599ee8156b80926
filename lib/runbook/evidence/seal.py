"""The seal: a chain of digests over a run's notebooks, its other files and its manifest.

The head of the chain stands in the manifest and in the target's ledger, where whoever has only the files cannot
reach it. How it is made is said in `ALGORITHM`, which every manifest repeats: it can be checked without this package.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from runbook.database import seals
from runbook.database.ledger import Ledger
from runbook.errors import UsageError
from runbook.evidence import attachments, notebooks, signature
from runbook.evidence.manifest import JOURNAL, MANIFEST, as_json, file_digest, write_manifest

ALGORITHM = (
    "digest(x) is the SHA-256 of x as JSON with sorted keys, no spaces and ASCII escapes. A cell's digest covers "
    "cell_type, id, source, execution_count, outputs, attachments and, of its metadata, tags and papermill; a list of "
    "strings counts as one string. A notebook's link is digest([link before it or '', name, SHA-256 of the file, its "
    "cells]). A file counts with its first bytes, as many as are named. A fact is the digest of a value of the "
    "manifest. The head is digest([last link or '', files, facts])."
)
PROOF = (
    "The files alone prove that they belong together and that none was changed by itself; whoever changes one and "
    "makes the whole seal anew is found out only by the ledger of the target, or by a signature."
)
KEY = "seal"
CELL = ("cell_type", "id", "source", "execution_count", "outputs", "attachments")
METADATA = ("tags", "papermill")
BESIDE = (JOURNAL, *attachments.ALL)


@dataclass(frozen=True)
class Link:
    """A notebook in the chain.

    Attributes:
        sha256: of its file.
        cells: the digest of each of its cells.
        link: the digest of all of it and of the link before.
    """

    notebook: str
    sha256: str
    cells: tuple[str, ...]
    link: str

    @classmethod
    def after(cls, previous: str, notebook: str, sha256: str, cells: Sequence[str]) -> "Link":
        """Return the link of a notebook that follows the link `previous`, empty for the first."""
        return cls(notebook, sha256, tuple(cells), json_digest([previous, notebook, sha256, list(cells)]))


def seal_run(folder: Path, ledger: Ledger, manifest: dict[str, Any], complain: Callable[[str], None]) -> None:
    """Write a run's manifest with its seal, keep the head in the ledger, and sign the manifest if there is a key.

    The notebooks must be final. What is signed is the file manifest.json, so that `ssh-keygen -Y verify` alone can
    check it; a signature that cannot be made is told to `complain` and stops nothing.
    """
    manifest[KEY] = make_seal(folder, manifest)
    path = write_manifest(folder, manifest)
    seals.keep_seal(ledger.connection, manifest["run_id"], manifest[KEY]["head"])
    try:
        signature.sign(path)
    except UsageError as error:
        complain(f"Not signed: {error}")


def make_seal(folder: Path, manifest: dict[str, Any]) -> dict[str, Any]:
    """Return the seal of a run: `algorithm`, `links`, `files`, `facts`, `head`."""
    links: list[Link] = []
    for name, sha256 in _notebooks(manifest):
        previous = links[-1].link if links else ""
        cells = [json_digest(_content(cell)) for cell in notebooks.cells_of(folder / name)]
        links.append(Link.after(previous, name, sha256, cells))
    files = [_file(folder / name) for name in BESIDE if (folder / name).is_file()]
    plain = as_json(manifest)
    facts = {name: json_digest(value) for name, value in plain.items() if name != KEY}
    return {
        "algorithm": ALGORITHM,
        "links": [vars(link) for link in links],
        "files": files,
        "facts": facts,
        "head": json_digest([links[-1].link if links else "", files, facts]),
    }


def json_digest(value: Any) -> str:
    """Return the SHA-256 of anything JSON can hold."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


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
    for link in links:
        yield from _altered(folder / link.notebook, link)
        if link != Link.after(previous, link.notebook, link.sha256, link.cells):
            yield f"{MANIFEST} was altered: the link of {link.notebook} does not follow from what it covers"
        previous = link.link
    for name in sorted({path.name for path in folder.glob("*.ipynb")} - {link.notebook for link in links}):
        yield f"{name} was not there when the run was sealed"
    for one in seal["files"]:
        path = folder / one["name"]
        if not path.is_file():
            yield f"{path.name} is missing"
        elif _file(path, one["bytes"]) != one:
            yield f"{path.name} was altered"
    facts = {name: json_digest(value) for name, value in manifest.items() if name != KEY}
    for name in [*seal["facts"], *(facts.keys() - seal["facts"].keys())]:
        if facts.get(name) != seal["facts"].get(name):
            yield f"{MANIFEST} was altered: “{name}” is not what was sealed"
    named = [(link.notebook, link.sha256) for link in links]
    if named != list(_notebooks(manifest)) or seal["head"] != json_digest([previous, seal["files"], seal["facts"]]):
        yield f"{MANIFEST} was altered: the head does not follow from what it covers"


def _altered(path: Path, link: Link) -> Iterator[str]:
    """Yield what is wrong with a notebook, naming the first cell that was altered."""
    if not path.is_file():
        yield f"{path.name} is missing"
        return
    if file_digest(path) == link.sha256:
        return
    try:
        cells = notebooks.cells_of(path)
        found = [json_digest(_content(cell)) for cell in cells]
    except (ValueError, TypeError, KeyError, AttributeError):
        yield f"{path.name} was altered: it is no notebook any more"
        return
    differing = [place for place, pair in enumerate(zip(found, link.cells, strict=False)) if pair[0] != pair[1]]
    if len(found) != len(link.cells):
        yield f"{path.name} was altered: it has {len(found)} cells, not {len(link.cells)}" + (
            f"; the first that differs is {notebooks.place(cells, differing[0])}" if differing else ""
        )
    elif differing:
        more = f", and {len(differing) - 1} more" if len(differing) > 1 else ""
        yield f"{path.name} was altered: {notebooks.place(cells, differing[0])} is not what was sealed{more}"
    else:
        yield f"{path.name} was saved again: no cell differs, but the file does"


def _notebooks(manifest: dict[str, Any]) -> Iterator[tuple[str, str]]:
    for task in manifest["tasks"]:
        if task["notebook"]:
            yield task["notebook"], task["sha256"]


def _content(cell: dict[str, Any]) -> dict[str, Any]:
    """Return what counts of a cell: not how somebody's browser showed it, such as folded or scrolled outputs."""
    kept = {name: cell[name] for name in CELL if name in cell}
    metadata = cell.get("metadata") or {}
    kept["metadata"] = {name: metadata[name] for name in METADATA if name in metadata}
    joined: dict[str, Any] = _joined(kept)
    return joined


def _joined(value: Any) -> Any:
    """Join the lists of strings a notebook's file keeps long texts in; where they are broken says nothing."""
    if isinstance(value, dict):
        return {name: _joined(one) for name, one in value.items()}
    if isinstance(value, list):
        is_text = bool(value) and all(isinstance(one, str) for one in value)
        return "".join(value) if is_text else [_joined(one) for one in value]
    return value


def _file(path: Path, size: int | None = None) -> dict[str, Any]:
    content = path.read_bytes()[:size]
    return {"name": path.name, "bytes": len(content), "sha256": hashlib.sha256(content).hexdigest()}
