"""Tasks that change nothing: their sessions only read, and at the end everything must be as at the beginning."""

from collections.abc import Mapping
from dataclasses import dataclass

from runbook.database import snapshot
from runbook.notebook.context import Context
from runbook.query.table import Table

MOST_BYTES = 256 << 20  # tables larger than this in all are not read whole
# Of what this role owns, for no other can it have changed: what others do meanwhile is not this task's.
RIGHTS = b"""
    WITH objects (name, rights) AS (
        SELECT oid::regclass::text, relacl::text FROM pg_class
        WHERE relpersistence <> 't' AND pg_has_role(relowner, 'USAGE')
        UNION ALL
        SELECT format('%s.%s', attrelid::regclass, attname), attacl::text
        FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
        WHERE attacl IS NOT NULL AND relpersistence <> 't' AND pg_has_role(relowner, 'USAGE')
        UNION ALL
        SELECT oid::regprocedure::text, proacl::text FROM pg_proc
        WHERE pg_has_role(proowner, 'USAGE') AND pronamespace::regnamespace::text !~ '^pg_temp'
        UNION ALL
        SELECT 'schema ' || nspname, concat(nspowner, nspacl) FROM pg_namespace
        WHERE nspname !~ '^pg_' AND pg_has_role(nspowner, 'USAGE')
        UNION ALL
        SELECT 'defaults ' || oid, defaclacl::text FROM pg_default_acl WHERE pg_has_role(defaclrole, 'USAGE')
        UNION ALL
        SELECT 'member ' || roleid::regrole, member::regrole::text FROM pg_auth_members
        WHERE grantor = current_user::regrole
    )
    SELECT md5(string_agg(name || ' ' || rights, E'\n' ORDER BY name, rights)) FROM objects WHERE rights IS NOT NULL
"""
SETTINGS = b"""
    SELECT md5(concat((
        SELECT string_agg(format('%s %s', setrole, setconfig), E'\n' ORDER BY setrole)
        FROM pg_db_role_setting
        WHERE setdatabase = (SELECT oid FROM pg_database WHERE datname = current_database())
           OR setrole = current_user::regrole
    ), (
        SELECT concat_ws(' ', datdba, datacl, datconnlimit, datallowconn)
        FROM pg_database WHERE datname = current_database()
    )))
"""
OTHERS = b"""
    SELECT EXISTS (
        SELECT FROM pg_stat_activity
        WHERE datname = current_database() AND backend_type = 'client backend'
          AND pid <> pg_backend_pid() AND application_name !~ '^runbook '
    )
"""
TABLES = b"""
    SELECT nspname || '.' || relname, pg_table_size(pg_class.oid)
    FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
    WHERE nspname = ANY (%s) AND relkind = 'r' AND relpersistence <> 't' AND position('.' IN relname) = 0
      AND has_table_privilege(pg_class.oid, 'SELECT') AND NOT row_security_active(pg_class.oid)
"""


@dataclass(frozen=True)
class State:
    """What a task that changes nothing must leave as it is.

    Attributes:
        content: table → digest of its rows; None where others are at work, or the tables are too large to be read.
    """

    schema: str
    rights: str
    settings: str
    content: Mapping[str, str] | None


def begin_reading(task: Context, schema: str) -> None:
    """Let the session of a task that changes nothing only read, and remember what it found.

    Args:
        task: that begins.
        schema: the definition of the target's schema.
    """
    task.found = _state(task, schema)
    task.begin_probe = b"BEGIN READ WRITE"
    task.connection.execute("SET default_transaction_read_only = on")


def unchanged(task: Context) -> Table:
    """Return what a task that changes nothing has left as it was, a row each: `what`, `how`, `as_before`.

    Schema, rights and settings are held against what they were when it began. So is the content of tables where nobody
    else is connected; it has a row only where it has changed, so that a fine result does not depend on who is there.
    No rows where the task may change the target.
    """
    was, now = task.found, _state(task, task.schema())
    if not isinstance(was, State):
        return Table(["what", "how", "as_before"], [])
    rows = [
        ["schema", "line by line", _lines(was.schema) == _lines(now.schema)],
        ["rights", "of everything this role owns", was.rights == now.rights],
        ["settings", "of the database and its roles", was.settings == now.settings],
    ]
    if was.content is not None and now.content is not None and was.content != now.content:
        rows.append(["content", "of every table it may read", False])
    return Table(["what", "how", "as_before"], rows)


def _lines(schema: str) -> list[str]:
    """Return the lines of a schema; pg_dump's order follows what temporary views of sessions depend on."""
    return sorted(schema.splitlines())


def _state(task: Context, schema: str) -> State:
    execute = task.ledger.connection.execute
    rights, settings = (execute(query).fetchone() for query in (RIGHTS, SETTINGS))
    assert rights is not None and settings is not None
    return State(schema, rights[0], settings[0], _content(task))


def _content(task: Context) -> dict[str, str] | None:
    connection = task.ledger.connection
    with connection.cursor() as cursor:
        others = cursor.execute(OTHERS).fetchone()
        tables = cursor.execute(TABLES, [list(task.target.schemas)]).fetchall()
    if others == (True,) or sum(size for _, size in tables) > MOST_BYTES:
        return None
    found = {name: snapshot.digest(connection, name) for name, _ in tables}
    return {name: f"{one.rows}:{one.digest}" for name, one in found.items()}
