"""Acceptances: rows of a failed check about the target as found that somebody lets stand, and why.

An acceptance is part of an approval (its group `ACCEPTED`): check → count, digest of the rows, reason. The rows lie
beside it under their digest: for each the digest of its key and its difference, so that later rows can be held against
them. Fewer rows are covered, a new key or a larger difference is not.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import psycopg

from runbook.errors import UsageError
from runbook.plan.model import Acceptable

ACCEPTED = "accepted"  # the group of an approval's parts
Rows = dict[str, Decimal | None]


@dataclass(frozen=True)
class Acceptance:
    """What somebody accepts of one check.

    Attributes:
        rows: how many.
        digest: of their keys and differences.
        because: why, in their own words.
    """

    check: str
    rows: int
    digest: str
    because: str

    @property
    def part(self) -> str:
        """The acceptance as an approval keeps it."""
        return json.dumps({"rows": self.rows, "digest": self.digest, "because": self.because}, ensure_ascii=False)

    @classmethod
    def from_part(cls, check: str, part: str) -> "Acceptance":
        """Return the acceptance an approval keeps under a check's name."""
        found = json.loads(part)
        return cls(check, int(found["rows"]), str(found["digest"]), str(found["because"]))


def keyed(of: Acceptable, found: Any) -> Rows:
    """Return the rows of a check as an acceptance holds them: digest of the key → difference.

    Args:
        of: which columns are key and difference.
        found: the check's rows that are not right, with `field_names`.

    Raises:
        UsageError: the check's rows have no such column, or no names at all.
    """
    names = list(getattr(found, "field_names", ()))
    if lacking := {*of.key, *filter(None, [of.difference])} - set(names):
        raise UsageError(f"The check {of.check!r} has no column {sorted(lacking)[0]!r} that its acceptance goes by.")
    key, difference = [names.index(name) for name in of.key], names.index(of.difference) if of.difference else None
    rows: Rows = {}
    for row in found:
        text = json.dumps([None if row[place] is None else str(row[place]) for place in key], ensure_ascii=False)
        far = None if difference is None or row[difference] is None else abs(Decimal(str(row[difference])))
        name = hashlib.sha256(text.encode()).hexdigest()
        rows[name] = far if rows.get(name) is None else max(rows[name] or Decimal(0), far or Decimal(0))
    return rows


def digest(rows: Rows) -> str:
    """Return one SHA-256 over keys and differences."""
    text = "".join(f"{key} {'' if far is None else f'{far.normalize():f}'}\n" for key, far in sorted(rows.items()))
    return hashlib.sha256(text.encode()).hexdigest()


def keep(connection: psycopg.Connection, rows: Rows) -> str:
    """Keep rows under their digest and return it; what is kept already stays."""
    name = digest(rows)
    with connection.cursor() as cursor, connection.transaction():
        known = cursor.execute("SELECT FROM runbook.accepted_rows WHERE digest = %s LIMIT 1", [name]).fetchone()
        if known is None:
            with cursor.copy("COPY runbook.accepted_rows (digest, key, difference) FROM STDIN") as copy:
                for key, far in rows.items():
                    copy.write_row((name, key, far))
    return name


def kept(connection: psycopg.Connection, name: str) -> Rows:
    """Return the rows kept under a digest; none where they are no longer what was accepted."""
    rows: Rows = dict(
        connection.execute("SELECT key, difference FROM runbook.accepted_rows WHERE digest = %s", [name]).fetchall()
    )
    return rows if digest(rows) == name else {}


def beyond(accepted: Rows, present: Rows) -> str:
    """Say what of the present rows an acceptance does not cover; empty: it covers them all."""
    new = sum(key not in accepted for key in present)
    larger = sum(_is_larger(far, accepted[key]) for key, far in present.items() if key in accepted)
    said = [f"{new:,} new" * bool(new), f"{larger:,} further from right than then" * bool(larger)]
    return ", ".join(filter(None, said))


def _is_larger(now: Decimal | None, then: Decimal | None) -> bool:
    return now is not None and (then is None or now > then)


def of_decision(parts: Mapping[str, Mapping[str, str]], check: str) -> Acceptance | None:
    """Return what an approval accepts of a check, or None."""
    part = parts.get(ACCEPTED, {}).get(check)
    return Acceptance.from_part(check, part) if part else None


def commands(environment: str, checks: Sequence[str]) -> str:
    """Return the command that approves and accepts checks."""
    accepts = "".join(f' --accept "{check}" --because TEXT' for check in checks)
    return f"`runbook approve --environment {environment} --by NAME --statement TEXT{accepts}`"
