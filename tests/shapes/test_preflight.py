"""A preflight of a target nobody has prepared: everything is asked, nothing blocks, and nothing is left behind."""

import re

import psycopg
import pytest

from runbook.batch.preflight import READY, run_preflight
from runbook.notebook import preflight
from runbook.plan.finding import BLOCKS, UNACCEPTED
from tests.shapes.generator import pieces, together
from tests.support.draw import CHEAP, Drawing, address_of
from tests.support.world import differences, observe

KINDS = {"adapted", "noted"}
STOPPING = (
    ("columns_strict_trail", "keys_duplicates", "triggers_guard", "settings_statements_refused"),
    ("columns_begun_otherwise", "triggers_append_only", "around_names_taken"),
    ("sizes_pruned", "tenancy_open", "around_checks"),
    ("types_enum", "sizes_overdrawn", "tenancy_plan_writable"),
    ("sizes_pruned", "triggers_guard"),
    ("function_answers_a_text", "triggers_rules", "types_enum"),
    ("around_summary_taken", "keys_duplicates", "sizes_pruned"),
    ("columns_strict_trail", "function_answers_a_text", "tenancy_open"),
    ("triggers_append_only", "settings_statements_refused", "sizes_overdrawn"),
    ("around_checks", "triggers_rules", "tenancy_plan_writable"),
)

# What each piece of a shape is told, in words of the target
TOLD = {
    "columns_known_types": "channel would be empty",
    "keys_orphans": "bring the organization back, or delete them: DELETE FROM credit_actions WHERE organization_id = ",
    "keys_of_balances": "1 organizations have no row in organization_credits",
    "triggers_drop_changes": "a trigger undoes the change in silence",
    "triggers_drop_deletions": "a trigger keeps the row in silence",
    "triggers_drop_free_actions": "a trigger drops the row in silence",
    "triggers_by_path_of_database": "ALTER FUNCTION app.fill() SET search_path = public, app, extensions",
    "triggers_count_calls": "a trigger writes calls, last_call for it, and a rollback cannot undo that",
    "about_in_another_schema": "ALTER FUNCTION rpc.consume_credits_rpc(uuid,text,integer) SET SCHEMA public",
    "function_answers_an_id": "the number it answers is not what remains",
    "roles_create_schemas": "PUBLIC may create the schema extensions",
}
TOGETHER = (
    ("columns_known_types", "keys_of_balances", "triggers_drop_changes", "triggers_drop_deletions"),
    ("triggers_drop_free_actions", "roles_create_schemas", "function_answers_an_id"),
    ("triggers_by_path_of_database", "keys_orphans"),
    ("triggers_count_calls", "about_in_another_schema"),
)


@pytest.mark.parametrize("names", TOGETHER, ids=" + ".join)
def test_what_a_row_or_a_change_would_meet_is_named_with_what_to_do(drawing: Drawing, names: tuple[str, ...]) -> None:
    with drawing.databases.fresh() as database, address_of(database.owner):
        database.apply(together(pieces()[name] for name in names).sql)
        found = run_preflight(drawing.plan, CHEAP["environment"], {"free_disk_gb": CHEAP["free_disk_gb"]})
    said = str([(one.rows, one.remedy) for one in found.findings])
    assert [name for name in names if TOLD[name] not in said] == []


@pytest.mark.parametrize("probes", [True, False])
def test_of_the_baseline_everything_is_asked_and_nothing_is_changed(drawing: Drawing, probes: bool) -> None:
    given = {"free_disk_gb": CHEAP["free_disk_gb"]}
    with drawing.databases.fresh() as database, address_of(database.owner):
        before = observe(database.superuser)
        found = run_preflight(drawing.plan, CHEAP["environment"], given, probes=probes)
        after = observe(database.superuser)
    assert {finding.kind for finding in found.findings} <= KINDS, [
        one for one in found.findings if one.kind not in KINDS
    ]
    assert found.exit_code == READY
    assert found.next == f"`runbook run --environment draw -p free_disk_gb {given['free_disk_gb']}`"
    assert differences(before, after) == []
    assert "CREATE SCHEMA runbook" not in after.schema


