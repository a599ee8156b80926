"""The store: a second place for the sealed evidence of a run, so that it outlives the machine the run was on.

RUNBOOK_EVIDENCE is a URL of any store that fsspec knows (`s3://`, `gs://`, `file://` …). Each seal has a folder of its
own there, ENVIRONMENT/RUN-HEAD, which is written once. The manifest is written last: a folder that has one is complete.
"""

import os
from pathlib import Path
from typing import Any

from runbook.errors import UsageError
from runbook.evidence import seal
from runbook.evidence.manifest import MANIFEST

VARIABLE = "RUNBOOK_EVIDENCE"
MOST_BYTES = 1 << 30  # of a run's folder that is fetched


def is_url(place: str) -> bool:
    """Tell whether a place is a store's URL and no folder."""
    return "://" in place


def require_store() -> None:
    """Make sure, before anything runs, that a store that is wanted can be reached.

    Raises:
        UsageError: it cannot; the message repeats neither the URL nor what the store said.
    """
    if os.environ.get(VARIABLE):
        files, root = _open(os.environ[VARIABLE], VARIABLE)
        _ask(lambda: files.exists(root), VARIABLE)


def upload(folder: Path, environment: str) -> str:
    """Copy a sealed folder into the store, and return where it lies below it; empty where no store is wanted.

    What lies there already stays. A copy that broke off has no manifest, and is begun again.

    Raises:
        UsageError: the store cannot be written, or has something else of that name.
    """
    if not os.environ.get(VARIABLE):
        return ""
    files, root = _open(os.environ[VARIABLE], VARIABLE)
    name = f"{environment}/{folder.name}-{seal.head(folder)[:12]}"
    target = f"{root.rstrip('/')}/{name}"
    if _ask(lambda: files.exists(f"{target}/{MANIFEST}"), VARIABLE):
        if _ask(lambda: files.cat_file(f"{target}/{MANIFEST}"), VARIABLE) == (folder / MANIFEST).read_bytes():
            return name
        raise UsageError(f"{VARIABLE}: {name} lies there and is another run's; nothing is written over evidence.")
    paths = sorted((path for path in folder.rglob("*") if path.is_file()), key=lambda path: path.name == MANIFEST)
    for path in paths:
        _ask(lambda path=path: _put(files, path, f"{target}/{path.relative_to(folder).as_posix()}"), VARIABLE)
    return name


def fetch(url: str, folder: Path) -> Path:
    """Copy a run's evidence from a store into a folder, and return that.

    Raises:
        UsageError: it cannot be read, is larger than evidence is, or has no manifest.
    """
    files, root = _open(url, "The store")
    found: dict[str, Any] = _ask(lambda: files.find(root, detail=True), "The store")
    if f"{root.rstrip('/')}/{MANIFEST}" not in found:
        raise UsageError(f"The store holds no whole run there: no {MANIFEST}.")
    if sum(one["size"] or 0 for one in found.values()) > MOST_BYTES:
        raise UsageError(f"What lies there is larger than {MOST_BYTES:,} bytes: it is no run's evidence.")
    for name in found:
        path = (folder / os.path.relpath(name, root)).resolve()
        if not path.is_relative_to(folder.resolve()):
            raise UsageError("A name in the store leads out of the run's folder: nothing was fetched.")
        path.parent.mkdir(parents=True, exist_ok=True)
        _ask(lambda name=name, path=path: files.get_file(name, str(path)), "The store")
    return folder


def _put(files: Any, path: Path, target: str) -> None:
    files.makedirs(target.rpartition("/")[0], exist_ok=True)
    files.put_file(str(path), target)


def _open(url: str, what: str) -> tuple[Any, str]:
    try:
        from fsspec.core import url_to_fs
    except ImportError:
        raise UsageError(f"{what} needs fsspec: pip install 'runbook[store]'.") from None
    found: tuple[Any, str] = _ask(lambda: url_to_fs(url), what)
    return found


def _ask(work: Any, what: str) -> Any:
    """Call a store; its error messages may hold a secret and are not repeated."""
    try:
        return work()
    except Exception as error:  # each store raises its own
        raise UsageError(f"{what} cannot be used: {type(error).__name__}.") from None
