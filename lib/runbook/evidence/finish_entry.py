"""What the manifest of a finish says beside that of a run."""

from dataclasses import dataclass

ARCHIVE = "archive"  # in the folder of a finish, and of no other run


@dataclass(frozen=True)
class ArchiveEntry:
    """Rows that a finish kept: a file of compressed CSV beside the manifest."""

    name: str
    file: str
    rows: int
    sha256: str


@dataclass(frozen=True)
class FinishEntry:
    """What a finish archived, dropped and kept.

    Attributes:
        definitions: the `file` with the text of what was the runbook's own, and its `sha256`.
        dropped: names of objects.
        kept: what was archived and not dropped, as the operator calls it.
    """

    archives: list[ArchiveEntry]
    definitions: dict[str, str]
    dropped: list[str]
    kept: list[str]
