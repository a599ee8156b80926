"""Calls under way while an organization is migrated or folded back: each is counted once, and none meets a deadlock.

The statements are those of the notebook and of its rollback script, each sent by hand at its worst moment.
"""

from contextlib import ExitStack
from functools import partial

import psycopg
import pytest

from runbook.plan.cells import Cell
from runbook.plan.plan import Plan
from runbook.plan.rollback_script import ScriptPart, rollback_parts
from tests.support.beside import in_background
from tests.support.migrated import migrate
from tests.support.under_way import BOOK, MIGRATION, Target

CALL = "SELECT consume_credits_rpc(%s, 'ai_chat', 3)"
DIRECTLY = """
    UPDATE organization_credits SET used_credits = used_credits + 1, remaining_credits = remaining_credits - 1
    WHERE organization_id = %s
"""
COUNTED = """
    SELECT ai_used_credits, (
        SELECT SUM(credits_consumed) FROM credit_actions WHERE organization_id = o.id AND action_type = 'ai_chat'
    )
    FROM organizations AS o WHERE id = %s
"""
OLD_POOL = "SELECT used_credits, remaining_credits FROM organization_credits WHERE organization_id = %s"
USED = """
    SELECT used_credits, ai_used_credits
    FROM organizations AS o JOIN organization_credits ON organization_id = o.id
    WHERE o.id = %s
"""


def test_what_a_call_spends_while_its_batch_waits_is_carried_over(plan: Plan, target: Target) -> None:
    organization, caller, committed = target.roomy()[0], target.open(), list[str]()

    with ExitStack() as beside:

        def before(cell: Cell) -> None:
            if cell.magic and cell.magic[0] == "backfill":
                caller.execute("BEGIN")
                caller.execute(CALL, [organization])
                beside.enter_context(in_background(commit))

        def commit() -> None:
            target.waits(target.runbook, caller)
            caller.execute("COMMIT")
            committed.append(organization)

        migrate(target.runbook, plan.task(MIGRATION).notebook, before, carry_over_usage=True)

    assert committed
    counted = target.observer.execute(COUNTED, [organization]).fetchone()
    assert counted and counted[0] == counted[1]


def test_a_transaction_of_the_old_function_and_of_the_bridge_meets_no_deadlock(plan: Plan, target: Target) -> None:
    organization, early, late, committed = target.roomy()[0], target.open(), target.open(), list[str]()

    def before(cell: Cell) -> None:
        if "CREATE OR REPLACE FUNCTION runbook.awaits_migration" in cell.body:
            early.execute("BEGIN")
            early.execute(CALL, [organization])
        elif "CREATE OR REPLACE FUNCTION runbook.carried_over(" in cell.body:
            with in_background(partial(late.execute, CALL, [organization])):
                target.waits(late, early)
                early.execute("SELECT FROM pg_proc LIMIT 1")  # a relation locked anew: it learns of the bridge
                early.execute(CALL, [organization])
                early.execute("COMMIT")
                committed.append(organization)

    migrate(target.runbook, plan.task(MIGRATION).notebook, before)
    assert committed


def test_a_call_that_waits_for_its_organization_to_be_folded_back_debits_the_old_pool(
    plan: Plan, target: Target
) -> None:
    migrate(target.runbook, plan.task(MIGRATION).notebook)
    (organization, other), caller, holder = target.roomy(), target.open(), target.open()
    before = target.observer.execute(USED, [organization]).fetchone()

    def call() -> None:
        target.waits(target.runbook, holder)
        with in_background(partial(caller.execute, CALL, [organization])):
            target.waits(caller, target.runbook)
            holder.execute("COMMIT")

    for part in rollback_parts(plan.task(MIGRATION)):
        if part.magic == "deployed":
            continue
        if part.magic == "backfill":  # another row of the same batch is kept, so that the batch keeps its locks
            holder.execute("BEGIN")
            holder.execute("SELECT FROM organization_credits WHERE organization_id = %s FOR UPDATE", [other])
            target.runbook.execute(
                "UPDATE organizations SET ai_used_credits = ai_used_credits + 1 WHERE id = %s", [other]
            )
            with in_background(call):
                target.runbook.execute(part.body.encode())
            break
        target.runbook.execute(part.body.encode())

    assert before
    assert target.observer.execute(USED, [organization]).fetchone() == (before[0] + 3, before[1])


