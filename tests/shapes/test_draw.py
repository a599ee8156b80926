"""The harness itself: it draws the baseline, and what it compares it sees."""

import pytest

from runbook.batch.preflight import Preflight
from runbook.plan.finding import BLOCKS, Finding
from tests.shapes.generator import pieces, together
from tests.support import draw as drawn
from tests.support import world
from tests.support.draw import Drawing

CHANGES = {
    "a column": ("ALTER TABLE organizations ADD note text", "schema: +"),
    "a row": ("UPDATE organizations SET name = name || '.' WHERE name ~ 'largest'", "content: public.organizations"),
    "a right by table": ("GRANT DELETE ON credit_actions TO organization_user", "right gained: relation"),
    "a right by column": ("GRANT UPDATE (name) ON organizations TO organization_user", "right gained: column"),
    "a right of a function": ("REVOKE EXECUTE ON FUNCTION auth.jwt() FROM PUBLIC", "right lost: function"),
    "a right of a schema": ("GRANT CREATE ON SCHEMA public TO authenticated", "right gained: schema"),
    "a right to grant": (
        "GRANT SELECT ON organizations TO authenticated WITH GRANT OPTION",
        "right gained: relation public.organizations · guardian · authenticated · SELECT · grantable",
    ),
    "a function made anew": (
        "DO $$ DECLARE body text = pg_get_functiondef('auth.jwt()'::regprocedure); BEGIN ALTER FUNCTION auth.jwt()"
        " RENAME TO old; EXECUTE body; END $$",
        "identity gained: function",
    ),
    "a trigger kept still": ("ALTER TABLE credit_actions DISABLE TRIGGER still", "trigger gained"),
    "a setting": ("ALTER ROLE authenticated SET work_mem = '1MB'", "setting gained: everywhere"),
    "a replica identity": ("ALTER TABLE organizations REPLICA IDENTITY FULL", "identity gained: relation"),
    "a sequence set back": ("SELECT setval('credit_actions_id_seq', 1)", "sequence: public.credit_actions_id_seq"),
    "a role": ("CREATE ROLE stranger", "role gained: stranger"),
    "a member": ("GRANT service_role TO authenticated", "role gained: service_role · has the member"),
}
STILL = """
    CREATE FUNCTION still() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE TRIGGER still BEFORE UPDATE ON credit_actions FOR EACH ROW EXECUTE FUNCTION still()
"""


@pytest.mark.slow
def test_the_baseline_completes_and_is_given_back(drawing: Drawing) -> None:
    draw = drawing.draw()
    assert draw.verdict == "complete · given back"
    assert [one.task for one in draw.tasks] == [0, 1, 2, 3, 4, 5]
    assert [one.task for one in draw.back] == [5, 4, 3, 2, 1, 0]


def test_a_shape_that_the_server_refuses_is_no_draw(drawing: Drawing) -> None:
    draw = drawing.draw("SELECT 1 / 0")
    assert draw.refused == "division by zero"
    assert not draw.tasks


def test_a_schema_of_one_draw_is_not_the_next_draws(drawing: Drawing) -> None:
    drawing.draw("-- lies in: billing\nSELECT 1 / 0")
    assert not drawing.plan.environment(drawn.ENVIRONMENT).schema


@pytest.mark.slow
@pytest.mark.parametrize(
    ("piece", "told", "untold"),
    [
        ("columns_more", [], "every column is classified in Task 5"),
        ("columns_no_contact", [Finding(BLOCKS, 0, "the weather", "it rains")], "nothing, though the preflight says"),
    ],
)
def test_a_run_that_ends_otherwise_than_a_preflight_said_is_not_right(
    drawing: Drawing, monkeypatch: pytest.MonkeyPatch, piece: str, told: list[Finding], untold: str
) -> None:
    monkeypatch.setattr(drawn, "run_preflight", lambda _, name, given: Preflight(name, told, given=dict(given)))
    draw = drawing.draw(together([pieces()[piece]]).sql, given={"dry_run": False}, last=0, preflight=True)
    assert f"NOT TOLD BEFORE: {untold}" in draw.verdict
    assert not draw.is_right


def test_what_changes_is_seen(drawing: Drawing) -> None:
    with drawing.databases.fresh() as database:
        database.apply(STILL)
        before = world.observe(database.superuser)
        for what, (change, said) in CHANGES.items():
            database.apply(f"-- as the superuser\n{change}")
            after = world.observe(database.superuser)
            found = world.differences(before, after)
            assert any(line.startswith(said) for line in found), (what, found)
            before = after
        assert world.differences(before, world.observe(database.superuser)) == []


def test_what_a_shape_does_to_the_cluster_ends_with_its_draw(drawing: Drawing) -> None:
    with drawing.databases.fresh() as database:
        before = world.observe(database.superuser)
        database.apply(
            """
            -- as the superuser
            CREATE ROLE "one ""more" SUPERUSER;
            GRANT service_role TO "one ""more";
            ALTER ROLE guardian NOBYPASSRLS;
            ALTER ROLE anon SET statement_timeout = '1s';
            SELECT pg_create_physical_replication_slot('forgotten', true);
            """
        )
        assert world.observe(database.superuser).facts["role"] != before.facts["role"]
    with drawing.databases.fresh() as database:
        after = world.observe(database.superuser)
    for kind in ("role", "setting"):
        assert after.facts[kind] == before.facts[kind]


def test_a_right_gained_is_seen_on_what_stood_before_alone(drawing: Drawing) -> None:
    with drawing.databases.fresh() as database:
        database.apply("REVOKE UPDATE ON organizations FROM authenticated")
        before = world.observe(database.superuser)
        database.apply("CREATE TABLE later (id uuid); GRANT UPDATE (name) ON organizations TO authenticated")
        found = world.gained(before, world.observe(database.superuser))
    assert found == [
        "authenticated · public.organizations.name · UPDATE",
        "organization_user · public.organizations.name · UPDATE",
    ]
