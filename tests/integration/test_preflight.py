"""Readiness: what Task 0's checks make of servers and schemas that are not as the demonstration's.

The checks are taken from the notebook and judged on a database that is changed in a transaction, rolled back each time.
"""

from dataclasses import replace

import psycopg
import pytest

from runbook.database import embedded, environments
from runbook.plan import cells
from runbook.plan.plan import Plan
from runbook.query import send
from runbook.query.expectation import Expectation
from runbook.query.table import Table

DATABASE = "readiness"
STAND = "the three tables stand in the schema that the plan names"
KIND = "the tables are of the kind the migration is written for"
KNOWN = "every column is classified in Task 5, before anything is changed"
RIGHTS = "the role has what the migration needs, and no more"
SIZE = "the tables are small enough to be dumped, or the provider's snapshot is named"
RECENT = "the provider's snapshot, where one is named, is recent"
UNKNOWN = "columns nobody has classified, and what they likely hold"
BESIDES = "the function that consumes credits asks and does nothing that would be lost"
TRAIL = "a row of the trail can be changed and taken back"
FORMS = "a function that consumes credits takes an organization, a type and an amount"
GRANTED = "every right the migration takes can be given back by whoever gave it"
SERVER = "the server can take the migration"
CHANGED = "every row of the three tables may be changed"
TAKEN = "a row of each type the runbook writes is taken by the trail"
RULES = "no rule rewrites what is written to the three tables"
REFUSED = "nothing refuses the statements of the migration"
INDEXES = "the indexes kept stand as the brief defines them, and the others are gone"
# What a check of Task 0 uses: what is made, and the task that declares it
ASKED = (
    ("TEMP VIEW key_type AS", 1),
    ("TEMP VIEW consumption_forms AS", 1),
    ("TEMP VIEW unfit_columns AS", 1),
    ("TEMP VIEW forgotten_values AS", 5),
    ("FUNCTION pg_temp.finding_names(", 0),
)
CONSUME = """
    CREATE TABLE usage_log (organization_id uuid);
    ALTER TABLE organization_credits ADD "Last use" timestamptz;
    ALTER TABLE credit_actions ADD balance integer;
    CREATE FUNCTION tell_billing(uuid) RETURNS void LANGUAGE sql AS '';
    CREATE OR REPLACE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer)
    RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $$
    DECLARE
        caller uuid := (auth.jwt() ->> 'sub')::uuid; -- tell_billing(1), usage_log: said, not done
        tier text;
        today bigint;
        balance integer;
        org organizations;
    BEGIN
        {}
        UPDATE organization_credits SET used_credits = used_credits + p_credits, updated_at = now()
        WHERE organization_id = p_organization_id AND remaining_credits >= p_credits;
        IF NOT FOUND THEN
            RAISE EXCEPTION 'The status or the plan_name of this organization does not allow it';
        END IF;
        INSERT INTO credit_actions (organization_id, action_type, credits_consumed, user_id)
        VALUES (p_organization_id, p_action_type, p_credits, caller);
        RETURN '{{"success": true}}';
    END $$;
"""
GIVEN = {
    "backup_limit_gb": 1,
    "provider_snapshot": "",
    "snapshot_taken_at": "",
    "snapshot_hours": 24,
    "dry_run": "on",
    "classification": '{"invoices.*": "business"}',
}
PARTITIONS = """
    ALTER TABLE credit_actions RENAME TO old;
    CREATE TABLE credit_actions (LIKE old) PARTITION BY RANGE (created_at);
"""
USED_UP = """
    ALTER TABLE credit_actions ALTER id TYPE integer;
    ALTER TABLE credit_actions ALTER id SET MAXVALUE 2000000000 RESTART WITH 1999999900
"""
# What refuses a row of the trail, and what mends it
REFUSING = (
    (
        """
        CREATE FUNCTION one() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM gone(); RETURN NEW; END';
        CREATE FUNCTION two() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM lost(); RETURN NEW; END';
        CREATE FUNCTION three() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS 'BEGIN RETURN NEW; END';
        CREATE TRIGGER one BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION one();
        CREATE TRIGGER three BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION three();
        CREATE TRIGGER two AFTER UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION two()
        """,
        "let it find what it names: ALTER FUNCTION one() SET search_path = public, extensions; likewise two()",
    ),
    (
        """
        CREATE TABLE features (organization_id uuid, action_type text, PRIMARY KEY (organization_id, action_type));
        INSERT INTO features SELECT id, type
        FROM organizations, unnest('{ai_chat,whatsapp_message,email_send,sms_send}'::text[]) AS type;
        ALTER TABLE credit_actions ADD FOREIGN KEY (organization_id, action_type) REFERENCES features
        """,
        "let the trigger, default or constraint accept rows of this type",
    ),
    (
        """
        ALTER TABLE credit_actions DROP credits_consumed, ADD quantity integer DEFAULT 0;
        ALTER TABLE credit_actions ADD credits_consumed integer GENERATED ALWAYS AS (quantity * 2) STORED
        """,
        "let the column take a value: ALTER TABLE credit_actions ALTER … DROP EXPRESSION",
    ),
    (
        """
        CREATE FUNCTION who() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN NEW.user_id := current_setting('app.user_id'); RETURN NEW; END $$;
        CREATE TRIGGER who BEFORE INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION who()
        """,
        "let who() do without the setting, where nobody has made it: current_setting('app.user_id', true)",
    ),
)
TOUCH = """
    CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.updated_at := now(); RETURN NEW; END';
    CREATE TRIGGER touch BEFORE UPDATE ON organizations FOR EACH ROW EXECUTE FUNCTION touch();
"""


