"""Tenants kept apart: a hostile tenant with a login of its own, on a database that was really migrated.

Whoever may send SQL may also set the claims of a token, as the gateway does: these tests set them once, honestly,
and attack from there. The matrix of roles, relations and operations stands in notebook 03; here is what does not
fit a matrix.
"""

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import papermill
import psycopg
import pytest
from psycopg import sql

from runbook.database import embedded
from runbook.database.ledger import DONE, Ledger
from runbook.plan.plan import Plan
from tests.support.project import PARTS, ROOT

MALLORY = "mallory"
DENIED = psycopg.errors.InsufficientPrivilege
CONSUME = "SELECT consume_credits_rpc(%s, %s, %s)"


@dataclass(frozen=True)
class Target:
    """A migrated database; Mallory logs in as a member of organization `a`, and `b` is somebody else."""

    urls: dict[str, str]
    a: str
    b: str

    def open(self, user: str, claims: str | None = None) -> psycopg.Connection:
        connection = psycopg.connect(self.urls[user], autocommit=True)
        if claims is not None:
            connection.execute("SELECT set_config('request.jwt.claims', %s, false)", [claims])
        return connection

    def claims(self, organization: str) -> str:
        return json.dumps({"sub": "somebody", "organization_id": organization})


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, state: Path) -> Iterator[Target]:
    """Migrate a fresh baseline by the notebooks of Tasks 2 and 3, and keep a copy for these tests."""
    root = tmp_path_factory.mktemp("isolation")
    for part in PARTS:
        if (ROOT / part).exists():
            (root / part).parent.mkdir(parents=True, exist_ok=True)
            (root / part).symlink_to(ROOT / part)
    plan = Plan.load(root / "runbook.toml")
    local = plan.environment("local")
    url = embedded.reset(root, local)
    with psycopg.connect(url, autocommit=True) as owner:
        ledger = Ledger(owner, plan.name)
        ledger.prepare()
        ledger.open_run("isolation", "local", "test", "", {})
        for number in (0, 1):
            ledger.start_task("isolation", number)
            ledger.finish_task("isolation", number, DONE)
    for number, given in ((2, {}), (3, {"floor_ms": 1e5})):  # how fast it is, nobody asks here
        notebook = plan.task(number).notebook
        papermill.execute_notebook(notebook, root / "out.ipynb", given, cwd=root, progress_bar=False)
    server = embedded.start(root)
    with psycopg.connect(embedded.url(server, "postgres", "postgres"), autocommit=True) as admin:
        admin.execute("DROP DATABASE IF EXISTS isolation")
        admin.execute(sql.SQL("CREATE DATABASE isolation TEMPLATE {}").format(sql.Identifier(local.database)))
        with suppress(psycopg.errors.DuplicateObject):
            admin.execute("CREATE ROLE mallory LOGIN IN ROLE organization_user")
        urls = {user: embedded.url(server, "isolation", user) for user in (MALLORY, "guardian", "postgres")}
        with psycopg.connect(urls["guardian"]) as owner:
            pair = owner.execute(
                "SELECT id::text FROM organizations WHERE sms_credits > 10 AND ai_credits > 10 ORDER BY id LIMIT 2"
            ).fetchall()
        yield Target(urls, pair[0][0], pair[1][0])
        admin.execute("DROP DATABASE isolation WITH (FORCE)")
        admin.execute("DROP ROLE mallory")


@pytest.fixture
def mallory(target: Target) -> Iterator[psycopg.Connection]:
    with target.open(MALLORY, target.claims(target.a)) as connection:
        yield connection


@pytest.fixture
def owner(target: Target) -> Iterator[psycopg.Connection]:
    with target.open("guardian") as connection:
        yield connection


def balance(owner: psycopg.Connection, organization: str) -> dict[str, Any]:
    row = owner.execute("SELECT to_jsonb(o) FROM organizations AS o WHERE id = %s", [organization]).fetchone()
    assert row
    return dict(row[0])


# Reading

READS = [
    "SELECT {column} FROM {table}",
    "SELECT {column} FROM ONLY {table}",
    "WITH everything AS MATERIALIZED (TABLE {table}) SELECT {column} FROM everything",
    "SELECT {column} FROM {table} WHERE true OR {column} IS NULL",
    "SELECT DISTINCT one.{column} FROM {table} AS one CROSS JOIN {table} AS other",
    "SELECT {column} FROM {table} TABLESAMPLE system (100)",
    "CREATE TEMP VIEW v AS TABLE {table}; SELECT {column} FROM v",
    "CREATE TEMP TABLE t AS TABLE {table}; SELECT {column} FROM t",
    "CREATE FUNCTION pg_temp.f() RETURNS SETOF {table} LANGUAGE sql SECURITY DEFINER AS 'TABLE {table}';"
    " SELECT {column} FROM pg_temp.f()",
    "PREPARE p AS SELECT {column} FROM {table}; EXECUTE p",
    "DECLARE c CURSOR FOR SELECT {column} FROM {table}; FETCH ALL FROM c",
]


