"""squawk's findings on the SQL of the notebooks, and that they would be seen."""

import pytest
from tests import linters

from runbook.plan.plan import Plan

SAFE = "SET lock_timeout = '1s';\nSET statement_timeout = '1s';\n"


def test_the_sql_that_changes_a_target_has_no_finding_without_a_reason(plan: Plan) -> None:
    assert linters.problems(linters.scripts(plan), linters.EXCEPTIONS) == []


@pytest.mark.parametrize(
    ("text", "rule"),
    [
        ("CREATE INDEX IF NOT EXISTS i ON organizations (name);", "require-concurrent-index-creation"),
        ("ALTER TABLE organizations DROP COLUMN name;", "ban-drop-column"),
        ("SELECT FROM WHERE;", "syntax-error"),
    ],
)
def test_what_would_hurt_is_found_and_named(text: str, rule: str) -> None:
    assert [line for line in linters.problems({"a cell": SAFE + text}, {}) if f"a cell, line 3: {rule}: " in line]


def test_an_exception_that_nothing_needs_is_a_finding() -> None:
    unneeded = {(linters.STEPS, "ban-drop-table"): "once needed"}
    assert linters.problems({"a cell": "SELECT 1;"}, unneeded) == [
        "the exception for ban-drop-table in a step is not needed any more"
    ]