@pytest.fixture(scope="module")
def target(state, plan):
    """The owner's connection to a small baseline, as the runbook opens it."""
    server, local = embedded.start(plan.root), plan.environment("local")
    settings = {"runbook.organizations": "20", "runbook.actions_per_organization": "2"}
    small = replace(local, database=DATABASE, baseline=replace(local.baseline, settings=settings))
    embedded.fill(server, small, DATABASE)
    with environments.connect(plan, small, "runbook test") as connection:
        yield connection
    embedded.drop(server, DATABASE)


@pytest.fixture
def ask(plan, target):
    """Send a cell of Task 0 after a change and with parameters; return its table."""

    def after(cell: cells.Cell, change: str = "", **given: object) -> Table:
        bodies = [cell.body for cell in cells.read_cells(plan.task(5).notebook) if "TEMP VIEW" in cell.body]
        (last,) = (place for place, body in enumerate(bodies) if "TEMP VIEW classification" in body)
        asked = [
            cell.body
            for made, number in ASKED
            for cell in cells.read_cells(plan.task(number).notebook)
            if f"CREATE OR REPLACE {made}" in cell.body
        ]
        with send.rolled_back(target, send.Persona()):
            for key, value in {**GIVEN, **given}.items():
                target.execute("SELECT set_config(%s, %s, true)", [f"runbook.{key}", str(value)])
            for body in bodies[: last + 1]:
                target.execute(body.encode())
            target.execute(change.encode())
            for body in asked:
                target.execute(body.encode())
            return send.send_sql(target, cell.body).tables[-1]

    return after


@pytest.fixture
def judge(plan, ask):
    """Tell whether a check of Task 0 passes after a change and with parameters, and what it shows."""

    def after(name: str, change: str = "", **given: object) -> tuple[bool, str]:
        check = cell_of(plan, f"{name}: ")
        table = ask(check, change, **given)
        return Expectation(check.magic[1].removeprefix(f"{name}: ")).judge(table)[0], str(table)

    return after


def cell_of(plan: Plan, words: str, task: int = 0) -> cells.Cell:
    """Return the check or finding of a task that begins with these words."""
    notebook = plan.task(task).notebook
    found = (cell for cell in cells.read_cells(notebook) if cell.magic and cell.magic[1].startswith(words))
    (cell,) = found
    return cell


@pytest.mark.parametrize("name", [STAND, KIND, RULES, TRAIL, KNOWN, RIGHTS, SIZE, RECENT])
def test_the_demonstration_is_ready(judge, name):
    assert judge(name)[0]


