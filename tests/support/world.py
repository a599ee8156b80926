"""A target, written down: everything a migration could have changed, so that two moments can be compared."""

import subprocess
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from difflib import unified_diff
from types import MappingProxyType

import psycopg
from psycopg import sql

from runbook.changes.schemas import with_enums_as_before
from runbook.database import privileges

# A row's text must not depend on what a shape sets.
PLAINLY = """
    SET LOCAL timezone = 'UTC'; SET LOCAL datestyle = 'ISO, YMD'; SET LOCAL intervalstyle = 'postgres';
    SET LOCAL extra_float_digits = 1; SET LOCAL bytea_output = 'hex'; SET LOCAL row_security = off
"""
OURS = "runbook"  # the schema of the ledger, which nobody gives back
SCHEMAS = f"nspname !~ '^pg_' AND nspname <> ALL ('{{information_schema,{OURS}}}')"

TABLES = f"""
    SELECT n.nspname, c.relname FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace
    WHERE {SCHEMAS} AND relkind IN ('r', 'm') AND relpersistence <> 't'
    ORDER BY 1, 2
"""

# Each is a query of lines; a line holds one fact, names first.
FACTS = {
    "right": f"""
        WITH objects (name, owner, acl) AS (
            SELECT format('%s %I.%I', CASE relkind WHEN 'S' THEN 'sequence' ELSE 'relation' END, nspname, relname),
                relowner, COALESCE(relacl, acldefault(CASE relkind WHEN 'S' THEN 's' ELSE 'r' END::"char", relowner))
            FROM pg_class JOIN pg_namespace AS n ON n.oid = relnamespace
            WHERE {SCHEMAS} AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')
            UNION ALL
            SELECT format('column %I.%I.%I', nspname, relname, attname), relowner, attacl
            FROM pg_attribute JOIN pg_class AS c ON c.oid = attrelid JOIN pg_namespace AS n ON n.oid = relnamespace
            WHERE {SCHEMAS} AND NOT attisdropped AND attacl IS NOT NULL
            UNION ALL
            SELECT 'function ' || p.oid::REGPROCEDURE, proowner, COALESCE(proacl, acldefault('f', proowner))
            FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace WHERE {SCHEMAS}
            UNION ALL
            SELECT 'schema ' || nspname, nspowner, COALESCE(nspacl, acldefault('n', nspowner))
            FROM pg_namespace WHERE {SCHEMAS}
            UNION ALL
            SELECT 'type ' || t.oid::REGTYPE, typowner, COALESCE(typacl, acldefault('T', typowner))
            FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = typnamespace
            WHERE {SCHEMAS} AND typelem = 0 AND typtype <> 'm'
            UNION ALL
            SELECT 'database', datdba, COALESCE(datacl, acldefault('d', datdba))
            FROM pg_database WHERE datname = current_database()
            UNION ALL
            SELECT format('default %s %s %s', defaclrole::REGROLE, defaclnamespace::REGNAMESPACE, defaclobjtype),
                defaclrole, defaclacl
            FROM pg_default_acl
        )
        SELECT concat_ws(' · ', name, grantor::REGROLE,
            CASE grantee WHEN 0 THEN 'PUBLIC' ELSE grantee::REGROLE::TEXT END, privilege_type,
            CASE WHEN is_grantable THEN 'grantable' END)
        FROM objects, aclexplode(acl)
    """,
    "setting": """
        SELECT concat_ws(' · ', CASE setdatabase WHEN 0 THEN 'everywhere' ELSE 'here' END, setrole::REGROLE, each)
        FROM pg_db_role_setting, unnest(setconfig) AS each
        WHERE setdatabase IN (0, (SELECT oid FROM pg_database WHERE datname = current_database()))
    """,
    "trigger": f"""
        SELECT concat_ws(' · ', tgrelid::REGCLASS, tgname, tgenabled, pg_get_triggerdef(t.oid))
        FROM pg_trigger AS t JOIN pg_class AS c ON c.oid = tgrelid JOIN pg_namespace AS n ON n.oid = relnamespace
        WHERE {SCHEMAS} AND NOT tgisinternal
        UNION ALL
        SELECT concat_ws(' · ', 'event trigger', evtname, evtenabled, evtfoid::REGPROCEDURE) FROM pg_event_trigger
    """,
    "identity": f"""
        SELECT concat_ws(' · ', 'function', p.oid::REGPROCEDURE, p.oid, proowner::REGROLE)
        FROM pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace WHERE {SCHEMAS}
        UNION ALL
        SELECT concat_ws(' · ', 'relation', c.oid::REGCLASS, c.oid, relowner::REGROLE, relrowsecurity,
            relforcerowsecurity, relreplident)
        FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace WHERE {SCHEMAS}
    """,
    "role": """
        SELECT concat_ws(' · ', rolname, rolsuper, rolinherit, rolcreaterole, rolcreatedb, rolcanlogin, rolreplication,
            rolbypassrls, rolconnlimit)
        FROM pg_roles
        UNION ALL
        SELECT concat_ws(' · ', pg_get_userbyid(roleid), 'has the member', pg_get_userbyid(member), 'by',
            pg_get_userbyid(grantor), admin_option)
        FROM pg_auth_members
    """,
}  # fmt: skip

