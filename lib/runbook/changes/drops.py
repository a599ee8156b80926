"""Drops: how a rollback drops the objects that a task has made, and gives options of tables their old values back.

An object is looked up by its OID: another one may have its name by now, and is not touched. CASCADE is never used. An
option that somebody has set since keeps its value.
"""

from collections.abc import Iterator

import psycopg

from runbook.changes import objects, record
from runbook.changes.objects import Address, Objects
from runbook.changes.record import ObjectChange
from runbook.database.schema_names import AsFound
from runbook.errors import StepFailed

ON_TABLE = {"trigger": "TRIGGER", "policy": "POLICY", "rule": "RULE"}
ALONE = {
    "table", "foreign table", "view", "materialized view", "sequence", "index", "function", "procedure", "aggregate",
    "type", "domain", "schema", "extension", "publication", "event trigger", "collation",
}  # fmt: skip
WITH_OPTIONS = ("table", "materialized view", "view", "index", "sequence")
# Objects that go with another one and have no DROP of their own: the sequence of a column, the index of a constraint,
# what depends on a column, what a partition or an inheriting table has from its parent
GOING_ALONG = """
    WITH made AS (
        SELECT classid::oid, objid::oid, objsubid
        FROM unnest(%s::bigint[], %s::bigint[], %s::integer[]) AS made (classid, objid, objsubid)
    )
    SELECT classid::bigint, objid::bigint, objsubid
    FROM made
    WHERE EXISTS (
        SELECT FROM pg_attribute
        WHERE classid = 'pg_class'::regclass AND attrelid = objid AND attnum = objsubid AND attinhcount > 0
        UNION ALL
        SELECT FROM pg_constraint WHERE classid = 'pg_constraint'::regclass AND oid = objid AND coninhcount > 0
    ) OR objsubid = 0 AND EXISTS (
        SELECT FROM pg_depend AS d JOIN made AS other
            ON refclassid = other.classid AND refobjid = other.objid
                AND (other.objsubid = 0 OR refobjsubid = other.objsubid)
        WHERE d.classid = made.classid AND d.objid = made.objid AND deptype IN ('a', 'i', 'P'))
"""


def drop_statement(kind: str, identity: str, part_of: str = "") -> str | None:
    """Return the statement that drops an object, or None if its kind has no such statement.

    Args:
        kind: as `objects` calls it.
        identity: as `objects` and pg_identify_object give it.
        part_of: the name of what it goes with: a domain has constraints, too.
    """
    if kind == "column":
        table, column = _cut(identity, ".")
        return f"ALTER TABLE {table} DROP COLUMN {column}"
    if kind == "constraint":
        name, table = _cut(identity, " on ")
        return f"ALTER {'DOMAIN' if part_of.startswith('domain ') else 'TABLE'} {table} DROP CONSTRAINT {name}"
    if kind in ON_TABLE:
        name, table = _cut(identity, " on ")
        return f"DROP {ON_TABLE[kind]} {name} ON {table}"
    if kind == "statistics object":
        return f"DROP STATISTICS {identity}"
    return f"DROP {kind.upper()} {identity}" if kind in ALONE else None


def drop_made(connection: psycopg.Connection, plan: str, task: int) -> list[str]:
    """Drop what a task has made, as far as it still exists; return the statements.

    Call it in the transaction that records the drops.

    Raises:
        StepFailed: something else depends on it.
        psycopg.Error: the server refused.
    """
    changes = list(reversed(record.recorded(connection, plan, (task,))))
    return drop_objects(connection, changes, f"what Task {task} made")


def drop_objects(connection: psycopg.Connection, changes: list[ObjectChange], what: str) -> list[str]:
    """Drop recorded objects, newest first, and give options their old values back; return the statements.

    Args:
        connection: to the target, in a transaction.
        changes: from the record.
        what: what they are, in words, for the error.

    Raises:
        StepFailed: something else depends on one.
        psycopg.Error: the server refused.
    """
    made = [_placed(connection, one) for one in changes if one.is_made]
    standing = objects.find_objects(connection)
    waiting = [*_options(changes, standing), *_statements(connection, made, standing)]
    done: list[str] = []
    while waiting:
        refused = [one for one in waiting if not _carry_out(connection, one, done)]
        if len(refused) == len(waiting):
            raise StepFailed(f"Something depends on {what}: the server refuses {refused[0]}.")
        waiting = refused
    return done


def _options(changes: list[ObjectChange], standing: Objects) -> Iterator[str]:
    """Yield statements that give options of tables and views their old values, unless somebody has set them since."""
    made = {one.name for one in changes if one.is_made}
    for one in changes:
        current = standing.get(one.name)
        if one.kind != "option" or one.part_of in made or (current.definition if current else None) != one.after:
            continue
        undo = f"RESET ({one.identity.partition(' of ')[0]})" if one.before is None else f"SET ({one.before})"
        kind = next(kind for kind in WITH_OPTIONS if one.part_of.startswith(f"{kind} "))
        yield f"ALTER {kind.upper()} {one.part_of.removeprefix(f'{kind} ')} {undo}"


def _statements(connection: psycopg.Connection, made: list[ObjectChange], standing: Objects) -> list[str]:
    """Return the statements that drop the objects, with one statement for all columns of a table."""
    made = [one for one in made if one.kind not in record.SHARING]  # these stand at what they belong to
    names, found = {one.name for one in made}, dict[str, str]()
    along = _going_along(connection, made)
    names_now = {(one.kind, one.address): one.identity for one in standing.values()}
    for one in made:
        identity = names_now.get((one.kind, one.address))  # others may have given it another name
        statement = drop_statement(one.kind, identity, one.part_of) if identity else None
        if statement is None or one.part_of in names or one.address in along:
            continue
        head, _, column = statement.partition(" DROP COLUMN ")
        found[head] = f"{found[head]}, DROP COLUMN {column}" if column and head in found else statement
    return list(found.values())


def _carry_out(connection: psycopg.Connection, statement: str, done: list[str]) -> bool:
    """Run a statement; return False, with nothing done, if something still depends on what it drops."""
    try:  # in one message: others wait
        connection.execute(AsFound(f"SAVEPOINT dropping; {statement}; RELEASE dropping".encode()))
    except psycopg.errors.DependentObjectsStillExist:
        connection.execute("ROLLBACK TO dropping; RELEASE dropping")
        return False
    done.append(statement)
    return True


def _placed(connection: psycopg.Connection, one: ObjectChange) -> ObjectChange:
    """Return an object with its OID; of an index that was being built, only the name is on record."""
    if one.address != record.NOWHERE:
        return one
    row = connection.execute(
        "SELECT 'pg_class'::regclass::oid::bigint, oid::bigint, 0 FROM pg_class WHERE oid = to_regclass(%s)"
        " AND relkind = 'i'",
        [one.identity],
    ).fetchone()
    return record.moved(one, (row[0], row[1], row[2])) if row else one


def _going_along(connection: psycopg.Connection, made: list[ObjectChange]) -> set[Address]:
    addresses = [list(part) for part in zip(*(one.address for one in made), strict=True)] or [[], [], []]
    return {(row[0], row[1], row[2]) for row in connection.execute(GOING_ALONG, addresses).fetchall()}


def _cut(identity: str, mark: str) -> tuple[str, str]:
    """Split an identity at the last mark outside quotes."""
    places = range(len(identity) - len(mark), -1, -1)
    at = next(place for place in places if identity.startswith(mark, place) and identity[:place].count('"') % 2 == 0)
    return identity[:at], identity[at + len(mark) :]