@pytest.mark.parametrize(
    ("name", "change", "row"),
    [
        (STAND, "CREATE SCHEMA crm; ALTER TABLE organizations SET SCHEMA crm", "organizations"),
        (STAND, "DROP TABLE credit_actions", "credit_actions"),
        (KIND, "ALTER TABLE credit_actions SET UNLOGGED", "credit_actions is a plain table"),
        (
            KIND,
            "ALTER TABLE credit_actions RENAME TO old; CREATE VIEW credit_actions AS TABLE old",
            "credit_actions is a plain",
        ),
        (
            KIND,
            "ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey;"
            'DROP POLICY "Members read their actions" ON credit_actions;'
            "ALTER TABLE credit_actions ALTER organization_id TYPE text",
            "credit_actions has a column organization_id of type uuid, not text",
        ),
        (KIND, "ALTER TABLE credit_actions DROP description", "credit_actions has a column description of type text"),
        (
            KIND,
            "ALTER TABLE organization_credits ALTER remaining_credits TYPE numeric;"
            "UPDATE organization_credits SET remaining_credits = 'Infinity'",
            "no credits are Infinity or NaN",
        ),
        (KNOWN, "ALTER TABLE organizations ADD COLUMN fax text, ADD COLUMN seats integer", "fax"),
        (RIGHTS, "DROP TABLE credit_actions", "owns credit_actions"),
        (RIGHTS, "REVOKE CREATE ON SCHEMA public FROM PUBLIC, guardian", "CREATE in the schema of the tables"),
    ],
)
def test_another_shape_is_named_before_anything_is_changed(judge, name, change, row):
    passed, shown = judge(name, f"SET LOCAL search_path = public, crm; {change}")
    assert not passed
    (line,) = (line for line in shown.splitlines() if row in line)
    assert name == KNOWN or line.rstrip(" |").endswith(("no", "–"))


def test_tables_in_another_schema_are_found_and_the_entry_that_names_it_is_said(judge):
    moves = [f"ALTER TABLE {one} SET SCHEMA crm" for one in ("organizations", "organization_credits", "credit_actions")]
    passed, shown = judge(STAND, "; ".join(["CREATE SCHEMA crm; SET LOCAL search_path = public, crm", *moves]))
    assert not passed
    assert 'name it: schema = "crm" in the entry of this environment in runbook.toml' in shown


@pytest.mark.parametrize(
    ("statement", "what", "about"),
    [
        ("IF auth.jwt() ->> 'role' <> 'admin' THEN RAISE 'no'; END IF;", "asks who calls", "auth.jwt()"),
        ("IF caller IS NULL THEN RAISE 'no'; END IF;", "asks who calls", "caller"),
        ("IF session_user = 'guest' THEN RAISE 'no'; END IF;", "asks who calls", "session_user"),
        ("PERFORM FROM organizations WHERE id = $1 AND Status = 'active';", "asks or writes", "status of"),
        ("SELECT plan_name INTO tier FROM organizations WHERE id = $1;", "asks or writes", "plan_name of"),
        ("IF org.status = 'closed' THEN RAISE 'no'; END IF;", "asks or writes", "status of"),
        ('UPDATE organization_credits SET "Last use" = now();', "asks or writes", '"Last use" of organization_credits'),
        ("INSERT INTO credit_actions (balance) VALUES (1);", "asks or writes", "balance of credit_actions"),
        ("SELECT count(*) INTO today FROM public.credit_actions;", "asks", "credit_actions"),
        ("INSERT INTO usage_log VALUES (p_organization_id);", "reads or writes", "usage_log"),
        ("PERFORM public.tell_billing(p_organization_id);", "calls", "tell_billing(uuid)"),
        ("PERFORM pg_notify('credits', '');", "tells others", "NOTIFY"),
    ],
)
def test_what_the_function_asks_or_does_besides_is_named(judge, statement, what, about):
    passed, shown = judge(BESIDES, CONSUME.format(statement))
    assert not passed
    (line,) = (line for line in shown.splitlines() if "consume_credits_rpc(" in line)
    assert [one.strip() for one in line.split("|")][2] == what
    assert about in line


