"""What was last is told by the time: a clock that was turned back is refused, whichever it is."""

import pytest

from runbook.database import clocks
from runbook.database.ledger import Ledger
from runbook.errors import TryAgain, UsageError


@pytest.fixture
def ledger(toy, connect):
    found = Ledger(connect(toy), "toy")
    found.prepare()
    return found


def test_a_run_is_not_begun_before_one_that_was(toy, ledger, runbook):
    ledger.open_run("29991231T235959.999Z", "local", "ada", "", {})
    done = runbook(toy, "run")
    assert (done.returncode, "but run 29991231T235959.999Z was before" in done.stderr) == (75, True), done.stderr


def test_nothing_begins_before_the_last_task_did(ledger):
    clocks.require_forward(ledger.connection, "29991231T235959.999Z")
    ledger.open_run("20261130T000000.000Z", "local", "ada", "", {})
    ledger.start_task("20261130T000000.000Z", 7)
    clocks.require_forward(ledger.connection, "29991231T235959.999Z")
    ledger.connection.execute("UPDATE runbook.tasks SET started_at = clock_timestamp() + interval '1 hour'")
    with pytest.raises(TryAgain, match="The clock of the target's server says 20"):
        clocks.require_forward(ledger.connection, "29991231T235959.999Z")


def test_a_run_that_has_ended_is_not_opened_again_by_hand(toy, ledger, open_notebook, toy_cells, monkeypatch):
    monkeypatch.setenv("RUNBOOK_RUN", "20261130T000000.000Z")
    ledger.open_run("20261130T000000.000Z", "local", "ada", "", {})
    open_notebook(toy, *toy_cells[:2]).close()
    ledger.close_run("20261130T000000.000Z", "complete")
    with pytest.raises(UsageError, match=r"has ended: unset RUNBOOK_RUN"):
        open_notebook(toy, *toy_cells[:2])
