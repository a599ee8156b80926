#!/usr/bin/env python3
"""Verify the evidence in this folder with nothing but Python: `python3 verify.py [FOLDER]`.

`statement.json` (in-toto Statement v1) names every other file with its SHA-256 and size. Its own SHA-256 is the head of
the seal: compare it with the one the target's ledger holds (`SELECT head FROM runbook.seals`), or check the signature:

    ssh-keygen -Y verify -f signers -I NAME -n runbook -s statement.json.sig < statement.json

Whoever alters a folder may alter this file too: take it from a place you trust. Exit codes: 0 the files are what the
statement names · 1 something differs, a line each · 2 the statement cannot be read.
"""

import hashlib
import json
import os
import stat
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

STATEMENT, SIGNATURE, VERIFIER = "statement.json", "statement.json.sig", "verify.py"
TYPE, PREDICATE = "https://in-toto.io/Statement/v1", "urn:runbook:evidence:1"
MOST_FILES, DEEPEST, LARGEST, MOST_BYTES = 1000, 3, 1 << 28, 1 << 30  # files, folders, bytes of one, bytes of all
LARGEST_STATEMENT, MOST_VALUES = 1 << 23, 1 << 18  # bytes of a JSON file that is read, values in it


def problems(folder: Path) -> list[str]:
    """Return a line for every file that is not what the statement names, and for each it does not name.

    Raises:
        ValueError: the statement is missing, too large, or no statement.
    """
    sealed = sealed_files(statement(folder))
    found, odd = files(folder)
    lines = [f"{name} {why}" for name, why in odd.items()]
    lines += [f"{name} is missing" for name in sealed.keys() - found.keys() - odd.keys()]
    lines += [f"{name} was not there when the run was sealed" for name in found.keys() - sealed.keys()]
    lines += [
        f"{name} was altered"
        for name in sealed.keys() & found.keys()
        if (found[name], sha256(folder / name) if found[name] == sealed[name][0] else "") != sealed[name]
    ]
    return sorted(lines)


def statement(folder: Path) -> dict[str, Any]:
    """Return the statement in a folder; see `problems`."""
    path = folder / STATEMENT
    found = strict(path, LARGEST_STATEMENT)
    if not isinstance(found, dict) or (found.get("_type"), found.get("predicateType")) != (TYPE, PREDICATE):
        raise ValueError(f"{STATEMENT} is damaged: it is no in-toto statement of a run")
    return found


def sealed_files(found: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """Return name → size and SHA-256 of each file a statement names; see `problems`."""
    try:
        sizes, subjects = found["predicate"]["sizes"], found["subject"]
        named = {one["name"]: (sizes[one["name"]], one["digest"]["sha256"]) for one in subjects}
    except (KeyError, TypeError, AttributeError):
        raise ValueError(f"{STATEMENT} is damaged: its subjects cannot be read") from None
    if len(named) != len(subjects) or sizes.keys() != named.keys():
        raise ValueError(f"{STATEMENT} is damaged: it names a file twice, or one without its size")
    return named


def files(folder: Path) -> tuple[dict[str, int], dict[str, str]]:
    """Return name → size of the files in a folder, but for the seal's own, and name → what is wrong with the others."""
    found: dict[str, int] = {}
    odd: dict[str, str] = {}
    left = MOST_BYTES
    for count, (path, about) in enumerate(_entries(folder, 0)):
        name = path.relative_to(folder).as_posix()
        left -= about.st_size if stat.S_ISREG(about.st_mode) else 0
        if count > MOST_FILES or left < 0:
            odd[name] = f"is more than {MOST_FILES} files or {MOST_BYTES:,} bytes: nobody looked further"
            break
        if stat.S_ISDIR(about.st_mode) and name.count("/") < DEEPEST:
            if next(path.iterdir(), None) is None:
                odd[name] = "is an empty folder"
            continue
        if why := _odd(name, about):
            odd[name] = why
        elif name not in (STATEMENT, SIGNATURE):
            found[name] = about.st_size
    return found, odd


def _odd(name: str, about: os.stat_result) -> str:
    """Say what is wrong with a file whatever it holds; empty where nothing is."""
    if stat.S_ISLNK(about.st_mode):
        return "is a link"
    if not stat.S_ISREG(about.st_mode):
        return f"is no file, or lies deeper than {DEEPEST} folders"
    if about.st_nlink > 1:
        return "is a hard link, so another name can change it: look at a copy of the folder"
    if about.st_size > LARGEST:
        return f"is larger than {LARGEST:,} bytes"
    return "has a name that is no text" if any("\ud800" <= sign <= "\udfff" for sign in name) else ""


def _entries(folder: Path, depth: int) -> Iterator[tuple[Path, os.stat_result]]:
    with os.scandir(folder) as entries:
        for entry in entries:
            about = entry.stat(follow_symlinks=False)
            yield Path(entry.path), about
            if stat.S_ISDIR(about.st_mode) and depth < DEEPEST:
                yield from _entries(Path(entry.path), depth + 1)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file, read piece by piece."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def strict(path: Path, most: int) -> Any:
    """Return the JSON in a file of at most `most` bytes; a key given twice is refused, for readers differ over it.

    Raises:
        ValueError: naming the file, and what is wrong.
    """
    try:
        return json.loads(bounded(path, most), object_pairs_hook=_once, parse_constant=_no_number)
    except FileNotFoundError:
        raise ValueError(f"{path.name} is missing") from None
    except RecursionError:
        raise ValueError(f"{path.name} is damaged: it is nested too deep") from None
    except (ValueError, OSError) as error:
        raise ValueError(f"{path.name} is damaged: {error}") from None


def bounded(path: Path, most: int) -> bytes:
    """Return a file of at most `most` bytes, which as JSON takes little more memory than that.

    Raises:
        ValueError: it is larger, holds more values, or is no file of its own.
        OSError: it cannot be read.
    """
    about = path.lstat()
    if not stat.S_ISREG(about.st_mode):
        raise ValueError("it is no file of its own")
    if about.st_size > most:
        raise ValueError(f"it is larger than {most:,} bytes")
    text = path.read_bytes()
    if sum(map(text.count, (b",", b"[", b"{"))) > MOST_VALUES:  # a value may take fifty times its bytes
        raise ValueError(f"it holds more than {MOST_VALUES:,} values")
    return text


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands there twice")
    return found


def _no_number(text: str) -> None:
    raise ValueError(f"{text} is no JSON")


def main(folder: Path) -> int:
    """Say what was found about a folder and return the exit code."""
    try:
        found = problems(folder)
    except (ValueError, OSError) as error:
        print(ascii(str(error))[1:-1])
        return 2
    for line in found:
        print(ascii(line)[1:-1])  # what stands in evidence never speaks as us
    count = f"{len(found)} problem{'s' if len(found) > 1 else ''}"
    print(count if found else "the files are what the statement names", end="; ")
    print(f"the head of the seal is {sha256(folder / STATEMENT)}")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path(__file__).resolve().parent))
