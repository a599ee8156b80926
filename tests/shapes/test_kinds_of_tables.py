"""What a table is made of: its parts, their owners, its keys and types; what cannot be migrated is named beforehand."""

import psycopg
import pytest

from runbook.batch.preflight import run_preflight
from runbook.plan.finding import BLOCKS
from tests.shapes.generator import pieces, together
from tests.support.databases import Database
from tests.support.draw import CHEAP, Drawing, address_of

FOREIGN = """
    -- as the superuser
    CREATE EXTENSION file_fdw SCHEMA extensions;
    CREATE SERVER cold FOREIGN DATA WRAPPER file_fdw;
    CREATE SCHEMA archive AUTHORIZATION guardian;
    CREATE FOREIGN TABLE archive.oldest () INHERITS (credit_actions) SERVER cold OPTIONS (filename '/dev/null');
    ALTER FOREIGN TABLE archive.oldest OWNER TO guardian;
    GRANT pg_read_server_files TO guardian;
"""
OF_ANOTHER = """
    -- as the superuser
    CREATE ROLE archivist;
    CREATE SCHEMA archive AUTHORIZATION archivist;
    CREATE TABLE archive.oldest () INHERITS (credit_actions);
    ALTER TABLE archive.oldest OWNER TO archivist;
"""
WITHOUT_INDEX = """
    ALTER TABLE organizations ADD region text NOT NULL DEFAULT 'eu', DROP CONSTRAINT organizations_pkey CASCADE;
    ALTER TABLE organizations ADD PRIMARY KEY (region, id);
"""
BY_PLACE = """
    CREATE TABLE organizations_before (LIKE organizations, at timestamptz DEFAULT now());
    CREATE FUNCTION keep_before() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO organizations_before VALUES (OLD.*); RETURN OLD; END $$;
    CREATE TRIGGER keep_before BEFORE DELETE ON organizations FOR EACH ROW EXECUTE FUNCTION keep_before();
"""
# Returns or inserts every column: by SQL, whose body the server checks, and by PL/pgSQL
EVERY_COLUMN = """
    CREATE TABLE organizations_archive AS TABLE organizations;
    CREATE FUNCTION keep_one(which uuid) RETURNS void LANGUAGE plpgsql AS $$
    BEGIN INSERT INTO organizations_archive SELECT * FROM organizations WHERE id = which; END $$;
    CREATE FUNCTION rows_of_it() RETURNS SETOF organizations LANGUAGE sql AS 'SELECT * FROM organizations';
    CREATE FUNCTION how_many() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM organizations';
"""
EVERY_COLUMN_IN_SQL = """
    CREATE TABLE organizations_archive AS TABLE organizations;
    CREATE FUNCTION keep_all() RETURNS void LANGUAGE sql AS
        'INSERT INTO organizations_archive SELECT o.* FROM organizations AS o';
"""
SAID = {
    "every column of the table": (EVERY_COLUMN, "found 1 row let keep_one(uuid) name the columns"),
    "every column of the table, in SQL": (EVERY_COLUMN_IN_SQL, "found 1 row let keep_all() name the columns"),
    "a foreign part": (FOREIGN, "archive.oldest, a part of credit_actions, is a plain table; if not: ALTER TABLE"),
    "a part of another": (OF_ANOTHER, "GRANT archivist TO guardian"),
    "no index on the id": (WITHOUT_INDEX, "CREATE UNIQUE INDEX CONCURRENTLY ON organizations (id)"),
    "a copy of rows by their places": (BY_PLACE, "let it name the columns"),
    "an organization in two tables": (
        """CREATE TABLE organizations_of_last_year () INHERITS (organizations);
        INSERT INTO organizations_of_last_year SELECT * FROM ONLY organizations LIMIT 1""",
        "keep one of its rows",
    ),
    "a condition of a publication": (
        "CREATE PUBLICATION active FOR TABLE organizations WHERE (status = 'active')",
        "give the table a primary key",
    ),
    "a short domain for descriptions": (
        "CREATE DOMAIN short AS varchar(40); ALTER TABLE credit_actions ALTER description TYPE short",
        "let a description have 60 characters",
    ),
    "tables in two schemas": (
        "CREATE SCHEMA billing; ALTER TABLE organization_credits SET SCHEMA billing",
        "ALTER TABLE billing.organization_credits SET SCHEMA public",
    ),
    "a type of statuses without active": (
        """CREATE TYPE standing AS ENUM ('on', 'off'); ALTER TABLE organizations ALTER status DROP DEFAULT,
        ALTER status TYPE standing USING CASE status WHEN 'active' THEN 'on' ELSE 'off' END::standing""",
        "ALTER TYPE standing ADD VALUE 'active'",
    ),
    "a domain over an enum": (
        together([pieces()["types_domain_of_enum"]]).sql,
        "of type text or enum, not action_kind, a domain over action_kinds",
    ),
    "balances with one writer": (
        together([pieces()["triggers_one_writer"]]).sql,
        "WHEN (current_user <> 'guardian')",
    ),
    "ids of two types": (
        """ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey;
        DROP POLICY "Members read their actions" ON credit_actions;
        ALTER TABLE credit_actions ALTER organization_id TYPE text""",
        "ALTER TABLE credit_actions ALTER organization_id TYPE uuid USING organization_id::uuid",
    ),
    "ids of an extension's type": (
        """
        -- as the superuser
        CREATE EXTENSION citext SCHEMA extensions;
        -- as the owner
        ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_organization_id_fkey;
        ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey;
        DROP POLICY "Members read their organization" ON organizations;
        DROP POLICY "Members update their organization" ON organizations;
        ALTER TABLE organizations ALTER id DROP DEFAULT, ALTER id TYPE extensions.citext""",
        "ALTER TABLE organizations ALTER id TYPE text USING id::text",
    ),
    "no partition for a type": (
        together([pieces()["ids_partitioned_by_type"]]).sql,
        "CREATE TABLE … PARTITION OF credit_actions DEFAULT",
    ),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", SAID)
def test_what_a_table_is_made_of_is_named_before_anything_changes(drawing: Drawing, name: str) -> None:
    shape, said = SAID[name]
    with drawing.databases.fresh() as database, address_of(database.owner):
        database.apply(shape)
        found = run_preflight(drawing.plan, CHEAP["environment"], {"free_disk_gb": CHEAP["free_disk_gb"]})
    blocking = [f"{one.check}: {one.what} {one.remedy}" for one in found.findings if one.kind == BLOCKS]
    assert any(said in words for words in blocking), blocking


@pytest.mark.slow
def test_triggers_that_only_look_as_if_they_stood_in_the_way_raise_no_alarm(drawing: Drawing) -> None:
    names = ("columns_filled_by_trigger", "columns_of_every_kind", "triggers_totals_match")
    draw = drawing.draw(together(pieces()[name] for name in names).sql, given={"dry_run": False})
    assert draw.is_complete, draw.verdict
    assert draw.is_right, draw.verdict


OTHER_ACTIONS = """
    INSERT INTO credit_actions (organization_id, action_type, credits_consumed) SELECT id, type, credits
    FROM organizations, (VALUES ('export', 0), ('gift', 5), ('refund', -5)) AS types (type, credits);
"""
SECONDS = (
    "ALTER TABLE credit_actions ALTER created_at TYPE timestamptz(0), ALTER created_at SET DEFAULT clock_timestamp();"
)


@pytest.mark.slow
def test_other_actions_of_the_application_go_on_and_raise_no_alarm(drawing: Drawing) -> None:
    def write(database: Database, way: str, task: int) -> None:
        if (way, task) == ("up", 2):
            database.apply(OTHER_ACTIONS)

    draw = drawing.draw(OTHER_ACTIONS + SECONDS, given={"dry_run": False}, between=write)
    assert draw.is_complete, draw.verdict
    given_back = [one for task in draw.tasks for one in task.findings if one.check == "actions that give credits back"]
    assert [(row[0], int(row[2])) for one in given_back for row in one.rows] == [("refund", -5 * 200)]
    assert [outcome.stop for outcome in draw.back] == [None] * 6, draw.verdict


HEIRS = """
    CREATE TABLE entities (created_at timestamptz NOT NULL DEFAULT now());
    ALTER TABLE entities ENABLE ROW LEVEL SECURITY;
    ALTER TABLE organizations INHERIT entities;
    CREATE TABLE archived_organizations (archived_at timestamptz NOT NULL DEFAULT now()) INHERITS (organizations);
    CREATE TABLE archived_long_ago () INHERITS (archived_organizations);
    CREATE TABLE balances_2019 (closed_at date) INHERITS (organization_credits);
    CREATE TABLE actions_2019 () INHERITS (credit_actions);
    CREATE TABLE actions_2018 () INHERITS (actions_2019);
    GRANT ALL ON archived_organizations, balances_2019, actions_2019, actions_2018 TO service_role;
    REVOKE ALL ON archived_organizations, balances_2019, actions_2019, actions_2018 FROM anon, authenticated;
    GRANT UPDATE ON archived_organizations TO authenticated;
    ALTER TABLE archived_organizations ENABLE ROW LEVEL SECURITY;
    WITH moved AS (
        DELETE FROM organization_credits
        WHERE remaining_credits = (SELECT max(remaining_credits) FROM organization_credits)
        RETURNING *
    )
    INSERT INTO balances_2019 SELECT * FROM moved;
"""
ACTION = "(organization_id, action_type, credits_consumed)"
# What is said, once everything is migrated, to a server that writes what inherits the tables.
WRITES = {
    "UPDATE balances_2019 SET used_credits = used_credits + 1": "55000",
    "UPDATE balances_2019 SET total_credits = total_credits - 1": "done",
    "SET LOCAL ROLE authenticated; UPDATE archived_organizations SET ai_credits = 1": "42501",
    "SET LOCAL ROLE authenticated; UPDATE archived_organizations SET name = ''": "done",
    f"INSERT INTO actions_2018 {ACTION} SELECT id, 'ai_chat', -5 FROM organizations": "23514",
    f"INSERT INTO actions_2019 {ACTION} SELECT id, 'migration', 0 FROM organizations": "23514",
    "UPDATE actions_2018 SET credits_consumed = 0": "42501",
    "DELETE FROM actions_2019": "42501",
}


@pytest.mark.slow
def test_rows_put_directly_into_what_inherits_the_tables_meet_what_guards_these(drawing: Drawing) -> None:
    said: dict[str, str] = {}

    def write(database: Database, way: str, task: int) -> None:
        with psycopg.connect(database.owner, autocommit=True) as connection:
            for statement in WRITES if (way, task) == ("up", 5) else ():
                try:
                    with connection.transaction(force_rollback=True):
                        connection.execute("SET LOCAL ROLE service_role")
                        connection.execute(statement)
                    said[statement] = "done"
                except psycopg.Error as error:
                    said[statement] = str(error.sqlstate)

    draw = drawing.draw(HEIRS, given={"dry_run": False}, between=write)
    assert draw.is_complete, draw.verdict
    assert draw.is_right, draw.verdict
    assert said == WRITES
