"""The migration under live traffic: no call fails, every successful call is counted once, to the credit."""

import shutil
import subprocess
import sys
import time

import psycopg
import pytest

from runbook.database import embedded
from runbook.plan.plan import Plan
from tests.support.traffic import UNRECONCILED, Traffic, last_action, logged_since, roomy_organizations


@pytest.fixture
def project(project):
    """The project without expected results: they are said of a target nobody else writes to."""
    shutil.rmtree(project / "outputs" / "expected")
    return project


@pytest.mark.slow
def test_every_call_made_meanwhile_is_counted_exactly_once(project, connect, runbook):
    connection = connect(project)
    begun = last_action(connection)
    with _traffic(project, connection) as traffic:
        result = runbook(project, "run")
    assert result.returncode == 0, result.stdout + result.stderr
    _assert_reconciled(connection, traffic, begun)


USED = "SELECT sum(used_credits) FROM organization_credits"
MIGRATING = """
SELECT EXISTS (SELECT FROM pg_stat_activity WHERE application_name LIKE 'runbook % worker%')
    OR to_regproc('runbook.consume_credits_rpc') IS NOT NULL
"""


@pytest.mark.long
def test_every_call_is_counted_though_the_batch_is_killed_and_resumed(project, connect, runbook):
    connection = connect(project)
    begun = last_action(connection)
    with _traffic(project, connection) as traffic:
        command = [sys.executable, "-m", "runbook", "run"]
        with subprocess.Popen(command, cwd=project, stdout=subprocess.DEVNULL) as batch:
            while not connection.execute(MIGRATING).fetchone()[0]:
                assert batch.poll() is None, "the batch ended before it could be killed"
                time.sleep(0.005)
            batch.kill()
        result = runbook(project, "run", "--resume")
    assert result.returncode == 0, result.stdout + result.stderr
    _assert_reconciled(connection, traffic, begun)


@pytest.mark.slow
def test_no_call_fails_and_none_is_lost_while_the_task_is_reversed(project, connect, runbook):
    connection = connect(project)
    assert runbook(project, "run", "--to", "2").returncode == 0
    begun = last_action(connection)
    used = connection.execute(USED).fetchone()[0]
    with _traffic(project, connection) as traffic:
        result = runbook(project, "rollback", "--to", "2")
        assert result.returncode == 0, result.stdout + result.stderr
        connection.execute("SELECT pg_sleep(0.5)")  # and some calls meet the old system
    assert [failure for failure in traffic.failures if not failure.startswith("Insufficient")] == []
    credits, rows = logged_since(connection, begun)
    assert (credits, rows) == (traffic.succeeded, traffic.answered)
    assert connection.execute(USED).fetchone()[0] - used == traffic.succeeded.total()


def _traffic(project, connection: psycopg.Connection) -> Traffic:
    url = embedded.provide(project, Plan.load(project / "runbook.toml").environment("local"))
    return Traffic(url, roomy_organizations(connection, 40))


def _assert_reconciled(connection: psycopg.Connection, traffic: Traffic, begun: int) -> None:
    assert traffic.answered.total() > 100
    # A pool may run dry, as the old one could; nothing else may fail.
    assert [failure for failure in traffic.failures if not failure.startswith("Insufficient")] == []
    credits, rows = logged_since(connection, begun)
    assert credits == traffic.succeeded
    assert rows == traffic.answered
    assert connection.execute(UNRECONCILED).fetchall() == []