@pytest.mark.parametrize(
    "statement",
    [
        "",
        "IF p_action_type IN ('name', 'status') THEN RAISE 'balance, plan_name, \"Last use\"'; END IF;",
        "PERFORM id FROM organizations WHERE id = p_organization_id AND total_credits > 0 FOR UPDATE;",
        "balance := (SELECT remaining_credits FROM organization_credits WHERE organization_id = $1);",
    ],
)
def test_a_function_that_debits_and_logs_who_called_asks_nothing_besides(judge, statement):
    passed, shown = judge(BESIDES, CONSUME.format(statement))
    assert passed, shown


@pytest.mark.parametrize(
    ("arguments", "what_to_do"),
    [
        ("p_organization_id anyelement, p_action_type text, p_credits integer", "of plain types"),
        ("p_organization_id uuid, p_action_type text, INOUT p_credits integer", "by RETURNS or an OUT argument"),
    ],
)
def test_a_function_whose_arguments_cannot_be_kept_is_named(judge, arguments, what_to_do):
    passed, shown = judge(
        FORMS,
        f"""
        DROP FUNCTION consume_credits_rpc;
        CREATE FUNCTION consume_credits_rpc({arguments}) RETURNS integer LANGUAGE plpgsql AS 'BEGIN END'
    """,
    )
    assert (passed, what_to_do in shown) == (False, True), shown


@pytest.mark.parametrize(
    ("change", "item", "given"),
    [
        (
            "REVOKE CREATE ON SCHEMA public FROM PUBLIC, guardian",
            "CREATE in the schema",
            "GRANT CREATE ON SCHEMA public TO guardian",
        ),
        ("SET LOCAL ROLE anon", "may act as organization_user", "GRANT organization_user TO anon"),
    ],
)
def test_what_the_role_lacks_is_said_with_the_statement_that_gives_it(judge, change, item, given):
    _, shown = judge(RIGHTS, change)
    (line,) = (line for line in shown.splitlines() if item in line and "|" in line)
    assert given in line


@pytest.mark.parametrize(
    ("lacking", "mended"),
    [
        ("GRANT anon TO guardian WITH SET FALSE", "GRANT anon TO guardian WITH INHERIT TRUE, SET TRUE"),
        (
            "ALTER FUNCTION public.consume_credits_rpc OWNER TO postgres",
            "ALTER FUNCTION consume_credits_rpc(uuid,text,integer) OWNER TO guardian",
        ),
    ],
)
def test_what_only_a_superuser_can_give_the_role_is_said_with_the_statement_that_gives_it(judge, plan, lacking, mended):
    server = embedded.start(plan.root)
    with psycopg.connect(embedded.url(server, DATABASE, "postgres"), autocommit=True) as admin:
        admin.execute(lacking.encode())
        try:
            passed, shown = judge(RIGHTS)
            is_said_once = judge(GRANTED)[0]
        finally:
            admin.execute(mended.encode())
    assert (passed, mended in shown, is_said_once) == (False, True, True), shown
    assert judge(RIGHTS)[0]


def test_the_limit_of_a_database_leaves_ten_connections(judge):
    passed, shown = judge(SERVER, f"ALTER DATABASE {DATABASE} CONNECTION LIMIT 8")
    assert (passed, "of the 8 that database readiness may have" in shown) == (False, True), shown
    assert judge(SERVER, f"ALTER DATABASE {DATABASE} CONNECTION LIMIT 20")[0]


@pytest.mark.parametrize(
    ("constraint", "asks"),
    [
        ("credit_actions ADD CHECK (credits_consumed > 100) NOT ENFORCED", ""),
        ("credit_actions ADD CHECK (credits_consumed > 100) NOT VALID", "credits_consumed > 100"),
        ("organizations ADD NOT NULL plan_name NOT VALID", "plan_name IS NOT NULL"),
    ],
)
def test_a_constraint_that_old_rows_break_is_named_if_it_is_enforced(judge, target, constraint, asks):
    if target.info.server_version < 180000:
        pytest.skip("constraints of these kinds are of version 18")
    passed, shown = judge(CHANGED, f"ALTER TABLE {constraint}")
    assert passed is not bool(asks)
    assert asks in shown


