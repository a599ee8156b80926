"""Dependents: objects of others that depend on what a task made, and would break with a rollback.

The catalog knows most of it. The text of a function it does not read: there, the name of something made counts.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import psycopg

from runbook.changes.drops import drop_statement
from runbook.changes.objects import Address, Object, Objects
from runbook.changes.record import NOWHERE, ObjectChange
from runbook.changes.three_way import Kept

# Each edge from what hangs to what it hangs on; a default and the query of a view stand for their column and view.
EDGES = """
    SELECT
        CASE WHEN r.oid IS NOT NULL OR d.oid IS NOT NULL THEN 'pg_class'::regclass::oid ELSE classid END::bigint,
        COALESCE(r.ev_class, d.adrelid, objid)::bigint,
        CASE WHEN r.oid IS NOT NULL THEN 0 ELSE COALESCE(d.adnum, objsubid) END,
        refclassid::bigint, refobjid::bigint, refobjsubid
    FROM pg_depend
    LEFT JOIN pg_rewrite AS r ON classid = 'pg_rewrite'::regclass AND r.oid = objid AND rulename = '_RETURN'
    LEFT JOIN pg_attrdef AS d ON classid = 'pg_attrdef'::regclass AND d.oid = objid
    WHERE refobjid >= 16384 AND deptype <> 'e'
"""
TEXTS = """
    SELECT 'pg_proc'::regclass::oid::bigint, p.oid::bigint, prosrc FROM pg_proc AS p
    WHERE prosqlbody IS NULL AND p.oid >= 16384
"""
WHOLE = {"table", "view", "materialized view", "function", "procedure", "type", "sequence"}


@dataclass(frozen=True)
class Dependent:
    """An object of others that depends on what a task made.

    Attributes:
        object: what it is.
        on: the name of what it hangs on.
        statement: what clears it away.
    """

    object: Object
    on: str
    statement: str

    def __str__(self) -> str:
        return f"{self.object.name} hangs on {self.on}: {self.statement};"


def find_dependents(
    connection: psycopg.Connection, changes: Iterable[ObjectChange], now: Objects, before: Kept
) -> list[Dependent]:
    """Return the objects of others that depend on recorded ones, in an order in which they can be dropped.

    Args:
        connection: to the target.
        changes: the record of the tasks to be reversed.
        now: all objects.
        before: the objects before the first of those tasks: what stood then hung on nothing of theirs.
    """
    changes = [one for one in changes if one.address != NOWHERE]
    made = {
        one.address: one.name for one in changes if one.is_made and one.kind not in ("privilege", "owner", "option")
    }
    ours = {one.address for one in changes} | set(made)
    named = {one.address: one for one in now.values() if drop_statement(one.kind, one.identity)}
    found: dict[str, Dependent] = {}
    ahead, seen = list(made.items()), set(made)
    hanging = _edges(connection)
    texts = connection.execute(TEXTS.encode()).fetchall()
    for one in now.values():  # a column on a table of ours is no edge
        if one.kind == "column" and one.address not in ours and (one.address[0], one.address[1], 0) in made:
            _add(found, one, one.part_of)
    for address, name in _naming(texts, made, now, before):
        if address not in ours and address in named:
            _add(found, named[address], name)
            ahead.append((address, named[address].name))
    while ahead:
        address, on = ahead.pop(0)
        for hung in _hung(hanging, address):
            if hung in seen:
                continue
            seen.add(hung)
            thing = named.get(hung)
            if thing and hung not in ours:
                _add(found, thing, on)
            ahead.append((hung, thing.name if thing else on))
    return list(reversed(found.values()))


def _add(found: dict[str, Dependent], one: Object, on: str) -> None:
    statement = drop_statement(one.kind, one.identity)
    if statement:
        found.pop(one.name, None)
        found[one.name] = Dependent(one, on, statement)


def _edges(connection: psycopg.Connection) -> dict[tuple[int, int], list[tuple[int, Address]]]:
    found: dict[tuple[int, int], list[tuple[int, Address]]] = defaultdict(list)
    for row in connection.execute(EDGES.encode()).fetchall():
        found[row[3], row[4]].append((row[5], (row[0], row[1], row[2])))
    return found


def _hung(edges: dict[tuple[int, int], list[tuple[int, Address]]], on: Address) -> Iterator[Address]:
    for part, hung in edges.get(on[:2], ()):
        if on[2] in (0, part) and hung != on:
            yield hung


def functions_naming(
    connection: psycopg.Connection, made: dict[Address, str], now: Objects
) -> list[tuple[Address, str]]:
    """Return where functions of others stand whose text names something, each with the name of what it names.

    Args:
        connection: to the target.
        made: names of what may be named, by address.
        now: all objects, these among them.
    """
    return list(_naming(connection.execute(TEXTS.encode()).fetchall(), made, now, {}))


def _naming(
    texts: list[tuple[int, int, str]], made: dict[Address, str], now: Objects, before: Kept
) -> Iterator[tuple[Address, str]]:
    """Yield functions of others, newer than the tasks, whose text names what was made, with its name."""
    kinds = {one.address: one for one in now.values() if one.kind in WHOLE or one.kind == "column"}
    functions = {one.address: one for one in now.values() if one.kind in ("function", "procedure")}
    for classid, objid, text in texts:
        function = functions.get((classid, objid, 0))
        if function is None or function.is_runbooks or before.get(function.name, ("", ""))[1] == function.definition:
            continue
        for address, name in made.items():
            one = kinds.get(address)
            if one and all(re.search(rf"\b{re.escape(word)}\b", text) for word in _words(one)):
                yield function.address, name
                break


def _words(one: Object) -> list[str]:
    """Return the words by which a text would name an object: a column, with its table."""
    bare = one.identity.partition("(")[0].replace('"', "")
    return bare.split(".")[-2:] if one.kind == "column" else bare.split(".")[-1:]
