"""The objects of a target: everything that has a definition, down to the column, the right and the option.

Source: objects.sql, beside this module.
"""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg

QUERY = Path(__file__).with_name("objects.sql").read_text(encoding="utf-8")
OWN = re.compile(r"\srunbook(?:\.|$)")  # behind a kind
# Planned once for a session: others may wait for what is locked while a transaction is written down.
PLAIN = b"SET LOCAL search_path = ''; SET LOCAL ROLE NONE; SET LOCAL plan_cache_mode = force_generic_plan"
PREPARED = "runbook_objects"
IS_PREPARED = "SELECT FROM pg_prepared_statements WHERE name = %s"
# A row of the catalog that this transaction wrote, itself or in a savepoint. Others' rows, if seen at all, have ended.
WRITTEN_HERE = """
    EXISTS (
        SELECT FROM unnest(touched) AS writer
        WHERE CASE WHEN age(writer) <= 0 THEN
            pg_xact_status((pg_current_xact_id()::text::bigint - age(writer))::text::xid8) = 'in progress' END)
"""
# Definitions take the longest to make: all of them, or those of what was written alone.
PREPARE = f"""
PREPARE {PREPARED} (boolean) AS
SELECT kind, identity, part_of, CASE WHEN $1 OR {WRITTEN_HERE} THEN definition END,
    classid::bigint, objid::bigint, objsubid, NOT $1 AND {WRITTEN_HERE}
FROM ({QUERY}) AS objects
"""
Address = tuple[int, int, int]


@dataclass(frozen=True)
class Object:
    """Something with a definition.

    Attributes:
        kind: such as `table`, `column`, `policy`, `privilege`, `option`.
        identity: its qualified name, unique among its kind.
        part_of: the name of what it goes with, such as `table public.shelves`; empty where it stands alone.
        definition: all there is to say of it.
        address: oid of its catalog, its own, and the number of a column; a right has that of what it is a right on.
    """

    kind: str
    identity: str
    part_of: str
    definition: str
    address: Address

    @property
    def name(self) -> str:
        """Kind and identity, unique in a target."""
        return f"{self.kind} {self.identity}"

    @property
    def is_runbooks(self) -> bool:
        """Whether it stands in the runbook's own schema."""
        return is_runbooks(self.name)


Objects = dict[str, Object]


def is_runbooks(name: str) -> bool:
    """Whether a name, kind and identity, is of the runbook's own schema or of what stands in it."""
    return bool(OWN.search(name))


@dataclass(frozen=True)
class Written:
    """What a transaction has done so far; both are empty where it has written nothing.

    Attributes:
        objects: what it has made or changed, as it is now.
        standing: where everything stands, by name.
    """

    objects: Objects
    standing: dict[str, Address]


def find_objects(connection: psycopg.Connection) -> Objects:
    """Return every object of the target, by name, but those of the system and of extensions."""
    found = (_object(row) for row in _rows(connection, with_definitions=True))
    return {one.name: one for one in found}


def find_written(connection: psycopg.Connection) -> Written:
    """Return what the transaction under way has made or changed."""
    row = connection.execute("SELECT pg_current_xact_id_if_assigned() IS NULL").fetchone()
    if row == (True,):
        return Written({}, {})
    rows = _rows(connection, with_definitions=False)
    written = [_object(row) for row in rows if row[-1]]
    standing = {f"{row[0]} {row[1]}": (row[4], row[5], row[6]) for row in rows}
    return Written({one.name: one for one in written}, standing)


def _object(row: tuple[Any, ...]) -> Object:
    return Object(row[0], row[1], row[2], row[3], address=(row[4], row[5], row[6]))


def _rows(connection: psycopg.Connection, *, with_definitions: bool) -> list[tuple[Any, ...]]:
    """Return every object, a row each, with names qualified and seen as the session's own role."""
    with connection.transaction(force_rollback=True):
        connection.execute(PLAIN)
        if connection.execute(IS_PREPARED, [PREPARED]).fetchone() is None:
            connection.execute(PREPARE.encode())
        return connection.execute(f"EXECUTE {PREPARED} ({with_definitions})".encode()).fetchall()
