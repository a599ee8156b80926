"""The seal: `statement.json`, which names every file of a run's folder with its digest and size.

It is an in-toto Statement v1; its predicate tells which run, how it ended, which seal it follows, and has a digest for
each cell of a notebook and each entry of the manifest, so that an alteration is named by its place. Its own SHA-256 is
the head of the seal, which the target's ledger keeps, and its bytes are what is signed.

A run is sealed when it ends, and never again: one that stopped and was resumed has a further seal, which names the one
before it; one that died is sealed as such.
"""

import hashlib
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from runbook.database import seals
from runbook.database.ledger import Ledger
from runbook.errors import UsageError
from runbook.evidence import cell_digests, signature, standalone
from runbook.evidence.manifest import JOURNAL, MANIFEST, as_json, read_manifest, write_whole
from runbook.evidence.standalone import PREDICATE, SIGNATURE, STATEMENT, TYPE, VERIFIER

DIED = "died"
PROOF = (
    "The files belong together, and none was changed by itself. Whether somebody has made the whole seal anew, only "
    "the ledger of the target or the signature of a listed signer can say."
)


def seal_run(
    folder: Path,
    ledger: Ledger,
    manifest: dict[str, Any],
    ended: str,
    previous: str | None,
    complain: Callable[[str], None],
) -> str:
    """Seal a run's folder, keep the head in the ledger together with the run's end, sign, and return the head.

    Everything in the folder must be final; nothing may be written there afterwards.

    Args:
        folder: of the run; its manifest is written already.
        ledger: of the target.
        manifest: of the run.
        ended: complete, failed, rolled_back or died.
        previous: the head of the seal this one follows, where the run was resumed.
        complain: is told of a signature that cannot be made; it stops nothing.
    """
    shutil.copyfile(standalone.__file__, folder / VERIFIER)
    path = folder / STATEMENT
    write_whole(path, json.dumps(make_seal(folder, manifest, ended, previous), indent=1, ensure_ascii=False) + "\n")
    head = standalone.sha256(path)
    seals.end_run(ledger, manifest["run_id"], manifest["status"], head, ended)
    try:
        signature.sign(path)
    except UsageError as error:
        complain(f"Not signed: {error}")
    return head


def make_seal(folder: Path, manifest: dict[str, Any], ended: str, previous: str | None) -> dict[str, Any]:
    """Return the statement about a run's folder as it is now."""
    sizes, _ = standalone.files(folder)
    return {
        "_type": TYPE,
        "subject": [{"name": name, "digest": {"sha256": standalone.sha256(folder / name)}} for name in sorted(sizes)],
        "predicateType": PREDICATE,
        "predicate": {
            "run_id": manifest["run_id"],
            "plan": manifest["plan"],
            "environment": manifest["environment"],
            "ended": ended,
            "previous": previous,
            "signer": signature.fingerprint(),
            "sizes": dict(sorted(sizes.items())),
            "cells": dict(_cells(folder, manifest)),
            "facts": {name: cell_digests.json_digest(value) for name, value in as_json(manifest).items()},
        },
    }


def _cells(folder: Path, manifest: dict[str, Any]) -> Iterator[tuple[str, list[str]]]:
    for task in manifest["tasks"]:
        if task["notebook"]:
            with suppress(ValueError, KeyError):  # half a notebook, left by a full disk, is sealed as a file
                yield task["notebook"], cell_digests.cells(folder / task["notebook"])


def is_sealed(folder: Path) -> bool:
    """Tell whether a folder has a seal of today's kind."""
    return (folder / STATEMENT).is_symlink() or (folder / STATEMENT).exists()


def head(folder: Path) -> str:
    """Return the head of the seal in a folder."""
    return standalone.sha256(folder / STATEMENT)


