"""Rights as data: set exactly, given back exactly, and never wider than they were."""

from collections.abc import Iterator

import psycopg
import pytest
from psycopg import sql

from runbook.database import embedded, rights
from runbook.database.ledger import Ledger
from runbook.plan import cells
from runbook.plan.plan import Plan
from tests.conftest import ROOT, copy_project

ROLES = ("Back Office", "read-only", "till")
# One role lets another do what the owner let it grant on: with a whole table, and with two of its columns
CHAIN = """
    GRANT UPDATE, SELECT ON organizations TO "Back Office" WITH GRANT OPTION;
    GRANT INSERT (name) ON organizations TO "read-only";
    SET LOCAL ROLE "Back Office";
    GRANT UPDATE ON organizations TO "read-only";
    GRANT UPDATE (name, plan_name) ON organizations TO till;
    RESET ROLE;
    GRANT DELETE ON organizations TO PUBLIC;
"""
# One who holds a single column grants it to another, and one passes it on; the other grants it to himself as well
BY_COLUMN = """
    GRANT UPDATE (name), SELECT (name) ON organizations TO "Back Office" WITH GRANT OPTION;
    SET LOCAL ROLE "Back Office";
    GRANT SELECT (name) ON organizations TO "Back Office";
    GRANT UPDATE (name) ON organizations TO "read-only" WITH GRANT OPTION;
    SET LOCAL ROLE "read-only";
    GRANT UPDATE (name) ON organizations TO till, "read-only";
    RESET ROLE;
"""
# The whole table, and one column of it to grant on
WHOLE_AND_COLUMN = """
    GRANT UPDATE ON organizations TO till;
    GRANT UPDATE (name) ON organizations TO till WITH GRANT OPTION
"""
WITHOUT_UPDATE = """
    SELECT runbook.set_rights('a test', 'table', 'public.organizations', jsonb_path_query_array(
        runbook.rights_on('table', 'public.organizations'), '$[*] ? (@.privilege != "UPDATE")'
    ))
"""
# Till keeps SELECT, and UPDATE of one column
NARROWED = """
    SELECT runbook.set_rights('a test', 'table', 'public.organizations', jsonb_path_query_array(
        runbook.rights_on('table', 'public.organizations'),
        '$[*] ? (@.grantee != "till" || @.privilege == "SELECT")'
    ) || '[{"column": "name", "grantor": "guardian", "grantee": "till", "privilege": "UPDATE", "grantable": false}]')
"""
WITHOUT_TILL = """
    SELECT runbook.set_rights('a later test', 'table', 'public.organizations', jsonb_path_query_array(
        runbook.rights_on('table', 'public.organizations'), '$[*] ? (@.grantee != "till")'
    ))
"""
GIVEN_BACK = "SELECT runbook.give_back_rights('a test')"
ACLS = """
    SELECT relacl::text, (
        SELECT string_agg(attname || attacl::text, ' ' ORDER BY attnum)
        FROM pg_attribute WHERE attrelid = pg_class.oid AND attacl IS NOT NULL AND NOT attisdropped
    )
    FROM pg_class WHERE oid = 'organizations'::regclass
"""


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory, state: object) -> Iterator[psycopg.Connection]:
    """The owner of a target, in a cluster with a few more roles, which it may take."""
    root = copy_project(tmp_path_factory.mktemp("rights"))
    environment, server = Plan.load(root / "runbook.toml").environment("local"), embedded.start(root)
    admin = psycopg.connect(embedded.url(server, "postgres", "postgres"), autocommit=True)
    admin.execute("CREATE ROLE vault")
    for role in ROLES:
        admin.execute(sql.SQL("CREATE ROLE {0}; GRANT {0} TO guardian").format(sql.Identifier(role)))
    with psycopg.connect(embedded.provide(root, environment), autocommit=True) as connection:
        Ledger(connection, "phase-3.5").prepare()
        yield connection
    embedded.drop(server, environment.database)
    for role in (*ROLES, "vault"):
        admin.execute(sql.SQL("DROP ROLE {0}").format(sql.Identifier(role)))
    admin.close()


@pytest.fixture
def superuser(target: psycopg.Connection) -> Iterator[psycopg.Connection]:
    url = embedded.url(embedded.start(ROOT), target.info.dbname, "postgres")
    with psycopg.connect(url, autocommit=True) as connection:
        yield connection


@pytest.fixture
def owner(target: psycopg.Connection) -> Iterator[psycopg.Connection]:
    """The same, in a transaction that is rolled back."""
    target.execute("BEGIN")
    yield target
    target.execute("ROLLBACK")


def add_columns(connection: psycopg.Connection) -> None:
    """Run the step that adds the columns, as the notebook has it."""
    connection.execute("SET LOCAL runbook.tenant_roles = '{anon, authenticated, organization_user}'")
    for cell in cells.read_cells(ROOT / "notebooks" / "02_multi_credit_system_migration.ipynb"):
        if cell.step == "2.1.1" and "apply" in cell.tags:
            connection.execute(cell.body.encode())


@pytest.mark.parametrize("granted", [CHAIN, BY_COLUMN], ids=["by table", "by column"])
def test_what_is_set_is_given_back_to_the_letter(owner: psycopg.Connection, granted: str) -> None:
    owner.execute(granted.encode())
    before, acls = rights.snapshot(owner), owner.execute(ACLS).fetchone()
    owner.execute(WITHOUT_UPDATE)
    assert {one.privilege for one in before - rights.snapshot(owner)} == {"UPDATE"}
    owner.execute(GIVEN_BACK)
    assert rights.snapshot(owner) == before
    assert owner.execute(ACLS).fetchone() == acls


