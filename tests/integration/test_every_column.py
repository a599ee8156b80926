"""Functions that take every column of a table: those that fail once it has more are named, and no others."""

from collections.abc import Iterator

import psycopg
import pytest

from runbook.database import embedded
from runbook.plan import cells
from runbook.plan.plan import Plan
from tests.support.baseline import baseline

DATABASE = "every_column"
TABLES = "CREATE TABLE archive AS TABLE organizations; CREATE TABLE kept AS SELECT id, name FROM organizations"
COLUMNS = "id, name, plan_name, status, total_credits, contact_email, created_at, updated_at"
LISTED = "TABLE (id uuid, name text, plan text, status text, total int, email text, made timestamptz, new timestamptz)"
PLAIN = ("sql", "plpgsql")
# By what it does: its result, its body, the languages it is written in
BODIES = {
    "counts": ("bigint", "SELECT count(*) FROM organizations", PLAIN),
    "returns_rows": ("SETOF organizations", "SELECT * FROM organizations", PLAIN),
    "returns_rows_by_alias": ("SETOF organizations", "SELECT o.* FROM organizations AS o", PLAIN),
    "returns_rows_named": ("SETOF organizations", f"SELECT {COLUMNS} FROM organizations", PLAIN),
    "returns_table": (LISTED, "SELECT * FROM public.organizations", PLAIN),
    "returns_table_by_alias": (LISTED, "SELECT o.* FROM organizations o", PLAIN),
    "returns_table_joined": (
        LISTED,
        "SELECT o.* FROM organizations AS o JOIN organization_credits AS c ON c.organization_id = o.id",
        PLAIN,
    ),
    "returns_table_named": (LISTED, f"SELECT {COLUMNS} FROM (SELECT * FROM organizations) AS o", ("sql",)),
    "returns_table_dynamic": (LISTED, "EXECUTE 'SELECT * FROM organizations'", ("plpgsql",)),
    "returns_archived": ("SETOF archive", "SELECT * FROM organizations", PLAIN),
    "returns_json": ("SETOF jsonb", "SELECT to_jsonb(o) FROM organizations AS o", PLAIN),
    "returns_balances": ("SETOF organization_credits", "SELECT * FROM organization_credits", PLAIN),
    "returns_actions": ("SETOF credit_actions", "SELECT * FROM credit_actions", PLAIN),
    "returns_balances_of": (
        "SETOF organization_credits",
        "SELECT c.* FROM organizations AS o JOIN organization_credits AS c ON c.organization_id = o.id",
        PLAIN,
    ),
    "archives": ("void", "INSERT INTO archive SELECT * FROM organizations", PLAIN),
    "archives_listed": ("void", f"INSERT INTO archive ({COLUMNS}) SELECT * FROM organizations", PLAIN),
    "archives_named": ("void", f"INSERT INTO archive SELECT {COLUMNS} FROM organizations", PLAIN),
    "archives_from_within": ("void", "INSERT INTO kept SELECT id, name FROM (SELECT * FROM organizations) AS o", PLAIN),
    "archives_by_alias": ("void", "INSERT INTO archive SELECT o.* FROM organizations AS o", PLAIN),
    "archives_what_goes": (
        "void",
        "WITH gone AS (DELETE FROM organizations WHERE id IS NULL RETURNING *) INSERT INTO archive SELECT * FROM gone",
        PLAIN,
    ),
    "archives_names_of_what_goes": (
        "void",
        "WITH gone AS (DELETE FROM organizations WHERE id IS NULL RETURNING *)"
        " INSERT INTO kept SELECT id, name FROM gone",
        PLAIN,
    ),
    "casts_a_row": ("SETOF text", f"SELECT (ROW({COLUMNS})::organizations).name FROM organizations", ("sql",)),
    "unites": (LISTED, f"SELECT {COLUMNS} FROM archive UNION ALL SELECT * FROM organizations", ("sql",)),
    "unites_in_a_loop": (
        "void",
        "DECLARE this record; BEGIN FOR this IN SELECT * FROM organizations UNION ALL SELECT * FROM archive LOOP"
        " PERFORM this; END LOOP; END",
        ("plpgsql",),
    ),
    "unites_the_same": (
        "SETOF organizations",
        "SELECT * FROM organizations WHERE name = '' UNION SELECT * FROM organizations WHERE name <> ''",
        PLAIN,
    ),
    "brings_back": ("void", "INSERT INTO organizations SELECT * FROM archive WHERE id IS NULL", PLAIN),
    "archives_a_variable": (
        "void",
        "DECLARE this organizations%ROWTYPE; BEGIN SELECT * INTO this FROM organizations LIMIT 1;"
        " INSERT INTO archive VALUES (this.*); END",
        ("plpgsql",),
    ),
    "reads_a_variable": (
        "text",
        "DECLARE this organizations; BEGIN SELECT * INTO this FROM organizations LIMIT 1; RETURN this.name; END",
        ("plpgsql",),
    ),
    "passes_a_record": (
        "organizations",
        "DECLARE this organizations; BEGIN SELECT * INTO this FROM organizations LIMIT 1; RETURN this; END",
        ("plpgsql",),
    ),
}