@pytest.mark.parametrize("read", READS)
@pytest.mark.parametrize(
    ("table", "column"),
    [("organizations", "id"), ("organization_credits", "organization_id"), ("credit_actions", "organization_id")],
)
def test_no_way_of_reading_shows_somebody_elses_row(mallory, target, read, table, column):
    cursor = mallory.execute("BEGIN; " + read.format(table=table, column=column))
    rows: list[Any] = []
    while cursor.nextset():
        rows = cursor.fetchall() if cursor.description else rows
    mallory.execute("ROLLBACK")
    assert {str(row[0]) for row in rows} == {target.a}


@pytest.mark.parametrize("copy", ["COPY organizations (id) TO STDOUT", "COPY (SELECT id FROM organizations) TO STDOUT"])
def test_copy_is_filtered_too(mallory, target, copy):
    with mallory.cursor().copy(copy) as stream:
        assert [row[0] for row in stream.rows()] == [target.a]


def test_locking_rows_reaches_own_rows_only(mallory, target):
    with mallory.transaction(force_rollback=True):
        assert mallory.execute("SELECT id::text FROM organizations FOR UPDATE").fetchall() == [(target.a,)]


def test_switching_row_security_off_ends_in_an_error(mallory):
    mallory.execute("SET row_security = off")
    with pytest.raises(DENIED):
        mallory.execute("SELECT FROM organizations")


def test_a_leaky_condition_is_evaluated_on_own_rows_only(mallory, owner, target):
    seen: list[str] = []
    mallory.add_notice_handler(lambda notice: seen.append(notice.message_primary or ""))
    mallory.execute(
        """
        CREATE FUNCTION pg_temp.look(name text) RETURNS boolean LANGUAGE plpgsql COST 0.0000001
        AS $$ BEGIN RAISE NOTICE '%', name; RETURN true; END $$
        """
    )
    mallory.execute("SELECT FROM organizations WHERE pg_temp.look(name)")
    assert seen == [balance(owner, target.a)["name"]]


def test_an_error_names_no_value_of_somebody_else(mallory, owner, target):
    with pytest.raises(psycopg.errors.InvalidTextRepresentation) as error:
        mallory.execute("SELECT FROM organizations WHERE name::integer > 0")
    assert balance(owner, target.a)["name"] in str(error.value)


def test_statistics_show_nothing(mallory):
    tables = ["organizations", "organization_credits", "credit_actions"]
    assert mallory.execute("SELECT * FROM pg_stats WHERE tablename = ANY (%s)", [tables]).fetchall() == []


def test_what_others_are_doing_is_not_shown(mallory, owner):
    owner.execute("SELECT 'a secret'")
    queries = [row[0] for row in mallory.execute("SELECT query FROM pg_stat_activity WHERE usename = 'guardian'")]
    assert queries
    assert set(queries) == {"<insufficient privilege>"}


@pytest.mark.parametrize("claims", [
    None, "", "{}", "[]", "null", '"text"', '{"organization_id": null}', '{"organization_id": ""}',
    '{"organization_id": 7}', '{"organization_id": {"id": 1}}', '{"organization_id": "%"}', "no json", "{",
    '{"organization_id": "00000000-0000-0000-0000-000000000000"}', '{"app_metadata": {"organization_id": "{A}"}}',
])  # fmt: skip
def test_a_token_that_names_no_organization_opens_none(target, owner, claims):
    before = balance(owner, target.a)
    with target.open(MALLORY, claims.replace("{A}", target.a) if claims else claims) as connection:
        with suppress(psycopg.errors.InvalidTextRepresentation):
            assert connection.execute("SELECT FROM organizations").rowcount == 0
        with pytest.raises((DENIED, psycopg.errors.InvalidTextRepresentation)):
            connection.execute(CONSUME, [target.a, "ai_chat", 1])
    assert balance(owner, target.a) == before


# Changing

CREDIT_COLUMNS = """
    SELECT attname FROM pg_attribute
    WHERE attrelid = 'organizations'::regclass AND attnum > 0 AND NOT attisdropped
      AND (attname ~ 'credits' OR attname IN ('id', 'plan_name', 'status', 'created_at'))
"""