@pytest.mark.parametrize(("change", "what_to_do"), REFUSING)
def test_what_refuses_a_row_of_the_trail_is_said_with_what_mends_it(plan, ask, change, what_to_do):
    rows = list(ask(cell_of(plan, f"{TAKEN}: "), change))
    assert rows
    assert all(row[2].startswith(what_to_do) for row in rows), rows


def test_an_id_ahead_of_its_sequence_is_named_with_what_puts_the_sequence_behind_it(plan, ask, judge):
    ahead = (
        "INSERT INTO credit_actions (id, organization_id, action_type, credits_consumed)"
        " SELECT 1000 + (SELECT max(id) FROM credit_actions), id, 'ai_chat', 0 FROM organizations LIMIT 1"
    )
    ((kind, refused, what_to_do),) = ask(cell_of(plan, f"{TAKEN}: "), ahead)
    assert (kind, "credit_actions_id_seq stands at " in refused) == ("migration", True)
    assert judge(TAKEN, f"{ahead}; {what_to_do.partition(': ')[2]}")[0]


@pytest.mark.parametrize(
    "function",
    [
        "LANGUAGE sql STABLE AS 'SELECT EXISTS (SELECT FROM known_actions WHERE name = $1)'",
        "LANGUAGE sql STABLE BEGIN ATOMIC SELECT EXISTS (SELECT FROM known_actions WHERE name = $1); END",
        """LANGUAGE plpgsql AS 'BEGIN PERFORM FROM public."known_actions" WHERE name = $1; RETURN FOUND; END'""",
    ],
)
def test_a_constraint_that_asks_another_table_is_named_with_what_takes_its_place(plan, ask, judge, function):
    known = (
        "CREATE TABLE known_actions (name text);"
        "INSERT INTO known_actions SELECT DISTINCT action_type FROM credit_actions;"
        f"CREATE FUNCTION is_known(text) RETURNS boolean {function};"
        "ALTER TABLE credit_actions ADD CONSTRAINT known CHECK (is_known(action_type))"
    )
    (unfit,) = [item for item, is_fine in ask(cell_of(plan, f"{KIND}: "), known) if not is_fine]
    assert "not for what is_known(text) finds in known_actions" in unfit
    assert judge(KIND, f"{known}; ALTER TABLE credit_actions DROP CONSTRAINT known")[0]


def test_a_constraint_that_calls_a_function_of_its_row_is_passed_over(judge):
    assert judge(
        KIND,
        "CREATE TABLE email (email text);"
        "CREATE FUNCTION is_email(email text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1 <> chr(64)';"
        "ALTER TABLE organizations ADD CHECK (is_email(name))",
    )[0]


def test_a_sequence_that_is_nearly_used_up_is_named_with_what_lets_it_go_on(plan, ask, judge):
    ((kind, refused, what_to_do),) = ask(cell_of(plan, f"{TAKEN}: "), USED_UP)
    assert (kind, refused.partition(" gives ")[0]) == ("migration", "credit_actions_id_seq")
    assert what_to_do.startswith("let it go on: ALTER TABLE credit_actions ALTER id TYPE BIGINT; ALTER SEQUENCE ")
    assert judge(TAKEN, f"{USED_UP}; {what_to_do.partition(': ')[2]}")[0]


def test_what_is_not_ours_or_not_personal_is_noted_and_stops_nothing(plan, ask, judge):
    more = "CREATE TABLE contacts (id integer, email text); CREATE TABLE invoices (sum integer)"
    more += "; ALTER TABLE organizations ADD COLUMN seats integer"
    assert judge(KNOWN, more)[0]
    rows = list(ask(cell_of(plan, f"noted: {UNKNOWN}"), more))
    assert [(row[0], row[1], row[3]) for row in rows] == [
        ("contacts", "email", "personal"),
        ("contacts", "id", "business"),
        ("organizations", "seats", "business"),
    ]