def written(language: str, result: str, body: str) -> str:
    """Return a body in a language, as a block if PL/pgSQL asks for one."""
    if language == "sql" or body.startswith("DECLARE"):
        return body
    if result == "void":
        return f"BEGIN {body}; END"
    return f"BEGIN RETURN ({body}); END" if result == "bigint" else f"BEGIN RETURN QUERY {body}; END"


@pytest.fixture
def owner(plan: Plan) -> Iterator[psycopg.Connection]:
    with baseline(plan, DATABASE, 3) as url, psycopg.connect(url, autocommit=True) as connection:
        connection.execute(TABLES)
        yield connection


def create(owner: psycopg.Connection, name: str) -> list[str]:
    """Create a function, in each of its languages, and return their names."""
    result, body, languages = BODIES[name]
    for language in languages:
        text = written(language, result, body)
        owner.execute(
            f"CREATE FUNCTION {name}_{language}() RETURNS {result} LANGUAGE {language} AS $${text}$$".encode()
        )
    return [f"{name}_{language}" for language in languages]


def named(owner: psycopg.Connection, plan: Plan) -> set[str]:
    """Return the functions that Task 0 names."""
    (check,) = (one for one in cells.read_cells(plan.task(0).notebook) if "FROM pg_temp.refused()" in one.body)
    with owner.transaction(force_rollback=True):
        results = owner.execute(check.body.encode())
        while results.nextset():
            pass
        return {row[0].removeprefix("SELECT ").removesuffix("()") for row in results}


def fail(owner: psycopg.Connection, functions: list[str]) -> set[str]:
    """Return those of the functions that fail."""
    failed = set()
    for function in functions:
        try:
            with owner.transaction(force_rollback=True):
                owner.execute(f"SELECT * FROM {function}()".encode())
        except psycopg.Error:
            failed.add(function)
    return failed


def test_functions_that_fail_once_a_table_has_more_columns_are_named_and_no_others(
    owner: psycopg.Connection, plan: Plan
) -> None:
    functions = [one for name in BODIES for one in create(owner, name)]
    owner.execute(
        f"""CREATE FUNCTION returns_rows_stored() RETURNS SETOF organizations BEGIN ATOMIC
        SELECT {COLUMNS} FROM organizations; END""".encode()
    )
    functions.append("returns_rows_stored")
    assert fail(owner, functions) == set()
    found = named(owner, plan)
    owner.execute("ALTER TABLE organizations ADD more integer")
    assert found == fail(owner, functions)


def test_functions_that_take_every_column_are_tried_while_the_table_is_locked_once(
    owner: psycopg.Connection, plan: Plan
) -> None:
    admin = embedded.url(embedded.start(plan.root), DATABASE, embedded.SUPERUSER)
    with psycopg.connect(admin, autocommit=True) as superuser:
        superuser.execute("""
            CREATE SEQUENCE alterations; GRANT USAGE ON alterations TO PUBLIC;
            CREATE FUNCTION count_alterations() RETURNS event_trigger LANGUAGE plpgsql AS
                $$BEGIN PERFORM nextval('public.alterations'); END$$;
            CREATE EVENT TRIGGER count_alterations ON ddl_command_start WHEN TAG IN ('ALTER TABLE')
            EXECUTE FUNCTION count_alterations()
        """)
        counts = []
        for name in ("archives", "archives_listed", "counts"):
            create(owner, name)
            named(owner, plan)
            counts.append(superuser.execute("SELECT last_value FROM alterations").fetchone())
        superuser.execute("DROP EVENT TRIGGER count_alterations")
    (first,), (second,), (third,) = (row for row in counts if row)
    assert second - first == third - second == first
