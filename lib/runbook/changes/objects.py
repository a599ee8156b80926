"""The objects of a target: everything that has a definition, down to the column, the right and the option.

Source: objects.sql, beside this module.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg import sql

QUERY = Path(__file__).with_name("objects.sql").read_text(encoding="utf-8")
OURS = re.compile(r"(?:^|\s)runbook(?:\.|$)")  # the runbook's own schema, and what stands in it
PLAIN = b"SET LOCAL search_path = ''; SET LOCAL ROLE NONE"
# A row of the catalog that this transaction wrote, itself or in a savepoint. Others' rows, if seen at all, have ended.
WRITTEN_HERE = """
    EXISTS (
        SELECT FROM unnest(touched) AS writer
        WHERE CASE WHEN age(writer) <= 0 THEN
            pg_xact_status((pg_current_xact_id()::text::bigint - age(writer))::text::xid8) = 'in progress' END)
"""
COLUMNS = "kind, identity, part_of, definition, classid::bigint, objid::bigint, objsubid"
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
        return bool(OURS.search(self.identity))


Objects = dict[str, Object]


def find_objects(connection: psycopg.Connection) -> Objects:
    """Return every object of the target, by name, but those of the system and of extensions."""
    with _plainly(connection):
        return _objects(connection, f"SELECT {COLUMNS} FROM ({QUERY}) AS objects")


def written_objects(connection: psycopg.Connection) -> Objects:
    """Return the objects that the transaction under way has made or changed, as they are now."""
    row = connection.execute("SELECT pg_current_xact_id_if_assigned() IS NULL").fetchone()
    if row == (True,):
        return {}
    with _plainly(connection):
        # Definitions are made for what was written alone, while others may wait for what is locked.
        return _objects(connection, f"SELECT {COLUMNS} FROM ({QUERY}) AS objects WHERE {WRITTEN_HERE}")


def objects_at(connection: psycopg.Connection, places: set[Address]) -> Objects:
    """Return everything that stands at some addresses, rights and options included."""
    classes, ids, parts = zip(*places, strict=True) if places else ((), (), ())
    wanted = sql.SQL("SELECT * FROM unnest({}::bigint[], {}::bigint[], {}::integer[])").format(
        list(classes), list(ids), list(parts)
    )
    query = f"SELECT {COLUMNS} FROM ({QUERY}) AS objects WHERE (classid::bigint, objid::bigint, objsubid) IN ("
    with _plainly(connection):
        return _objects(connection, f"{query}{wanted.as_string(connection)})")


def standing_addresses(connection: psycopg.Connection) -> set[Address]:
    """Return the addresses of all objects that stand."""
    with _plainly(connection):
        query = f"SELECT DISTINCT classid::bigint, objid::bigint, objsubid FROM ({QUERY}) AS objects"
        return {(row[0], row[1], row[2]) for row in connection.execute(query.encode()).fetchall()}


@contextmanager
def _plainly(connection: psycopg.Connection) -> Iterator[None]:
    """Have names qualified and rows seen as the session's own role, in whatever transaction is under way."""
    with connection.transaction(force_rollback=True):
        connection.execute(PLAIN)
        yield


def _objects(connection: psycopg.Connection, query: str) -> Objects:
    rows = connection.execute(query.encode()).fetchall()
    found = (Object(row[0], row[1], row[2], row[3], address=(row[4], row[5], row[6])) for row in rows)
    return {one.name: one for one in found}
