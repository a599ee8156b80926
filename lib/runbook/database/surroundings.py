"""Surroundings: what a copy of some schemas needs from elsewhere, whoever owns it, and what of it cannot be copied.

Asked of the catalog's dependencies. The text of a function has none there, so whatever it names counts as needed.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import psycopg

QUERY = Path(__file__).with_suffix(".sql")


@dataclass(frozen=True)
class Lack:
    """Something a copy lacks.

    Attributes:
        what: the object, as PostgreSQL describes it.
        why: it cannot be copied.
        unproven: what leans on it and is not there either, so that nothing is proven about it; may be empty.
    """

    what: str
    why: str
    unproven: str


@dataclass(frozen=True)
class Surroundings:
    """What a copy is made of.

    Attributes:
        schemas: copied whole.
        beside: schemas of which only that is copied which the others lean on.
        left_out: objects of any of them that are not copied, by catalog and OID, each with its schema.
        tables: relations that are not copied: schema and name.
        without_rows: tables that are copied empty: schema and name.
        lacks: what is needed and cannot be copied.
    """

    schemas: tuple[str, ...] = ("public",)
    beside: tuple[str, ...] = ()
    left_out: Mapping[tuple[int, int], str] = field(default_factory=dict)
    tables: tuple[tuple[str, str], ...] = ()
    without_rows: tuple[tuple[str, str], ...] = ()
    lacks: tuple[Lack, ...] = ()


ALONE = Surroundings()


def find_surroundings(
    connection: psycopg.Connection, schemas: tuple[str, ...], more: Sequence[str] = ()
) -> Surroundings:
    """Return what a copy of schemas needs, as the catalog tells.

    Args:
        connection: to the target, autocommit.
        schemas: that are copied whole.
        more: schemas whose functions and types are copied as well, whatever the catalog tells.
    """
    given = {"schemas": list(schemas), "more": list(more)}
    row = connection.execute(QUERY.read_bytes(), given).fetchone()
    assert row is not None
    beside, excluded, empty, lacks = (one or [] for one in row)
    hidden = "row level security hides some of them from this role"
    return Surroundings(
        schemas,
        tuple(beside),
        {(one["catalog"], one["oid"]): one["schema"] or "" for one in excluded},
        tuple((one["schema"], one["relname"]) for one in excluded if one["is_relation"]),
        tuple((one["nspname"], one["relname"]) for one in empty),
        (
            *(Lack(**one) for one in lacks),
            *(Lack(f"rows of table {one['nspname']}.{one['relname']}", hidden, "") for one in empty),
        ),
    )