def set_aside(folder: Path) -> None:
    """Keep the seal of a run's earlier end, and its manifest, under names that the next end leaves alone."""
    if not is_sealed(folder) and not (folder / MANIFEST).exists():
        return
    number = 1 + sum(1 for _ in folder.glob("manifest.*.json"))
    for name in (SIGNATURE, MANIFEST, f"{MANIFEST}.sig", STATEMENT):
        if (folder / name).exists():
            stem, _, rest = name.partition(".")
            (folder / name).rename(folder / f"{stem}.{number}.{rest}")


def outgrown(folder: Path, head: str, own: Callable[[str], bool]) -> Iterator[str]:
    """Yield what is wrong in a folder that has grown since an earlier end, whose seal has this `head`.

    What an end makes anew is passed over, and notebooks, whose digests the ledger holds.

    Args:
        folder: of a run that died after it had been taken up again.
        head: of the seal of its earlier end.
        own: tells whether a run may have written a file of this name since.
    """
    found, odd = standalone.files(folder)
    yield from (f"{name} {why}" for name, why in odd.items())
    path = next((one for one in folder.glob("statement.*.json") if standalone.sha256(one) == head), None)
    if path is None:
        yield "the seal of its earlier end is missing, or was altered"
        return
    sealed = standalone.sealed_files(standalone.strict(path, standalone.LARGEST_STATEMENT))
    aside = f"manifest.{path.name.split('.')[1]}.json"
    sealed[aside] = sealed.pop(MANIFEST)
    for name, (size, digest) in sealed.items():
        if name == JOURNAL or not own(name):
            yield from _outgrown_file(folder / name, name, size, digest, grows=name == JOURNAL)
    seals = {path.name, f"{path.name}.sig", f"{aside}.sig"}
    more = found.keys() - sealed.keys() - seals
    yield from (f"{name} is nothing that a run writes" for name in more if not own(name))


def _outgrown_file(path: Path, name: str, size: int, digest: str, *, grows: bool) -> Iterator[str]:
    if not path.is_file():
        yield f"{name} is missing"
        return
    with path.open("rb") as file:
        is_whole = hashlib.sha256(file.read(size)).hexdigest() == digest
        if not is_whole or (not grows and file.read(1)):
            yield f"{name} was altered"


def problems(folder: Path, manifest: dict[str, Any] | None = None) -> list[str]:
    """Return a line for everything in a run's folder that is not what was sealed.

    Args:
        folder: of the run.
        manifest: in it, where somebody has read it already.

    Raises:
        UsageError: the statement is damaged.
    """
    try:
        found, about = standalone.problems(folder), standalone.statement(folder)["predicate"]
    except (ValueError, OSError) as error:
        raise UsageError(f"{folder}: {' '.join(str(error).split())}.") from None
    if isinstance(about, dict) and about.get("signer") and not (folder / SIGNATURE).is_file():
        found.append(f"{SIGNATURE} is missing: the run was to be signed with {about['signer']}")
    return [line for problem in found for line in _explained(folder, manifest, problem, about)]


def _explained(folder: Path, manifest: dict[str, Any] | None, problem: str, about: dict[str, Any]) -> Iterator[str]:
    """Say which cell of a notebook was altered, or which entries of the manifest."""
    name, _, what = problem.rpartition(" was ")
    cells, facts = (about.get(key) for key in ("cells", "facts"))
    if what != "altered":
        yield problem
    elif isinstance(cells, dict) and isinstance(cells.get(name), list):
        yield f"{problem}: {cell_digests.differing_cells(folder / name, cells[name])}"
    elif name == MANIFEST and isinstance(facts, dict):
        try:
            yield from _altered_facts(manifest or read_manifest(folder), facts)
        except (ValueError, AttributeError, RecursionError):
            yield f"{problem}: it is no manifest any more"
    else:
        yield problem


def _altered_facts(manifest: dict[str, Any], facts: dict[str, Any]) -> Iterator[str]:
    found = {name: cell_digests.json_digest(value) for name, value in manifest.items()}
    names = [name for name in {**facts, **found} if facts.get(name) != found.get(name)]
    for name in names:
        yield f"{MANIFEST} was altered: “{name}” is not what was sealed"
    if not names:
        yield f"{MANIFEST} was altered: it was written again, with the same content"
