"""Rights passed on: privileges granted by another role than the owner of the object.

pg_restore would have to be that role, which takes a superuser. A copy gets all rights on such an object as the runbook
itself sets rights, each granted by whom it names.
"""

import re
from contextlib import suppress
from typing import Any

import psycopg
from psycopg.types.json import Jsonb

from runbook.database import ledger_schema

# Of schemas that this role may look into: of others a copy brings nothing along
OBJECTS = """
    SELECT kind, object, runbook.rights_on(kind, object), place::regnamespace::text, COALESCE(relname, proname)::text
    FROM (SELECT DISTINCT kind, object, objid FROM runbook.rights WHERE grantor <> owner) AS passed_on
    LEFT JOIN pg_class ON kind IN ('table', 'sequence') AND pg_class.oid = objid
    LEFT JOIN pg_proc ON kind = 'routine' AND pg_proc.oid = objid
    CROSS JOIN LATERAL COALESCE(relnamespace, pronamespace) AS place
    WHERE kind <> 'schema' AND has_schema_privilege(place, 'USAGE')
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