def test_whoever_debits_the_old_pool_directly_is_refused_until_it_is_given_back(plan: Plan, target: Target) -> None:
    migrate(target.runbook, plan.task(MIGRATION).notebook)
    organization, caller = target.roomy()[0], target.open()
    target.runbook.execute(
        "UPDATE organizations SET ai_used_credits = ai_used_credits + 1 WHERE id = %s", [organization]
    )
    before = target.observer.execute(USED, [organization]).fetchone()
    for part in rollback_parts(plan.task(MIGRATION)):
        if part.magic == "backfill":
            with pytest.raises(psycopg.errors.ObjectNotInPrerequisiteState, match="consume_credits_rpc"):
                caller.execute(DIRECTLY, [organization])
            target.runbook.execute(part.body.encode())
            caller.execute(DIRECTLY, [organization])
            break
        if part.magic != "deployed":
            target.runbook.execute(part.body.encode())
    assert before
    assert target.observer.execute(USED, [organization]).fetchone() == (before[0] + 2, before[1])


def test_who_is_born_before_the_bridge_is_migrated_with_the_others_and_its_calls_are_counted(
    plan: Plan, target: Target
) -> None:
    born = list[str]()

    def before(cell: Cell) -> None:
        if "CREATE TABLE IF NOT EXISTS runbook.types_widened" in cell.body:
            born.append(target.born())
            target.observer.execute(CALL, born)

    migrate(target.runbook, plan.task(MIGRATION).notebook, before)
    assert target.observer.execute("SELECT used FROM runbook.used_before WHERE organization_id = %s", born).fetchone()
    target.go_back(plan)
    assert target.observer.execute(OLD_POOL, born).fetchone() == (3, 997)


def test_an_allocation_while_it_is_folded_back_opens_no_pool_in_which_calls_are_lost(
    plan: Plan, target: Target
) -> None:
    migrate(target.runbook, plan.task(MIGRATION).notebook)
    organization, is_folded_back = target.born(), list[ScriptPart]()

    def before(part: ScriptPart) -> None:
        if is_folded_back:
            target.observer.execute("SELECT allocate_plan_credits(%s, 'premium')", [organization])
            target.observer.execute(CALL, [organization])
            is_folded_back.clear()
        if part.magic == "backfill":
            is_folded_back.append(part)

    target.go_back(plan, before)
    assert target.observer.execute(OLD_POOL, [organization]).fetchone() == (3, 997)


BOOKED = f"""
    {BOOK}
    CREATE CONSTRAINT TRIGGER book AFTER INSERT ON credit_actions DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION book()
"""


@pytest.mark.parametrize("books", ["SELECT", BOOKED], ids=["nobody books there", "a trigger books there"])
def test_what_was_used_of_a_pool_that_came_later_is_counted_once(plan: Plan, target: Target, books: str) -> None:
    target.observer.execute(books)
    migrate(target.runbook, plan.task(MIGRATION).notebook)
    organization = target.born(used=7)
    target.observer.execute(CALL, [organization])
    target.go_back(plan)
    assert target.observer.execute(OLD_POOL, [organization]).fetchone() == (10, 990)


BOUGHT = """
    UPDATE organizations SET ai_credits = ai_credits + 500 WHERE id = %s;
    UPDATE organizations SET plan_name = 'premium' WHERE id = %s;
    SELECT allocate_plan_credits(%s, 'premium')
"""


def test_credits_that_were_bought_for_the_four_pools_are_named_by_the_rollback(plan: Plan, target: Target) -> None:
    migrate(target.runbook, plan.task(MIGRATION).notebook)
    bought, upgraded = target.roomy()
    for statement in BOUGHT.split(";"):
        target.observer.execute(statement.encode(), [upgraded if "premium" in statement else bought])
    target.go_back(plan)
    rows = target.observer.execute("SELECT organization_id, added FROM runbook.pools_changed").fetchall()
    assert rows == [(str(bought), 500)]
