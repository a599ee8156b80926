"""What the application does to plans and totals: said before the migration, and not held against it afterwards."""

import pytest

from tests.support.draw import Drawing, Moment

TENANTS = """
    GRANT UPDATE ON organizations TO authenticated;
    CREATE POLICY "Members write" ON organizations FOR UPDATE TO authenticated
        USING (id = ((SELECT auth.jwt()) ->> 'organization_id')::uuid);
    UPDATE organizations SET total_credits = 2000000000, plan_name = 'starter' WHERE name = (
        SELECT min(name) FROM organizations WHERE name !~ '^Edge case'
    )
"""
CHANGED = """
    UPDATE organizations SET plan_name = 'premium', total_credits = 7 WHERE plan_name = 'free';
    UPDATE organizations SET plan_name = 'free' WHERE plan_name = 'enterprise';
    INSERT INTO organizations (id, name, plan_name, total_credits) VALUES (gen_random_uuid(), 'Born', 'free', 100);
    UPDATE organizations SET plan_name = 'premium' WHERE name = 'Born'
"""


@pytest.mark.slow
def test_who_may_write_an_allocation_and_who_stands_far_outside_is_said_before(drawing: Drawing) -> None:
    draw = drawing.draw(TENANTS, given={"dry_run": False}, last=1)
    found = {one.check: one for task in draw.tasks for one in task.findings}
    assert "who may write what the allocation is computed from" in found
    assert "organizations whose total is far outside the rest" in found


@pytest.mark.slow
def test_what_was_changed_after_a_row_was_migrated_is_not_held_against_it(drawing: Drawing) -> None:
    def meanwhile(moment: Moment) -> None:
        if moment.source.startswith("%%check every allocation is what the plan says"):
            moment.database.apply(CHANGED)

    draw = drawing.draw(given={"dry_run": False}, watch=meanwhile, last=2)
    assert [one.stop for one in draw.tasks] == [None, None, None], draw.verdict
    assert draw.tasks[-1].failed == ()
    assert draw.left == [] or all("content" in line for line in draw.left)
