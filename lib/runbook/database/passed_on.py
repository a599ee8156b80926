"""Rights passed on: what somebody other than an object's owner has granted.

pg_restore would have to be that role, which takes a superuser. A copy gets all rights on such an object as the runbook
itself sets rights, each granted by whom it names.
"""

import re
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from runbook.database import ledger_schema

OBJECTS = """
    SELECT kind, object, runbook.rights_on(kind, object),
        COALESCE(relnamespace::regnamespace, pronamespace::regnamespace)::text, COALESCE(relname, proname)::text
    FROM (SELECT DISTINCT kind, object FROM runbook.rights WHERE grantor <> runbook.owner_of(kind, object)) AS passed_on
    LEFT JOIN pg_class ON kind IN ('table', 'sequence')
        AND pg_class.oid = to_regclass(CASE WHEN kind IN ('table', 'sequence') THEN object END)
    LEFT JOIN pg_proc ON pg_proc.oid = to_regprocedure(CASE kind WHEN 'routine' THEN object END)
    WHERE kind <> 'schema'
"""
Row = tuple[str, str, Any, str, str]


def objects_with_rights_passed_on(connection: psycopg.Connection) -> list[Row]:
    """Return the objects of a target with such rights: kind, qualified name, all rights, schema, bare name."""
    return [(row[0], row[1], row[2], row[3], row[4]) for row in connection.execute(OBJECTS.encode()).fetchall()]


def entries_of(found: list[Row]) -> list[str]:
    """Return patterns of the entries of a dump, behind their number, that grant on such objects."""
    patterns = []
    for kind, _, _, schema, name in found:
        what = {"table": r"(?:TABLE {0} |COLUMN {0}\.)", "sequence": "SEQUENCE {0} "}.get(kind, r"\w+ {0}\(")
        patterns.append(rf"\d+ \d+ ACL {re.escape(schema.strip(chr(34)))} {what.format(re.escape(name))}")
    return patterns


def set_in_copy(scratch: psycopg.Connection, found: list[Row]) -> None:
    """Set all rights on such objects in a copy; of a role that cannot be taken there, none is set."""
    if found:
        ledger_schema.prepare(scratch)
    for kind, name, wanted, _, _ in found:
        with suppress(psycopg.errors.InsufficientPrivilege):
            scratch.execute("SELECT runbook.make_rights(%s, %s, %s)", [kind, name, Jsonb(wanted)])
