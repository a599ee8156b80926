"""The package as installed: the digests of its files, and the versions of everything it requires."""

import hashlib
import platform
import re
from functools import cache
from importlib import metadata
from pathlib import Path

PACKAGE = Path(__file__).parents[1]
NAME = re.compile(r"[\w.-]+")


def package() -> dict[str, str]:
    """Return path → SHA-256 of the package's files, but for what Python compiles of them."""
    paths = sorted(path for path in PACKAGE.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {path.relative_to(PACKAGE).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest() for path in paths}


@cache
def versions() -> dict[str, str]:
    """Return name → version of Python, the package, and whatever it requires, directly or not."""
    found, asked = {"Python": platform.python_version()}, ["runbook"]
    while asked:
        name = re.sub(r"[-_.]+", "-", asked.pop()).lower()
        if name in found:
            continue
        try:
            one = metadata.distribution(name)
        except metadata.PackageNotFoundError:  # of another platform
            continue
        found[name] = one.version
        asked += [match[0] for line in one.requires or () if "extra ==" not in line and (match := NAME.match(line))]
    return found