# What each role can do, whatever gave it the right: a line each.
CAPABILITIES = f"""
    WITH roles AS (
        SELECT oid AS role, rolname FROM pg_roles WHERE rolname !~ '^pg_' AND NOT rolsuper
        UNION ALL
        SELECT 0, 'PUBLIC'
    )
    SELECT concat_ws(' · ', rolname, c.oid::REGCLASS, privilege)
    FROM roles, pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'REFERENCES', 'TRIGGER']) AS privilege
    WHERE {SCHEMAS} AND relkind IN ('r', 'p', 'v', 'm', 'f') AND has_table_privilege(role, c.oid, privilege)
    UNION ALL
    SELECT concat_ws(' · ', rolname, c.oid::REGCLASS || '.' || quote_ident(attname), privilege)
    FROM roles, pg_attribute JOIN pg_class AS c ON c.oid = attrelid JOIN pg_namespace AS n ON n.oid = relnamespace,
        unnest(ARRAY['SELECT', 'INSERT', 'UPDATE', 'REFERENCES']) AS privilege
    WHERE {SCHEMAS} AND relkind IN ('r', 'p', 'v', 'm', 'f') AND attnum > 0 AND NOT attisdropped
        AND has_column_privilege(role, c.oid, attnum, privilege)
    UNION ALL
    SELECT concat_ws(' · ', rolname, c.oid::REGCLASS, privilege)
    FROM roles, pg_class AS c JOIN pg_namespace AS n ON n.oid = relnamespace,
        unnest(ARRAY['SELECT', 'USAGE', 'UPDATE']) AS privilege
    WHERE {SCHEMAS} AND CASE relkind WHEN 'S' THEN has_sequence_privilege(role, c.oid, privilege) END
    UNION ALL
    SELECT concat_ws(' · ', rolname, p.oid::REGPROCEDURE, 'EXECUTE')
    FROM roles, pg_proc AS p JOIN pg_namespace AS n ON n.oid = pronamespace
    WHERE {SCHEMAS} AND has_function_privilege(role, p.oid, 'EXECUTE')
    UNION ALL
    SELECT concat_ws(' · ', rolname, 'schema ' || nspname, privilege)
    FROM roles, pg_namespace AS n, unnest(ARRAY['USAGE', 'CREATE']) AS privilege
    WHERE {SCHEMAS} AND has_schema_privilege(role, n.oid, privilege)
"""


