"""What is installed, and under which licence: `python -m tests.licences`, from the packages' own metadata."""

import re
from collections.abc import Iterator
from importlib.metadata import Distribution, PackageMetadata, PackageNotFoundError, distribution
from pathlib import Path

CONSTRAINTS = Path(__file__).parents[1] / "constraints.txt"
UNKNOWN = "not said"
LONGEST = 60  # characters; some packages give the whole text of their licence


def listed() -> Iterator[tuple[str, str, str]]:
    """Yield name, version and licence of every pinned package that is installed here."""
    for name in re.findall(r"^([\w.-]+)==", CONSTRAINTS.read_text(encoding="utf-8"), re.MULTILINE):
        try:
            package = distribution(name)
        except PackageNotFoundError:  # pinned for another platform
            continue
        words = licence(package.metadata)
        yield name, package.version, _heading(package) if words == UNKNOWN else words


def licence(said: PackageMetadata) -> str:
    """Return a licence as the package says it: as an SPDX expression, as classifiers, or in words of its own."""
    if expression := said.get("License-Expression"):
        return str(expression)
    classifiers = [one.rpartition(" :: ")[2] for one in said.get_all("Classifier", []) if one.startswith("License ::")]
    words = ", ".join(classifiers) or " ".join(str(said.get("License") or "").split())
    return words[:LONGEST] or UNKNOWN


def _heading(package: Distribution) -> str:
    """Return the first line of the licence a package brings along, where its metadata say nothing else."""
    for path in package.files or ():
        if path.name in (package.metadata.get_all("License-File") or ()):
            return path.read_text().strip().partition("\n")[0][:LONGEST]
    return UNKNOWN


if __name__ == "__main__":
    for name, version, words in listed():
        print(f"{name:30} {version:14} {words}")
