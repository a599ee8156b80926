"""The schema before and after a run: what it changed, read from two dumps."""

import difflib
import re
from dataclasses import dataclass
from pathlib import Path

from runbook.evidence.model import Manifest

MOST_LINES = 600
BEGINS = re.compile(r"(CREATE|ALTER|GRANT|REVOKE|COMMENT) ")
CREATES = re.compile(r'CREATE ((?:[A-Z]+ )+)((?:"[^"]*"|[^\s(";])+(?:\([^)]*\))?)(?:[^\n(]*? ON (\S+))?')
PRIVILEGES = ("GRANT", "REVOKE")


@dataclass(frozen=True)
class Kind:
    """All objects of one kind, before and after.

    Attributes:
        kind: `function`, `table`, … `grant`, and `other` for the rest.
        new: names of what was not there before; `changed` and `gone` likewise.
    """

    kind: str
    before: int
    after: int
    new: tuple[str, ...]
    changed: tuple[str, ...]
    gone: tuple[str, ...]

    @property
    def is_equal(self) -> bool:
        """Whether nothing of this kind is different."""
        return not (self.new or self.changed or self.gone)


@dataclass(frozen=True)
class Change:
    """A schema before and after.

    Attributes:
        kinds: those that differ.
        lines: a unified diff, without its header.
        more: how many lines of it are left out.
    """

    kinds: tuple[Kind, ...]
    lines: tuple[str, ...]
    more: int = 0


def schema_change(folder: Path, manifest: Manifest) -> Change | None:
    """Return what a run changed in the schema; None where its folder does not hold both sides."""
    schema = manifest.schema or {}
    paths = [folder / schema.get(side, "") for side in ("before", "file")]
    if not all(path.is_file() for path in paths):
        return None
    return compare(*(path.read_text(encoding="utf-8") for path in paths))


def compare(before: str, after: str) -> Change:
    """Return how two dumps differ."""
    was, now = statements(before), statements(after)
    kinds = [_kind(kind, was.get(kind, {}), now.get(kind, {})) for kind in dict.fromkeys(sorted([*now, *was]))]
    lines = list(difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2))[2:]
    differing = tuple(kind for kind in kinds if not kind.is_equal)
    return Change(differing, tuple(lines[:MOST_LINES]), max(len(lines) - MOST_LINES, 0))


def statements(dump: str) -> dict[str, dict[str, str]]:
    """Return the statements of a dump: kind → name → text."""
    found: dict[str, dict[str, str]] = {}
    for text in re.split(rf"^(?={BEGINS.pattern})", dump, flags=re.MULTILINE):
        if not BEGINS.match(text):
            continue
        creates, head = CREATES.match(text), text.partition("\n")[0]
        if creates:
            kind, name = creates[1].strip().lower(), creates[2] + (f" on {creates[3]}" if creates[3] else "")
        else:
            verb = head.split()[0]
            kind, name = (verb.lower() if verb in PRIVILEGES else "other"), text.strip().rstrip(";")
        found.setdefault(kind, {})[name] = text
    return found


def _kind(kind: str, was: dict[str, str], now: dict[str, str]) -> Kind:
    return Kind(
        kind,
        before=len(was),
        after=len(now),
        new=tuple(name for name in now if name not in was),
        changed=tuple(name for name in now if name in was and now[name] != was[name]),
        gone=tuple(name for name in was if name not in now),
    )