@dataclass(frozen=True)
class World:
    """A target at a moment.

    Attributes:
        schema: as pg_dump writes it, without the ledger.
        facts: sorted lines, by kind; see `FACTS`.
        content: rows and digest of each table.
        sequences: the last value each has given out.
        capabilities: what each role can do, a line each.
    """

    schema: str
    facts: Mapping[str, frozenset[str]]
    content: Mapping[str, str]
    sequences: Mapping[str, int]
    capabilities: frozenset[str]


def observe(url: str, passing: Mapping[str, Sequence[str]] = MappingProxyType({})) -> World:
    """Write a target down.

    Args:
        url: of its server's superuser.
        passing: by table, the columns that its content is told apart without.
    """
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("SET search_path = ''")
        facts = {kind: frozenset(row[0] for row in connection.execute(query)) for kind, query in FACTS.items()}
        content = {
            f"{schema}.{table}": _digest(connection, schema, table, passing.get(f"{schema}.{table}", ()))
            for schema, table in connection.execute(TABLES.encode())
        }
        sequences = dict(
            connection.execute(
                "SELECT format('%I.%I', schemaname, sequencename), COALESCE(last_value, 0) FROM pg_sequences"
                f" WHERE schemaname <> '{OURS}'"
            ).fetchall()
        )
        capabilities = frozenset(row[0] for row in connection.execute(CAPABILITIES))
    options = ["--schema-only", f"--exclude-schema={OURS}", f"--dbname={url}"]
    text = subprocess.run(
        [privileges.programs() / "pg_dump", *options], capture_output=True, text=True, check=True
    ).stdout
    lines = [line for line in text.splitlines() if line and not line.startswith(("--", "\\restrict", "\\unrestrict"))]
    return World("\n".join(lines), facts, content, sequences, capabilities)


def differences(before: World, after: World, grows: Collection[str] = ()) -> list[str]:
    """Return what is not as it was, a line each; a sequence may have gone on, but not back.

    Args:
        before: the earlier moment.
        after: the later one.
        grows: tables in which others keep a log of what is done: they may have more rows.
    """
    schema = with_enums_as_before(before.schema, after.schema)  # no value of an enum can be taken away again
    found = [f"schema: {line}" for line in _changed(before.schema.splitlines(), schema.splitlines())]
    for kind, lines in before.facts.items():
        found += [f"{kind} lost: {line}" for line in sorted(lines - after.facts[kind])]
        found += [f"{kind} gained: {line}" for line in sorted(after.facts[kind] - lines)]
    for table in sorted(before.content.keys() | after.content.keys()):
        was, now = before.content.get(table), after.content.get(table)
        if was != now and not (table in grows and was and now and _rows(was) <= _rows(now)):
            found.append(f"content: {table} was {was}, is {now}")
    for name, value in before.sequences.items():
        if (now := after.sequences.get(name)) is None or now < value:
            found.append(f"sequence: {name} was at {value}, is at {now}")
    return found


def gained(before: World, after: World) -> list[str]:
    """Return what somebody can do after and could not do before, a line each, as far as both know the object."""
    known = {line.split(" · ")[1] for line in before.capabilities}
    return sorted(line for line in after.capabilities - before.capabilities if line.split(" · ")[1] in known)


def _changed(was: list[str], now: list[str]) -> list[str]:
    return [line for line in unified_diff(was, now, lineterm="", n=0) if not line.startswith(("---", "+++", "@@"))]


def _rows(content: str) -> int:
    return int(content.partition(":")[0])


def _digest(connection: psycopg.Connection, schema: str, table: str, without: Sequence[str]) -> str:
    row = sql.SQL("to_jsonb(t) - {}::text[]").format(list(without)) if without else sql.SQL("t")
    query = sql.SQL(
        "SELECT count(*) || ':' || COALESCE(sum(hashtextextended(({})::text, 0)), 0) FROM ONLY {} AS t"
    ).format(row, sql.Identifier(schema, table))
    with connection.transaction():
        connection.execute(PLAINLY.encode())
        found = connection.execute(query).fetchone()
    assert found is not None
    return str(found[0])