def test_a_tenant_writes_none_of_the_columns_that_are_worth_money(mallory, owner):
    columns = [row[0] for row in owner.execute(CREDIT_COLUMNS)]
    assert len(columns) >= 14
    for column in columns:
        for statement in (
            "UPDATE organizations SET {0} = {0}",
            "UPDATE organizations SET (name, {0}) = (SELECT name, {0} FROM organizations LIMIT 1)",
            "MERGE INTO organizations AS o USING organizations AS n ON o.id = n.id"
            " WHEN MATCHED THEN UPDATE SET {0} = n.{0}",
            "INSERT INTO organizations (name) VALUES ('x') ON CONFLICT (id) DO UPDATE SET {0} = excluded.{0}",
        ):
            with pytest.raises(DENIED):
                mallory.execute(sql.SQL(statement).format(sql.Identifier(column)))


def test_a_tenant_may_still_rename_itself_and_nobody_else(mallory, owner, target):
    before = balance(owner, target.b)
    with mallory.transaction(force_rollback=True):
        renamed = mallory.execute("UPDATE organizations SET name = 'New name', contact_email = 'new@example.com'")
        assert renamed.rowcount == 1
    assert mallory.execute("UPDATE organizations SET name = 'Gone' WHERE id = %s", [target.b]).rowcount == 0
    assert balance(owner, target.b) == before


def test_a_tenant_consumes_for_itself(mallory, owner, target):
    before = balance(owner, target.a)
    mallory.execute(CONSUME, [target.a, "ai_chat", 2])
    assert balance(owner, target.a) == before | {"ai_used_credits": before["ai_used_credits"] + 2}


def test_a_refusal_does_not_tell_whether_the_organization_exists(mallory, target):
    refusals = set()
    insert = "INSERT INTO credit_actions (organization_id, action_type, credits_consumed) VALUES (%s, %s, %s)"
    for organization in (target.b, "00000000-0000-0000-0000-000000000000"):
        for statement in (CONSUME, insert):
            with pytest.raises(DENIED) as error:
                mallory.execute(statement, [organization, "ai_chat", 1])
            refusals.add((statement, str(error.value)))
    assert len(refusals) == 2


NOT_FOR_TENANTS = """
-- rights of others
SET ROLE service_role
SET ROLE guardian
SET SESSION AUTHORIZATION guardian
SELECT set_config('role', 'service_role', false)
SET session_replication_role = replica
ALTER ROLE mallory BYPASSRLS
GRANT service_role TO mallory

-- the guards
ALTER TABLE organizations DISABLE ROW LEVEL SECURITY
DROP POLICY "Members read their organization" ON organizations
CREATE POLICY mine ON organizations USING (true)
CREATE RULE mine AS ON UPDATE TO organizations DO ALSO NOTHING
CREATE TRIGGER mine AFTER UPDATE ON organizations EXECUTE FUNCTION suppress_redundant_updates_trigger()
CREATE INDEX mine ON organizations (name)
CREATE STATISTICS mine ON id, name FROM organizations
ALTER FUNCTION consume_credits_rpc SECURITY INVOKER
ALTER FUNCTION auth.jwt RENAME TO mine
CREATE OR REPLACE FUNCTION auth.jwt() RETURNS jsonb LANGUAGE sql AS 'SELECT NULL::jsonb'

-- places to plant something
CREATE TABLE public.mine (id integer)
CREATE FUNCTION public.mine() RETURNS integer LANGUAGE sql AS 'SELECT 1'
CREATE OPERATOR public.= (FUNCTION = uuid_eq, LEFTARG = uuid, RIGHTARG = uuid)
CREATE TYPE auth.text AS (x integer)
CREATE CAST (text AS uuid) WITH INOUT
CREATE SCHEMA mine
CREATE EXTENSION file_fdw

-- the runbook, and functions that are not for tenants
SELECT FROM runbook.notes
SELECT runbook.consume_credits_rpc(NULL, NULL, NULL)
SELECT allocate_plan_credits(NULL, 'premium')
SELECT plan_credits('ai', 'premium', 1)
SELECT FROM extensions.pg_stat_statements
CREATE TEMP TABLE t (); CREATE TRIGGER t AFTER INSERT ON t EXECUTE FUNCTION allocate_new_organization()

-- counters, locks, whole tables
SELECT nextval('credit_actions_id_seq')
SELECT setval('credit_actions_id_seq', 1)
SELECT currval('credit_actions_id_seq')
SELECT last_value FROM credit_actions_id_seq
LOCK TABLE organizations IN ROW SHARE MODE
LOCK TABLE credit_actions IN EXCLUSIVE MODE
REINDEX TABLE organizations
CLUSTER organizations USING organizations_pkey
TRUNCATE credit_actions
DELETE FROM credit_actions
UPDATE credit_actions SET created_at = now()

-- the machine
COPY organizations TO PROGRAM 'cat'
COPY organizations FROM '/etc/passwd'
SELECT pg_read_file('PG_VERSION')
SELECT lo_import('/etc/passwd')
SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'
"""


