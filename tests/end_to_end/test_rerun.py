"""There, there again, and back: a second run changes nothing, a rollback gives everything back, and forward works anew.

One journey through the real runbook, with 10,000 consumptions before the rollback; the tests read what it recorded.
"""

import os
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from runbook.database import embedded, snapshot
from runbook.database.target import Target
from runbook.plan.plan import Plan
from tests.support.project import copy_project
from tests.support.traffic import TYPES, last_action, logged_since, roomy_organizations

pytestmark = pytest.mark.slow
CALLS, AT_ONCE = 10_000, 500
CONSUME = """
    SELECT organization, kind, credits
    FROM generate_series(%s::integer, %s::integer - 1) AS call
    CROSS JOIN LATERAL (
        SELECT
            (%s::uuid[])[1 + call / 4 %% %s::integer] AS organization,
            (%s::text[])[1 + call %% 4] AS kind,
            1 + call %% 3 AS credits
    ) AS one
    WHERE consume_credits_rpc(organization, kind, credits) -> 'success' = 'true'
"""
BALANCES = "SELECT organization_id::text, total_credits, used_credits, remaining_credits FROM organization_credits"
AUDIT = """
    SELECT md5(string_agg(a::text, '' ORDER BY id)) FROM credit_actions AS a
    WHERE id <= %s AND action_type <> 'migration'
"""
POOLS = """
    SELECT sum(ai_used_credits), sum(whatsapp_used_credits), sum(email_used_credits), sum(sms_used_credits)
    FROM organizations
"""


@dataclass(frozen=True)
class State:
    """The target at one moment: the content of every customer table, the schema, the old balances."""

    tables: dict[str, str]
    schema: str
    balances: dict[str, tuple[int, int, int]]


class Journey:
    """The runbook on its way; remembers the state after each leg, and what was consumed."""

    def __init__(self, root: Path) -> None:
        self.root, self.plan = root, Plan.load(root / "runbook.toml")
        self.url = embedded.provide(root, self.plan.environment("local"))
        self.connection = psycopg.connect(self.url, autocommit=True)
        self.consumed: Counter[str] = Counter()
        self.last = last_action(self.connection)
        self.old_rows = self.connection.execute(AUDIT, [self.last]).fetchone()
        self.before = self.state()

    def leg(self, *arguments: str) -> State:
        """Give a command, which must end well, and return the state after it."""
        command = [sys.executable, "-m", "runbook", *arguments]
        result = subprocess.run(command, cwd=self.root, env=os.environ, capture_output=True, text=True, check=False)
        assert result.returncode == 0, f"{arguments}\n{result.stdout}{result.stderr}"
        return self.state()

    def state(self) -> State:
        """Return the state of the target."""
        names = "SELECT oid::regclass::text FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace"
        tables = [row[0] for row in self.connection.execute(names).fetchall()]
        digests = {table: str(snapshot.digest(self.connection, table)) for table in tables}
        balances = {row[0]: row[1:] for row in self.connection.execute(BALANCES).fetchall()}
        return State(digests, snapshot.schema_dump(Target.at(self.url), self.plan.schemas), balances)

    def consume(self) -> None:
        """Consume from every pool of forty organizations, a few hundred calls in a transaction."""
        organizations = roomy_organizations(self.connection, 40)
        for first in range(0, CALLS, AT_ONCE):
            values = [first, first + AT_ONCE, organizations, len(organizations), list(TYPES)]
            for organization, _, credits in self.connection.execute(CONSUME, values).fetchall():
                self.consumed[str(organization)] += credits


@pytest.fixture(scope="module")
def journey(tmp_path_factory, state):
    """There, there again, 10,000 consumptions, back, and there once more."""
    one = Journey(copy_project(tmp_path_factory.mktemp("journey")))
    one.there = one.leg("run")
    one.again = one.leg("run")
    one.in_part = one.leg("run", "--from", "2", "--to", "3")
    one.rows_before_consumption = last_action(one.connection)
    one.consume()
    one.pools = one.connection.execute(POOLS).fetchone()
    one.back = one.leg("rollback")
    one.logged = logged_since(one.connection, one.rows_before_consumption)
    one.rows_after = one.connection.execute(AUDIT, [one.last]).fetchone()
    one.anew = one.leg("run")
    yield one
    one.connection.close()


def test_a_second_run_changes_nothing(journey):
    assert journey.there.tables != journey.before.tables
    assert journey.again == journey.there


def test_a_second_run_of_some_tasks_leaves_what_a_later_one_decided(journey):
    assert journey.in_part == journey.there


def test_every_pool_was_consumed_from(journey):
    assert sum(journey.logged[1].values()) == CALLS
    assert sum(journey.pools) == sum(journey.consumed.values()) == sum(journey.logged[0].values())
    assert min(journey.pools) > CALLS / 8


def test_the_rollback_gives_the_schema_back_to_the_byte(journey):
    assert journey.back.schema == journey.before.schema


def test_the_rollback_shows_what_the_old_system_would_show(journey):
    wanted = {
        name: (total, used + journey.consumed[name], remaining - journey.consumed[name])
        for name, (total, used, remaining) in journey.before.balances.items()
    }
    assert journey.back.balances == wanted
    assert journey.back.tables["organizations"] == journey.before.tables["organizations"]


def test_the_rollback_loses_no_audit_row(journey):
    by_organization: Counter[str] = Counter()
    for (organization, _), credits in journey.logged[0].items():
        by_organization[organization] += credits
    assert by_organization == journey.consumed
    assert journey.rows_after == journey.old_rows


def test_forward_again_arrives_at_the_same_place(journey):
    assert journey.anew.schema == journey.there.schema
    assert journey.anew.balances == journey.back.balances
    assert journey.anew.tables.keys() == journey.there.tables.keys()