@pytest.mark.parametrize(
    "column",
    ["was organizations", "were organizations[]", "pair pairs"],
)
def test_a_column_that_holds_whole_rows_of_organizations_is_named_with_the_way_out(judge, column):
    former = f"CREATE TYPE pairs AS (one organizations, other organizations[]); CREATE TABLE former ({column})"
    passed, shown = judge(REFUSED, former)
    assert not passed
    assert f"ALTER TABLE former ALTER {column.split()[0]} TYPE JSONB" in shown


@pytest.mark.parametrize("name", [RULES, TRAIL])
def test_a_view_is_no_table_with_a_rule_and_no_trail(judge, name):
    view = "ALTER TABLE credit_actions RENAME TO old; CREATE VIEW credit_actions AS SELECT DISTINCT * FROM old"
    assert judge(name, view)[0]


@pytest.mark.parametrize(
    ("more", "fine"), [("", True), ("ALTER TABLE credit_actions ADD CHECK (user_id <> repeat('0', 32)::uuid)", False)]
)
def test_a_person_becomes_null_or_nobody_before_anything_is_changed(judge, more, fine):
    never = f"""
        UPDATE credit_actions
        SET user_id = COALESCE(user_id, md5('x')::uuid), ip_address = '10.0.0.1', user_agent = 'x';
        ALTER TABLE credit_actions ALTER user_id SET NOT NULL, ALTER ip_address SET NOT NULL,
            ALTER user_agent SET NOT NULL;
        {more}
    """
    assert judge(TRAIL, never)[0] is fine


@pytest.mark.parametrize("kind", ["text", "varchar(20)", "name"])
def test_an_index_on_a_status_of_another_type_is_the_briefs(plan, ask, kind):
    index = f"""
        ALTER TABLE organizations ALTER status DROP DEFAULT, ALTER status TYPE {kind}, ADD ai_credits integer,
            ADD whatsapp_credits integer, ADD email_credits integer, ADD sms_credits integer;
        CREATE INDEX idx_active_organizations_credits
        ON organizations (ai_credits, whatsapp_credits, email_credits, sms_credits) WHERE status = 'active'
    """
    assert not list(ask(cell_of(plan, f"{INDEXES}: ", 4), index, kept="{idx_active_organizations_credits}"))


@pytest.mark.parametrize("change", [TOUCH, PARTITIONS])
def test_triggers_and_partitions_are_no_other_kind(judge, change):
    assert judge(KIND, change)[0]


@pytest.mark.parametrize(
    ("given", "fine"),
    [
        ({"backup_limit_gb": 0.000001}, False),
        ({"backup_limit_gb": 0.000001, "provider_snapshot": "nightly"}, True),
    ],
)
def test_a_table_too_large_to_be_dumped_needs_the_providers_snapshot(judge, given, fine):
    assert judge(SIZE, **given)[0] is fine


@pytest.mark.parametrize(
    ("hours", "fine"),
    [("now() - interval '23 hours'", True), ("now() - interval '25 hours'", False), ("now() + '1 hour'", False)],
)
def test_a_providers_snapshot_must_be_recent(judge, target, hours, fine):
    taken = target.execute(f"SELECT ({hours})::text".encode()).fetchone()[0]
    assert judge(RECENT, provider_snapshot="nightly", snapshot_taken_at=taken)[0] is fine


def test_a_providers_snapshot_without_a_time_is_none(judge):
    assert not judge(RECENT, provider_snapshot="nightly")[0]


@pytest.mark.parametrize(
    ("given", "fine"),
    [
        ({}, False),
        ({"provider_snapshot": "nightly"}, False),
        ({"provider_snapshot": "nightly", "dry_run": "off"}, True),
    ],
)
def test_without_the_right_to_create_databases_nothing_may_need_one(judge, target, plan, given, fine):
    server = embedded.start(plan.root)
    with psycopg.connect(embedded.url(server, "postgres", "postgres"), autocommit=True) as admin:
        admin.execute("ALTER ROLE guardian NOCREATEDB")
        try:
            assert judge(RIGHTS, **given)[0] is fine
        finally:
            admin.execute("ALTER ROLE guardian CREATEDB")