def test_what_others_granted_or_revoked_since_stays_so(owner: psycopg.Connection) -> None:
    owner.execute(CHAIN)
    before = rights.snapshot(owner)
    owner.execute(WITHOUT_UPDATE)
    owner.execute('GRANT DELETE ON organizations TO till; REVOKE INSERT (name) ON organizations FROM "read-only"')
    owner.execute(GIVEN_BACK)
    found = rights.snapshot(owner)
    assert {(one.grantee, one.privilege) for one in found - before} == {("till", "DELETE")}
    assert {(one.grantee, one.privilege) for one in before - found} == {('"read-only"', "INSERT")}


@pytest.mark.parametrize("again", [False, True])
@pytest.mark.parametrize(
    ("taken", "lost"),
    [("UPDATE", {"UPDATE"}), ("ALL", {"SELECT", "UPDATE", "DELETE"}), ("UPDATE (plan_name)", set())],
)
def test_what_others_took_altogether_does_not_come_back(
    owner: psycopg.Connection, taken: str, lost: set[str], again: bool
) -> None:
    owner.execute("GRANT SELECT, UPDATE, DELETE ON organizations TO till")
    before = rights.snapshot(owner)
    owner.execute(NARROWED)
    owner.execute(f"REVOKE {taken} ON organizations FROM till".encode())
    if again:  # what it sets now, others may not have left
        owner.execute(NARROWED)
    owner.execute(GIVEN_BACK)
    assert {one.privilege for one in before - rights.snapshot(owner)} == lost


def test_what_a_later_task_took_was_not_taken_by_others(owner: psycopg.Connection) -> None:
    owner.execute("GRANT SELECT, UPDATE ON organizations TO till")
    before = rights.snapshot(owner)
    owner.execute(WITHOUT_UPDATE)
    owner.execute(WITHOUT_TILL)
    owner.execute(WITHOUT_UPDATE)  # the earlier one is run again
    owner.execute("SELECT runbook.give_back_rights('a later test')")
    owner.execute(GIVEN_BACK)
    assert rights.snapshot(owner) == before


def test_a_grant_of_a_role_that_cannot_be_taken_is_an_error_and_not_silence(
    target: psycopg.Connection, superuser: psycopg.Connection
) -> None:
    superuser.execute(
        "GRANT SELECT ON organizations TO vault WITH GRANT OPTION;SET ROLE vault; GRANT SELECT ON organizations TO till"
    )
    before = rights.snapshot(target)
    try:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match='set role "vault"'):
            target.execute("SELECT runbook.make_rights('table', 'public.organizations', '[]')")
        assert rights.snapshot(target) == before
    finally:
        superuser.execute("RESET ROLE; REVOKE ALL ON organizations FROM vault CASCADE")


def test_wider_is_what_nothing_before_covers() -> None:
    def right(grantee: str, column: str = "", *, grantable: bool = False) -> rights.Right:
        return rights.Right("table", "public.t", column, "owner", grantee, "UPDATE", grantable)

    before = [right("a", grantable=True), right("PUBLIC", "x"), right("b", "y")]
    assert rights.wider(before, [right("a", "z"), right("b", "x"), right("b", "y")]) == []
    too_wide = [right("b"), right("b", "y", grantable=True), right("b", "z")]
    assert rights.wider(before, too_wide) == too_wide


@pytest.mark.parametrize(
    ("grants", "column", "may"),
    [
        ("REVOKE ALL ON organizations FROM authenticated; GRANT UPDATE (name) ON organizations TO authenticated",
         "contact_email", False),
        ("GRANT UPDATE ON organizations TO till", "ai_credits", False),
        ("GRANT UPDATE ON organizations TO till", "credits_migrated_at", False),
        ("GRANT UPDATE ON organizations TO till", "plan_name", True),
        ("GRANT ALL ON organizations TO organization_user", "total_credits", False),
        ("GRANT UPDATE ON organizations TO PUBLIC", "sms_used_credits", False),
        (CHAIN, "email_credits", False),
        (WHOLE_AND_COLUMN, "name", True),
    ],
)  # fmt: skip
def test_nobody_writes_more_columns_after_they_are_added(
    owner: psycopg.Connection, grants: str, column: str, may: bool
) -> None:
    owner.execute(grants.encode())
    before, acls = rights.snapshot(owner, ("public",)), owner.execute(ACLS).fetchone()
    add_columns(owner)
    held = owner.execute(
        "SELECT bool_or(has_column_privilege(role, 'organizations', %s, 'UPDATE'))"
        """ FROM unnest('{authenticated, organization_user, till, read-only, "Back Office"}'::name[]) AS role""",
        [column],
    ).fetchone()
    assert held == (may,)
    assert rights.wider(before, rights.snapshot(owner, ("public",))) == []
    owner.execute("SELECT runbook.give_back_rights('Task 2')")
    assert rights.snapshot(owner, ("public",)) == before
    assert owner.execute(ACLS).fetchone() == acls


def test_what_is_made_is_its_owners_and_its_readers_alone(owner: psycopg.Connection) -> None:
    owner.execute(
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON TABLES TO till;"
        "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT ALL ON FUNCTIONS TO till;"
        "CREATE FUNCTION made() RETURNS integer LANGUAGE sql RETURN 1; CREATE TABLE made (id integer)"
    )
    for _ in range(2):
        owner.execute("""
            SELECT runbook.make_private('routine', 'made'::regproc, '{"Back Office", guardian, nobody}'),
                runbook.make_private('table', 'made'::regclass)
        """)
        held = {
            (one.kind, one.grantee) for one in rights.snapshot(owner) if one.object in ("public.made", "public.made()")
        }
        assert held == {("routine", "guardian"), ("routine", '"Back Office"'), ("table", "guardian")}
