"""What an application does to organizations and balances while there are four pools, and what a rollback counts."""

from uuid import UUID

import psycopg
import pytest

from runbook.plan.plan import Plan
from tests.support.migrated import migrate
from tests.support.under_way import BOOK, MIGRATION, Target

HAD = """
    ALTER TABLE organization_credits DROP CONSTRAINT organization_credits_organization_id_fkey,
        ADD FOREIGN KEY (organization_id) REFERENCES organizations ON DELETE CASCADE ON UPDATE CASCADE;
    ALTER TABLE credit_actions DROP CONSTRAINT credit_actions_organization_id_fkey,
        ADD FOREIGN KEY (organization_id) REFERENCES organizations ON UPDATE CASCADE;
    INSERT INTO organizations (id, name, plan_name, total_credits)
    SELECT lpad(number::text, 32, '0')::uuid, 'Had ' || number, 'starter', 1000 FROM generate_series(1, 9) AS number;
    INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description)
    SELECT id, 'ai_chat', 200, 'Consumed' FROM organizations WHERE name ~ '^Had';
    INSERT INTO organization_credits SELECT id, 1000, 200, 800 FROM organizations WHERE name ~ '^Had'
"""
BOOKED = f"""
    {BOOK}
    CREATE TRIGGER book AFTER INSERT ON credit_actions FOR EACH ROW EXECUTE FUNCTION book();
    CREATE OR REPLACE FUNCTION consume_credits_rpc(p_organization_id uuid, p_action_type text, p_credits integer)
    RETURNS jsonb LANGUAGE plpgsql SECURITY DEFINER AS $$
    BEGIN
        INSERT INTO credit_actions (organization_id, action_type, credits_consumed, description)
        VALUES (p_organization_id, p_action_type, p_credits, 'Consumed');
        RETURN jsonb_build_object('success', true);
    END $$
"""
CALL = "SELECT consume_credits_rpc('{}', 'ai_chat', 3)"
ONE, OTHER, JOINED, WHOLE, MOVED, PLAIN, CREDIT, DEBT, BOTH = (UUID(int=n) for n in range(1, 10))
NEW = UUID(int=99)
MERGE = "UPDATE credit_actions SET organization_id = '{1}' WHERE organization_id = '{0}'"
MERGE_BALANCES = """
    UPDATE organization_credits AS b
    SET total_credits = b.total_credits + a.total_credits, used_credits = b.used_credits + a.used_credits,
        remaining_credits = b.remaining_credits + a.remaining_credits
    FROM organization_credits AS a WHERE a.organization_id = '{0}' AND b.organization_id = '{1}'
"""
MONTHLY = "UPDATE organization_credits SET used_credits = 0, remaining_credits = total_credits"
MIGRATION_ROWS = """
    SELECT o.name, COUNT(a.organization_id) FROM organizations AS o
    LEFT JOIN credit_actions AS a ON a.organization_id = o.id AND a.action_type = 'migration'
    GROUP BY o.id HAVING COUNT(a.organization_id) <> 1
"""
POOL = "SELECT total_credits, used_credits, remaining_credits FROM organization_credits WHERE organization_id = %s"


BROUGHT_BACK = """
    CREATE TABLE kept_organizations AS TABLE organizations;
    CREATE TABLE kept_credits AS TABLE organization_credits;
    CREATE TABLE kept_actions AS TABLE credit_actions;
    TRUNCATE organizations CASCADE;
    INSERT INTO organizations SELECT * FROM kept_organizations;
    INSERT INTO organization_credits SELECT * FROM kept_credits;
    INSERT INTO credit_actions SELECT * FROM kept_actions
"""
POOLS = "SELECT id, ai_credits, ai_used_credits FROM organizations ORDER BY id"
REFUND = "UPDATE organization_credits SET used_credits = {1}, remaining_credits = {2} WHERE organization_id = '{0}'"
DEBITS = ("used_credits = used_credits + 1", "remaining_credits = remaining_credits - 1")


def do(target: Target, *acts: str) -> None:
    for act in acts:
        target.observer.execute(act.encode())


@pytest.mark.parametrize(
    "books", ["", pytest.param(BOOKED, marks=pytest.mark.slow)], ids=["the function debits", "a trigger books"]
)
def test_what_is_merged_renamed_or_set_back_meanwhile_stays_so_and_each_credit_counts_once(
    plan: Plan, target: Target, books: str
) -> None:
    do(target, f"{HAD};{books}")
    migrate(target.runbook, plan.task(MIGRATION).notebook, carry_over_usage=True)
    do(target, *(CALL.format(one) for one in (OTHER, WHOLE, MOVED)))
    do(target, MERGE.format(ONE, OTHER), f"DELETE FROM organizations WHERE id = '{ONE}'")
    do(target, MERGE_BALANCES.format(JOINED, WHOLE), MERGE.format(JOINED, WHOLE))
    do(target, f"DELETE FROM organizations WHERE id = '{JOINED}'")
    do(target, f"UPDATE organizations SET id = '{NEW}' WHERE id = '{MOVED}'", CALL.format(NEW))
    do(target, "ALTER TABLE organizations ALTER total_credits TYPE bigint")
    born = target.born()
    do(target, CALL.format(born), REFUND.format(born, "used_credits - 1", "remaining_credits + 1"))
    do(target, REFUND.format(CREDIT, -5, 1005), REFUND.format(DEBT, -5, 1300))
    for debit in DEBITS:
        with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="consume_credits_rpc"):
            do(target, f"UPDATE organization_credits SET {debit} WHERE organization_id = '{CREDIT}'")
    do(target, f"{MONTHLY} WHERE organization_id IN ('{PLAIN}', '{CREDIT}', '{DEBT}', '{BOTH}')")
    do(target, f"UPDATE organizations SET ai_used_credits = 0 WHERE id = '{BOTH}'")
    do(target, *(CALL.format(one) for one in (PLAIN, CREDIT, DEBT, BOTH)))
    assert target.observer.execute(MIGRATION_ROWS).fetchall() == []
    target.go_back(plan)
    due = {OTHER: (1000, 203, 797), WHOLE: (2000, 403, 1597), NEW: (1000, 206, 794), UUID(born): (1000, 2, 998)}
    due |= dict.fromkeys((PLAIN, CREDIT, DEBT, BOTH), (1000, 3, 997))
    assert {one: target.observer.execute(POOL, [one]).fetchone() for one in due} == due


def test_tables_that_are_brought_back_from_a_backup_hold_what_they_held(plan: Plan, target: Target) -> None:
    migrate(target.runbook, plan.task(MIGRATION).notebook)
    do(target, "UPDATE organizations SET ai_credits = ai_credits + 500, ai_used_credits = 7")
    before = target.observer.execute(POOLS).fetchall()
    do(target, BROUGHT_BACK)
    assert target.observer.execute(POOLS).fetchall() == before
    assert target.observer.execute(MIGRATION_ROWS).fetchall() == []