def test_what_takes_too_long_is_not_asked_and_blocks_nothing(drawing: Drawing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(preflight, "LONGEST", "3ms")
    given = {"free_disk_gb": CHEAP["free_disk_gb"]}
    with drawing.databases.fresh() as database, address_of(database.owner):
        found = run_preflight(drawing.plan, CHEAP["environment"], given)
    assert [one for one in found.findings if one.kind not in KINDS] == []
    assert [one for one in found.findings if "not asked, for it takes longer" in one.what]


STAND = "the three tables stand in the schema that the plan names"
THERE = "every column that the migration reads or writes is there"


@pytest.mark.parametrize(
    ("lacking", "check"),
    [
        ("DROP TABLE organizations, organization_credits, credit_actions CASCADE;", STAND),
        ("ALTER TABLE organizations RENAME TO accounts; CREATE VIEW organizations AS TABLE accounts;", STAND),
        ("ALTER TABLE credit_actions RENAME organization_id TO account;", THERE),
        ("ALTER TABLE organizations DROP plan_name;", THERE),
    ],
)
def test_without_a_table_or_a_column_that_is_told_and_nothing_more_asked(
    drawing: Drawing, lacking: str, check: str
) -> None:
    with drawing.databases.fresh() as database, address_of(database.owner):
        database.apply(lacking)
        found = run_preflight(drawing.plan, CHEAP["environment"], {})
    assert [one.check for one in found.findings if one.kind == BLOCKS] == [check]
    assert [words for words in found.to_come if words.startswith("everything from Task 0")]


OF_THE_KIND = "the tables are of the kind the migration is written for"
STATEMENT = re.compile(r"(?:ALTER TABLE|GRANT) [^|]*?(?=, as a superuser|$)")
UNFIT = {
    "a total of money": (
        OF_THE_KIND,
        "ALTER TABLE organizations ALTER total_credits TYPE money USING 1::money",
    ),
    "balances of money, with defaults": (
        OF_THE_KIND,
        "ALTER TABLE organization_credits ALTER used_credits TYPE money, ALTER remaining_credits TYPE money",
    ),
    "all tables unlogged": (
        OF_THE_KIND,
        "ALTER TABLE credit_actions SET UNLOGGED; ALTER TABLE organization_credits SET UNLOGGED;"
        "ALTER TABLE organizations SET UNLOGGED",
    ),
    "dates that nothing gives": (
        "a row of each type the runbook writes is taken by the trail",
        "ALTER TABLE credit_actions ALTER created_at DROP DEFAULT, ALTER created_at DROP NOT NULL",
    ),
    "rights an owner gave whose rights the role has, but which it may not become": (
        "every right the migration takes can be given back by whoever gave it",
        """
        -- as the superuser
        DO $$ BEGIN IF to_regrole('app_owner') IS NULL THEN CREATE ROLE app_owner BYPASSRLS; END IF; END $$;
        GRANT app_owner TO guardian WITH INHERIT TRUE, SET FALSE; GRANT CREATE, USAGE ON SCHEMA public TO app_owner;
        ALTER TABLE organizations OWNER TO app_owner; ALTER TABLE organization_credits OWNER TO app_owner;
        """,
    ),
}


@pytest.mark.parametrize("unfit", UNFIT)
def test_what_does_not_fit_is_told_once_and_fits_after_the_statements_it_is_told_with(
    drawing: Drawing, unfit: str
) -> None:
    check, change = UNFIT[unfit]
    given = {"free_disk_gb": CHEAP["free_disk_gb"]}
    with drawing.databases.fresh() as database, address_of(database.owner):
        database.apply(change)
        found = run_preflight(drawing.plan, CHEAP["environment"], given)
        (told,) = (one for one in found.findings if one.kind == BLOCKS)
        said = [str(cell) for row in told.rows for cell in row]
        with psycopg.connect(database.superuser, autocommit=True) as superuser:
            for statement in dict.fromkeys(match[0] for cell in said for match in STATEMENT.finditer(cell)):
                superuser.execute(statement)
        mended = run_preflight(drawing.plan, CHEAP["environment"], given)
    assert told.check == check
    assert [one.what for one in found.findings if "SQL error" in one.what] == []
    assert [f"{one.check}: {one.what}" for one in mended.findings if one.kind == BLOCKS] == []


ASKS = """
    CREATE FUNCTION is_member() RETURNS boolean LANGUAGE sql STABLE AS $$ SELECT {} = 'authenticated' $$;
    ALTER POLICY "Members read their organization" ON organizations
    USING (is_member() AND id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid)
"""
FOR_CURRENT_USER = "no policy of organizations asks by a function for current_user"


def test_a_policy_that_asks_by_a_function_for_current_user_is_told_what_to_ask_instead(drawing: Drawing) -> None:
    told = []
    for caller in ("current_user", "COALESCE(NULLIF(current_setting('role'), 'none'), session_user)::NAME"):
        with drawing.databases.fresh() as database, address_of(database.owner):
            database.apply(ASKS.format(caller))
            found = run_preflight(drawing.plan, CHEAP["environment"], {"free_disk_gb": CHEAP["free_disk_gb"]})
        told.append([one.check for one in found.findings if one.kind == BLOCKS])
    assert told == [[FOR_CURRENT_USER], []]


def test_what_a_dump_refuses_is_said_in_its_own_words(drawing: Drawing) -> None:
    with drawing.databases.fresh() as database, address_of(database.owner), drawing.lying_in("nowhere"):
        found = run_preflight(drawing.plan, CHEAP["environment"], {})
    assert [one for one in found.findings if "no matching schemas were found" in one.what]


@pytest.mark.slow
@pytest.mark.parametrize("names", STOPPING, ids=" + ".join)
def test_what_stops_a_run_is_named_by_a_preflight_in_one_list(drawing: Drawing, names: tuple[str, ...]) -> None:
    shape = together(pieces()[name] for name in names)
    with drawing.databases.fresh() as database, address_of(database.owner):
        database.apply(shape.sql)
        found = run_preflight(drawing.plan, CHEAP["environment"], {"free_disk_gb": CHEAP["free_disk_gb"]})
    asked = {one.check for one in found.findings if one.kind in (BLOCKS, UNACCEPTED)}
    draw = drawing.draw(shape.sql, last=1)
    stopped = {one.name for task in draw.tasks for one in task.failed} | set(draw.accepted)
    assert stopped
    assert stopped <= asked, f"{draw.verdict}; not named: {stopped - asked}"
