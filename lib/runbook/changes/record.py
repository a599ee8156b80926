"""The record: what each task made, changed and dropped, each with its definition before and after.

It is written in the very transaction that makes the change, so it knows neither more nor less than the target. A way
back drops what is recorded as made, and nothing else; what it has given back leaves the record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import psycopg

from runbook.changes import objects
from runbook.changes.objects import Address, Objects

NOWHERE: Address = (0, 0, 0)  # of what is still being made
SHARING = {"privilege", "option", "row security", "owner", "replica identity", "comment"}  # at what has them
RENAMED = "as "  # begins what stands for the definition before, of what the task gave another name

# Each for many rows at once: others may wait for what is locked meanwhile.
KEEP = """
    INSERT INTO runbook.objects (plan, task, kind, identity, part_of, classid, objid, objsubid, before, after)
    SELECT %s, %s, * FROM unnest(
        %s::text[], %s::text[], %s::text[], %s::bigint[], %s::bigint[], %s::integer[], %s::text[], %s::text[])
    ON CONFLICT (plan, task, kind, identity) DO UPDATE
    SET classid = excluded.classid, objid = excluded.objid, objsubid = excluded.objsubid,
        after = excluded.after, part_of = excluded.part_of
"""
MADE_AGAIN = """
    UPDATE runbook.objects AS o
    SET classid = newer.classid, objid = newer.objid, objsubid = newer.objsubid, after = newer.after
    FROM runbook.objects AS newer
    WHERE o.plan = %(plan)s AND o.task < %(task)s AND o.after IS NOT NULL
      AND newer.plan = o.plan AND newer.task = %(task)s AND newer.kind = o.kind AND newer.identity = o.identity
      AND newer.kind || ' ' || newer.identity = ANY (%(again)s)
"""
LOST = "DELETE FROM runbook.objects WHERE plan = %s AND task = %s AND kind || ' ' || identity = ANY (%s)"
ENDED = """
    DELETE FROM runbook.objects
    USING unnest(%s::bigint[], %s::bigint[], %s::integer[]) AS ended (class, object, part)
    WHERE plan = %s AND task = %s AND before IS NULL
      AND classid = class::oid AND objid = object::oid AND objsubid = part
"""
GIVEN_BACK = """
    DELETE FROM runbook.objects WHERE plan = %s AND task = %s
        AND (before IS NOT DISTINCT FROM after OR (after IS NULL AND before ^@ 'as '))
"""


@dataclass(frozen=True)
class ObjectChange:
    """What became of one object by a task, over all its cells and attempts.

    Attributes:
        task: number of the task.
        kind: of the object, `identity` its qualified name.
        part_of: the name of what it goes with.
        before: its definition before the task, None where there was no such object.
        after: its definition after the task's last change of it, None where the task has dropped it.
        address: where it stands in the catalog; `NOWHERE` while it is being made.
    """

    task: int
    kind: str
    identity: str
    part_of: str
    before: str | None
    after: str | None
    address: Address

    @property
    def name(self) -> str:
        """Kind and identity, unique in a target."""
        return f"{self.kind} {self.identity}"

    @property
    def is_made(self) -> bool:
        """Whether the task made it."""
        return self.before is None


def recorded(connection: psycopg.Connection, plan: str, tasks: tuple[int, ...] | None = None) -> list[ObjectChange]:
    """Return the record of a plan, in the order it was written; of some tasks only, where they are named.

    A target that holds no ledger has no record.
    """
    if connection.execute("SELECT to_regclass('runbook.objects')").fetchone() == (None,):
        return []
    rows = connection.execute(
        """
        SELECT task, kind, identity, part_of, before, after, classid::bigint, objid::bigint, objsubid
        FROM runbook.objects
        WHERE plan = %(plan)s AND (%(tasks)s::integer[] IS NULL OR task = ANY (%(tasks)s))
        ORDER BY position
        """,
        {"plan": plan, "tasks": None if tasks is None else list(tasks)},
    ).fetchall()
    return [
        ObjectChange(row[0], row[1], row[2], row[3], row[4], row[5], address=(row[6], row[7], row[8])) for row in rows
    ]


def moved(one: ObjectChange, address: Address) -> ObjectChange:
    """Return a change whose object stands elsewhere."""
    return replace(one, address=address)


def record_transaction(connection: psycopg.Connection, plan: str, task: int, before: Objects) -> None:
    """Write down what the transaction under way did, held against the objects from just before it."""
    written = objects.find_written(connection)
    if not written.standing:
        return
    standing = set(written.standing.values())
    touched = {one.address for one in written.objects.values()}
    stood = {one.address for one in before.values()}  # what a later task has dropped stays on record for its rollback
    ended = (_made_addresses(connection, plan, task) & stood) - standing
    gone = {
        name
        for name, one in before.items()
        if written.standing.get(name) not in touched
        and (one.address not in standing or one.address in touched)
        and one.address not in ended
    }
    record_changes(connection, plan, task, before, {**written.objects, **dict.fromkeys(gone)})
    if ended:
        connection.execute(ENDED, [*map(list, zip(*ended, strict=True)), plan, task])


def _made_addresses(connection: psycopg.Connection, plan: str, task: int) -> set[Address]:
    """Return where stands what a task has made, under whatever name by now."""
    made = (one for one in recorded(connection, plan, (task,)) if one.is_made and one.kind not in SHARING)
    return {one.address for one in made} - {NOWHERE}


def difference(before: Objects, after: Objects) -> dict[str, objects.Object | None]:
    """Return what is new or different in `after`, and None for what is gone."""
    found: dict[str, objects.Object | None] = {
        name: one for name, one in after.items() if name not in before or before[name].definition != one.definition
    }
    return found | dict.fromkeys(before.keys() - after.keys())


def record_changes(
    connection: psycopg.Connection, plan: str, task: int, before: Objects, now: Mapping[str, objects.Object | None]
) -> None:
    """Add changes to the record of a task: names with what stands there now, None where nothing does any more.

    What is again as it was before the task leaves the record. What a rollback builds again belongs, again, to whoever
    made it first.
    """
    rows, lost = [], []
    stood = {(one.kind, one.address): one for one in before.values() if one.kind not in SHARING}
    for name, one in now.items():
        was = before.get(name)
        if was is None and one is not None and (old := stood.get((one.kind, one.address))):
            was = replace(old, definition=f"{RENAMED}{old.name}")
        about = one or was
        if about is None:  # it was about to be made
            lost.append(name)
        elif one is None or was is None or (one.definition, one.address) != (was.definition, was.address):
            definitions = (was and was.definition, one and one.definition)
            rows.append((about.kind, about.identity, about.part_of, *about.address, *definitions))
    again = [f"{kind} {identity}" for kind, identity, *_, after in rows if after is not None]
    with connection.transaction():
        if rows:
            connection.execute(KEEP, [plan, task, *map(list, zip(*rows, strict=True))])
        connection.execute(MADE_AGAIN, {"plan": plan, "task": task, "again": again})
        connection.execute(LOST, [plan, task, lost])
        connection.execute(GIVEN_BACK, [plan, task])


def forget(connection: psycopg.Connection, plan: str, task: int) -> None:
    """Take a task out of the record: it is given back, and what still differs is others' work."""
    connection.execute("DELETE FROM runbook.objects WHERE plan = %s AND task = %s", [plan, task])
