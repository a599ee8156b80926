"""Redaction: personal columns are hidden where the environment is protected, and only from whoever looks."""

import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from runbook.database import embedded
from runbook.plan import fingerprint
from runbook.plan.plan import Plan
from runbook.query import redaction
from runbook.query.table import Table
from tests.support.notebook import Opener

ADA = uuid.UUID("6512bd43-d9ca-a6e0-2c99-0b0a82652dca")
ROWS = [[ADA, str(ADA).upper(), "Ada Lovelace", 7, None, [ADA], "Ada Lovelace"]]
NAMES = ["user_id", "id", "name", "number", "email", "users", "title"]


@pytest.fixture
def hidden(plan: Plan) -> Iterator[Plan]:
    """A plan that calls all but the last column personal; nothing stays hidden afterwards."""
    yield replace(plan, personal=tuple(NAMES[:-1]))
    redaction.hide_personal(plan, plan.environment("local"))


def test_a_protected_environment_shows_neither_ids_nor_names(hidden: Plan) -> None:
    table = Table(NAMES, ROWS)
    redaction.hide_personal(hidden, replace(hidden.environment("local"), protected=True))
    for text in (repr(table), table._repr_html_()):
        assert "Ada Lovelace" in text  # the last column is not personal
        assert text.count("Ada") == 1
        assert str(ADA) not in text.lower()
        assert text.count("#3b84a68a") == 3  # one and the same, wherever it stands and however it is written
        assert "A…" in text
        assert "7" in text
    assert table[0][2] == "Ada Lovelace"
    assert table.DataFrame()["user_id"][0] == ADA


def test_an_environment_that_is_not_protected_shows_all(hidden: Plan) -> None:
    redaction.hide_personal(hidden, hidden.environment("local"))
    assert str(ADA) in repr(Table(NAMES, ROWS))


def test_what_the_inventory_calls_personal_is_hidden(plan: Plan) -> None:
    """The notebook's own classification and the plan agree."""
    source = plan.task(5).notebook.read_text(encoding="utf-8")
    for column in ("user_id", "ip_address", "user_agent", "description", "name", "contact_email"):
        assert column in source
        assert column in plan.personal


@pytest.mark.parametrize(("environment", "shown"), [("local", "room 1"), ("elsewhere", "r…")])
def test_a_notebook_hides_by_its_environment(
    open_notebook: Opener,
    toy: Path,
    toy_cells: list[str],
    monkeypatch: pytest.MonkeyPatch,
    hidden: Plan,
    environment: str,
    shown: str,
) -> None:
    path = toy / "runbook.toml"
    text = path.read_text().replace('approval = "required"', 'approval = "automatic"')
    path.write_text(text.replace("[runbook]\n", '[runbook]\npersonal = ["room"]\n', 1))
    plan = Plan.read(path)
    monkeypatch.setenv("RUNBOOK_CONFIRM", fingerprint.plan_digest(plan))
    monkeypatch.setenv("RUNBOOK_ELSEWHERE_DATABASE_URL", embedded.provide(toy, plan.environment("local")))
    notebook = open_notebook(toy, toy_cells[0].replace('"local"', f'"{environment}"'), toy_cells[1])
    table = notebook.task.rows("SELECT 'room 1' AS room, 'room 1' AS place")
    assert repr(table).count(shown) >= 1
    assert repr(table).count("room 1") == (2 if environment == "local" else 1)
    assert table[0][0] == "room 1"
