"""The migration under live traffic: no call fails, every successful call is counted once, to the credit."""

import psycopg

from runbook.plan import Plan
from runbook.target import embedded
from tests.traffic import UNRECONCILED, Traffic, last_action, logged_since, roomy_organizations


def test_every_call_made_during_the_whole_batch_is_counted_exactly_once(project, connect, runbook):
    connection = connect(project)
    begun = last_action(connection)
    with _traffic(project, connection) as traffic:
        result = runbook(project, "run")
    assert result.returncode == 0, result.stdout + result.stderr
    _assert_reconciled(connection, traffic, begun)


def _traffic(project, connection: psycopg.Connection) -> Traffic:
    url = embedded.provide(project, Plan.read(project / "runbook.toml").environment("local"))
    return Traffic(url, roomy_organizations(connection, 40))


def _assert_reconciled(connection: psycopg.Connection, traffic: Traffic, begun: int) -> None:
    assert traffic.answered.total() > 100
    assert traffic.failures == []
    credits, rows = logged_since(connection, begun)
    assert credits == traffic.succeeded
    assert rows == traffic.answered
    assert connection.execute(UNRECONCILED).fetchall() == []