@pytest.mark.parametrize("statement", [s for s in NOT_FOR_TENANTS.splitlines() if s and not s.startswith("--")])
def test_denied(mallory, statement):
    with pytest.raises(DENIED), mallory.transaction(force_rollback=True):
        mallory.execute(statement)


def test_a_tenant_cannot_grant_itself_anything(mallory):
    mallory.execute("GRANT ALL ON organizations TO mallory")
    (held,) = mallory.execute("SELECT has_table_privilege('organizations', 'INSERT, UPDATE, DELETE')").fetchone()
    assert held is False


@pytest.mark.parametrize("maintenance", ["VACUUM organizations", "ANALYZE organizations"])
def test_maintenance_is_skipped(mallory, maintenance):
    warnings: list[str] = []
    mallory.add_notice_handler(lambda notice: warnings.append(notice.message_primary or ""))
    mallory.execute(maintenance)
    assert any("permission denied" in warning for warning in warnings)


# Making code run with another role's rights

SHADOWS = ["uuid", "text", "jsonb", "int4", "timestamptz"]


@pytest.mark.parametrize("shadow", SHADOWS)
def test_a_temporary_type_never_runs_its_check_as_the_owner(mallory, owner, target, shadow):
    mallory.execute(
        sql.SQL(
            """
            CREATE FUNCTION pg_temp.seize(value pg_catalog.{0}) RETURNS boolean LANGUAGE plpgsql AS $$
            BEGIN
                IF current_user <> session_user THEN
                    RAISE EXCEPTION 'running as %', current_user USING ERRCODE = 'HV000';
                END IF;
                RETURN true;
            END
            $$;
            GRANT EXECUTE ON FUNCTION pg_temp.seize(pg_catalog.{0}) TO PUBLIC;
            CREATE DOMAIN pg_temp.{0} AS pg_catalog.{0} CHECK (pg_temp.seize(VALUE));
            GRANT USAGE ON TYPE pg_temp.{0} TO PUBLIC
            """
        ).format(sql.Identifier(shadow))
    )
    before = balance(owner, target.a)
    mallory.execute(CONSUME, [target.a, "sms_send", 1])
    assert balance(owner, target.a)["sms_used_credits"] == before["sms_used_credits"] + 1


def test_temporary_tables_functions_and_operators_do_not_stand_in_for_the_real_ones(mallory, owner, target):
    mallory.execute(
        """
        CREATE TEMP TABLE organizations AS SELECT * FROM public.organizations;
        CREATE TEMP TABLE credit_actions AS SELECT * FROM public.credit_actions LIMIT 0;
        GRANT ALL ON pg_temp.organizations, pg_temp.credit_actions TO PUBLIC;
        CREATE FUNCTION pg_temp.nothing(integer, integer) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 0';
        CREATE OPERATOR pg_temp.+ (FUNCTION = pg_temp.nothing, LEFTARG = integer, RIGHTARG = integer);
        CREATE FUNCTION pg_temp.now() RETURNS timestamptz LANGUAGE sql AS $$ SELECT 'epoch'::timestamptz $$;
        SET search_path = pg_temp, public
        """
    )
    before = balance(owner, target.a)
    actions = "SELECT count(*) FROM public.credit_actions WHERE organization_id = %s AND created_at > 'yesterday'"
    (logged,) = owner.execute(actions, [target.a]).fetchone()
    mallory.execute("SELECT public.consume_credits_rpc(%s, 'email_send', 3)", [target.a])
    assert balance(owner, target.a)["email_used_credits"] == before["email_used_credits"] + 3
    assert owner.execute(actions, [target.a]).fetchone() == (logged + 1,)
    assert mallory.execute("SELECT FROM pg_temp.credit_actions").rowcount == 0


# Those who must still be able to work


def test_the_trusted_server_still_does_its_work(owner, target):
    with owner.transaction(force_rollback=True):
        owner.execute("SET LOCAL ROLE service_role")
        assert owner.execute("SELECT FROM organizations").rowcount > 2
        given = owner.execute("UPDATE organizations SET ai_credits = ai_credits + 1 WHERE id = %s", [target.b])
        assert given.rowcount == 1
        birth = "INSERT INTO organizations (name, plan_name) VALUES ('New', 'premium') RETURNING id"
        (born,) = owner.execute(birth).fetchone()
        for organization in (target.b, born):
            owner.execute(CONSUME, [organization, "ai_chat", 1])


def test_a_stranger_sees_and_does_nothing(owner, target):
    with owner.transaction(force_rollback=True):
        owner.execute("SELECT set_config('request.jwt.claims', %s, true)", [target.claims(target.a)])
        owner.execute("SET LOCAL ROLE anon")
        assert owner.execute("SELECT FROM organizations").rowcount == 0
        with pytest.raises(DENIED):
            owner.execute(CONSUME, [target.a, "ai_chat", 1])
