"""What the application does to plans and totals: said before the migration, and not held against it afterwards."""

import psycopg
import pytest

from tests.support.databases import Database
from tests.support.draw import Drawing, Moment

TENANTS = """
    GRANT UPDATE ON organizations TO authenticated;
    CREATE POLICY "Members write" ON organizations FOR UPDATE TO authenticated
        USING (id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid);
    UPDATE organizations SET total_credits = 2000000000, plan_name = 'starter' WHERE name = (
        SELECT min(name) FROM organizations WHERE name !~ '^Edge case'
    )
"""
CHARGES = """
    CREATE TABLE messages (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, organization_id uuid);
    ALTER TABLE messages ENABLE ROW LEVEL SECURITY; REVOKE ALL ON messages FROM anon, authenticated;
    CREATE FUNCTION charge() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN
        UPDATE organization_credits SET used_credits = used_credits + 1, remaining_credits = remaining_credits - 1
        WHERE organization_id = NEW.organization_id;
        RETURN NULL;
    END $$;
    REVOKE ALL ON FUNCTION charge() FROM PUBLIC, anon, authenticated;
    CREATE TRIGGER charge AFTER INSERT ON messages FOR EACH ROW EXECUTE FUNCTION charge();
"""
CHANGED = """
    UPDATE organizations SET plan_name = 'premium', total_credits = 7 WHERE plan_name = 'free';
    UPDATE organizations SET plan_name = 'free' WHERE plan_name = 'enterprise';
    INSERT INTO organizations (id, name, plan_name, total_credits) VALUES (gen_random_uuid(), 'Born', 'free', 100);
    UPDATE organizations SET plan_name = 'premium' WHERE name = 'Born'
"""


@pytest.mark.slow
def test_who_writes_an_allocation_stands_far_outside_or_debits_beside_is_said_before(
    drawing: Drawing,
) -> None:
    draw = drawing.draw(CHARGES, TENANTS, given={"dry_run": False}, last=1)
    found = {one.check: one for task in draw.tasks for one in task.findings}
    assert "who may write what the allocation is computed from" in found
    assert "organizations whose total is far outside the rest" in found
    (charges,) = (row for one in found.values() for row in one.rows if row[0] == "function charge()")
    assert "its debit of a migrated organization fails" in charges[-1]


CHARGED = """
    INSERT INTO messages (organization_id)
    SELECT organization_id FROM organization_credits WHERE remaining_credits > 10 ORDER BY organization_id LIMIT 1
"""


@pytest.mark.slow
def test_a_trigger_of_another_table_debits_no_balance_that_nobody_reads(drawing: Drawing) -> None:
    found = []

    def between(database: Database, way: str, task: int) -> None:
        if (way, task) in {("up", 1), ("up", 2), ("down", 2)}:
            try:
                database.apply(CHARGED)
                found.append("")
            except psycopg.Error as error:
                found.append(error.sqlstate)

    draw = drawing.draw(CHARGES, given={"dry_run": False}, between=between, last=2)
    assert found == ["", "55000", ""], draw.verdict


@pytest.mark.slow
def test_what_was_changed_after_a_row_was_migrated_is_not_held_against_it(drawing: Drawing) -> None:
    def meanwhile(moment: Moment) -> None:
        if moment.source.startswith("%%check every allocation is what the plan says"):
            moment.database.apply(CHANGED)

    draw = drawing.draw(given={"dry_run": False}, watch=meanwhile, last=2)
    assert [one.stop for one in draw.tasks] == [None, None, None], draw.verdict
    assert draw.tasks[-1].failed == ()
    assert draw.left == [] or all("content" in line for line in draw.left)


# A birth consumes at once, and nobody who is active is deleted.
OWN_TRIGGERS = """
    CREATE FUNCTION a_welcome() RETURNS trigger LANGUAGE plpgsql SECURITY DEFINER SET search_path = public AS $$ BEGIN
        INSERT INTO organization_credits VALUES (NEW.id, 1000, 0, 1000);
        PERFORM consume_credits_rpc(NEW.id, 'email_send', 1);
        RETURN NULL;
    END $$;
    REVOKE ALL ON FUNCTION a_welcome() FROM PUBLIC, anon, authenticated;
    CREATE TRIGGER a_welcome AFTER INSERT ON organizations FOR EACH ROW EXECUTE FUNCTION a_welcome();
    CREATE FUNCTION z_stays() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS 'BEGIN RETURN NULL; END';
    REVOKE ALL ON FUNCTION z_stays() FROM PUBLIC, anon, authenticated;
    CREATE TRIGGER z_stays BEFORE DELETE ON organizations FOR EACH ROW WHEN (OLD.status = 'active')
    EXECUTE FUNCTION z_stays();
    INSERT INTO organizations (name, plan_name, total_credits, status)
    SELECT 'Leaves', 'starter', 1000, 'inactive'
"""
BORN = "INSERT INTO organizations (name, plan_name, total_credits) VALUES ('Born', 'starter', 1000)"
LEFT = """
    DELETE FROM credit_actions WHERE organization_id IN (SELECT id FROM organizations WHERE name = 'Leaves')
      AND action_type <> 'migration';
    DELETE FROM organizations WHERE name IN ('Leaves', 'Born')
"""
THERE = """
    SELECT name, email_used_credits, (
        SELECT COUNT(*) FROM credit_actions WHERE organization_id = o.id AND action_type = 'migration'
    )
    FROM organizations AS o WHERE name IN ('Born', 'Leaves')
"""


@pytest.mark.slow
def test_a_trigger_that_consumes_at_birth_and_one_that_forbids_a_death_do_so_as_before(drawing: Drawing) -> None:
    there = []

    def meanwhile(moment: Moment) -> None:
        if moment.way == "up" and moment.source.startswith("%%backfill"):
            moment.database.apply(BORN)

    def between(database: Database, way: str, task: int) -> None:
        if (way, task) == ("up", 2):
            database.apply(BORN)
            database.apply(LEFT)
            with psycopg.connect(database.owner) as owner:
                there.extend(owner.execute(THERE).fetchall())

    draw = drawing.draw(OWN_TRIGGERS, given={"dry_run": False}, watch=meanwhile, between=between, last=2)
    assert draw.is_complete, draw.verdict
    assert [one.stop for one in draw.back] == [None, None, None], draw.verdict
    assert there == [("Born", 1, 1)] * 2
