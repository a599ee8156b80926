"""Rights as data: who holds what on which object, compared before and after.

The SQL beside this module (ledger_rights.sql) reads them, as the view `runbook.rights`; sets them, for a reason, as
`runbook.set_rights`; and gives back what was set, as `runbook.give_back_rights`.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

import psycopg
from psycopg.rows import class_row


@dataclass(frozen=True, order=True)
class Right:
    """One right of one role on one object.

    Attributes:
        kind: `schema`, `table` (whatever has rows), `sequence` or `routine`.
        object: qualified and quoted, a routine with its argument types.
        column: quoted; empty for the whole object.
        grantor: quoted.
        grantee: quoted, or PUBLIC.
        privilege: such as `UPDATE`.
        grantable: whether it may be granted on.
    """

    kind: str
    object: str
    column: str
    grantor: str
    grantee: str
    privilege: str
    grantable: bool

    def __str__(self) -> str:
        place = f"{self.object} ({self.column})" if self.column else self.object
        passed_on = ", with grant option" if self.grantable else ""
        return f"{self.privilege} on {self.kind} {place} to {self.grantee}, granted by {self.grantor}{passed_on}"


def snapshot(connection: psycopg.Connection, schemas: Collection[str] = ()) -> frozenset[Right]:
    """Return every right held in the target; the ledger must be prepared.

    Args:
        connection: to the target.
        schemas: only on these and on what is in them; none: on everything but the system's own.
    """
    with connection.cursor(row_factory=class_row(Right)) as cursor:
        cursor.execute(
            """
            SELECT kind, object, COALESCE(column_name, '') AS column, grantor, grantee, privilege, grantable
            FROM runbook.rights
            WHERE %(schemas)s::text[] = '{}' OR EXISTS (
                SELECT FROM unnest(%(schemas)s::text[]) AS name
                WHERE object = quote_ident(name) AND kind = 'schema' OR object ^@ (quote_ident(name) || '.')
            )
            """,
            {"schemas": list(schemas)},
        )
        return frozenset(cursor)


def wider(before: Iterable[Right], after: Iterable[Right]) -> list[Right]:
    """Return the rights held after that nothing held before covers, whoever granted it.

    A right on the whole covers each column, one that may be granted on covers one that may not, and PUBLIC's covers
    everybody's. Rights on an object nobody held any right on before are all wider: leave out what is meant to be new.
    """
    held = {(one.kind, one.object, one.column, one.grantee, one.privilege, one.grantable) for one in before}
    return sorted(
        one
        for one in after
        if not any(
            (one.kind, one.object, column, grantee, one.privilege, grantable) in held
            for column in {one.column, ""}
            for grantee in {one.grantee, "PUBLIC"}
            for grantable in {one.grantable, True}
        )
    )
