"""Consumption that the old pool cannot bear: booked, listed, never dropped, and the way forward stays open."""

import re

import nbformat
import pytest

from runbook.evidence import manifest
from runbook.plan.plan import Plan

pytestmark = pytest.mark.long
POOR = """
    SELECT c.organization_id, c.used_credits, c.remaining_credits
    FROM organization_credits AS c JOIN organizations AS o ON o.id = c.organization_id
    WHERE o.plan_name = 'premium' AND c.remaining_credits BETWEEN 1 AND 19000 ORDER BY 1 LIMIT 1
"""
WITHOUT = """
    SELECT id FROM organizations AS o
    WHERE NOT EXISTS (SELECT FROM organization_credits WHERE organization_id = id) AND email_credits > 10
    ORDER BY id LIMIT 1
"""
BALANCE = "SELECT used_credits, remaining_credits FROM organization_credits WHERE organization_id = %s"
CONSUME = "SELECT consume_credits_rpc(%s, 'email_send', %s)"


def test_what_the_old_pool_cannot_bear_is_booked_and_listed_and_forward_says_what_to_do(small, runbook, connect):
    forward = runbook(small, "run", "--to", "2")
    assert forward.returncode == 0, forward.stdout + forward.stderr
    target = connect(small)
    poor, used, remaining = target.execute(POOR).fetchone()
    (without,) = target.execute(WITHOUT).fetchone()
    target.execute(CONSUME, [poor, remaining + 5])
    target.execute(CONSUME, [without, 7])

    assert runbook(small, "rollback", "--to", "2").returncode == 0
    assert target.execute(BALANCE, [poor]).fetchone() == (used + remaining + 5, -5)
    assert target.execute(BALANCE, [without]).fetchone() == (7, 0)
    folder = manifest.latest_run(Plan.load(small / "runbook.toml"))
    shown = nbformat.writes(nbformat.read(next(folder.glob("rollback_02*.ipynb")), as_version=4))
    assert str(poor) in shown
    assert str(without) in shown

    refused = runbook(small, "run", "--from", "1", "--to", "2")
    assert refused.returncode == 4  # it may be accepted, and nobody has
    assert "have 5 credits paid, or grant them: UPDATE organization_credits" in refused.stdout
    target.execute(re.search(r"UPDATE organization_credits SET .+? = '[0-9a-f-]{36}'", refused.stdout)[0])
    again = runbook(small, "run", "--from", "1", "--to", "2")
    assert again.returncode == 0, again.stdout + again.stderr
