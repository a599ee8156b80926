"""The work of a batch grows with its rows, and not with their square."""

from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from runbook.database.ledger import Ledger
from runbook.plan.cells import Cell
from runbook.plan.plan import Plan
from tests.support.baseline import baseline
from tests.support.migrated import migrate

MIGRATION = 2
ORGANIZATIONS = 400


@pytest.fixture
def owner(plan: Plan) -> Iterator[psycopg.Connection]:
    """The owner of a baseline of a few hundred organizations, of which the planner has no statistics."""
    with baseline(plan, "batch_work", ORGANIZATIONS) as url, psycopg.connect(url, autocommit=True) as connection:
        Ledger(connection, plan.name).prepare()
        yield connection


def test_no_step_of_a_batch_goes_over_its_rows_again_for_each_of_them(owner: psycopg.Connection, plan: Plan) -> None:
    plans: list[dict[str, Any]] = []

    def explain(cell: Cell) -> None:
        if cell.magic and cell.magic[0] == "backfill":
            with owner.transaction(force_rollback=True):
                owner.execute("SELECT set_config('runbook.first', '(0,0)', true)")
                owner.execute("SELECT set_config('runbook.last', '(4294967294,0)', true)")
                row = owner.execute(f"EXPLAIN (ANALYZE, FORMAT JSON) {cell.body}".encode()).fetchone()
                assert row is not None
                plans.append(row[0][0]["Plan"])

    migrate(owner, plan.task(MIGRATION).notebook, explain)
    gone_over = [node["Actual Rows"] * node["Actual Loops"] for node in nodes(plans[0])]
    assert ORGANIZATIONS <= max(gone_over) <= 3 * ORGANIZATIONS
    # A join of two steps is in the planner's hands, which knows nothing of either: it might loop
    remembered = next(node for node in nodes(plans[0]) if node.get("Relation Name") == "used_before")
    assert not [
        node["Node Type"] for node in nodes(remembered) if "Join" in node["Node Type"] or "Loop" in node["Node Type"]
    ]


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield every node of a plan."""
    yield plan
    for below in plan.get("Plans", []):
        yield from nodes(below)
