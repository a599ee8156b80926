"""Whoever calls, however and whenever, pays once: up and down, with and without what was used before."""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import psycopg
import pytest

from tests.shapes import callers as forms
from tests.shapes.callers import READY, ROOMY, Callers, Kind
from tests.shapes.generator import pieces, together
from tests.support.databases import Database
from tests.support.draw import Drawing

POOLS = {"ai_chat": "ai", "whatsapp_message": "whatsapp", "email_send": "email", "sms_send": "sms"}


@dataclass(frozen=True)
class Books:
    """What is on record of some organizations.

    Attributes:
        logged: credits of actions, by organization and type.
        old: what is used of the one pool, by organization.
        new: what is used of each of the four, by organization and type.
    """

    logged: Counter[tuple[str, str]]
    old: dict[str, int]
    new: dict[tuple[str, str], int]


def books(database: Database) -> Books:
    """Read the books of the organizations with room."""
    with psycopg.connect(database.owner, autocommit=True) as connection:
        ours = [row[0] for row in connection.execute(ROOMY)]
        logged = connection.execute(
            "SELECT organization_id::text, action_type, SUM(credits_consumed)::integer FROM credit_actions"
            " WHERE action_type <> 'migration' AND organization_id::text = ANY (%s) GROUP BY 1, 2",
            [ours],
        ).fetchall()
        old = connection.execute(
            "SELECT organization_id::text, used_credits FROM organization_credits"
            " WHERE organization_id::text = ANY (%s) AND total_credits - used_credits = remaining_credits",
            [ours],
        ).fetchall()
        rows = connection.execute(
            "SELECT id::text, to_jsonb(o) FROM organizations AS o WHERE id::text = ANY (%s)", [ours]
        )
        new = {(one, kind): row.get(f"{pool}_used_credits", 0) for one, row in rows for kind, pool in POOLS.items()}
    assert len(old) == len(ours), "an old balance does not add up"
    return Books(Counter({(one, kind): credits for one, kind, credits in logged}), dict(old), new)


def paid_once(drawing: Drawing, seed: int, shape: str = "", kinds: Sequence[Kind] = ()) -> None:
    """Draw callers beside a whole migration and its rollback, and hold the books against what they were told."""
    dice = random.Random(seed)
    callers, carried, kept = Callers(dice, kinds), dice.random() < 0.5, dict[str, Books]()

    def between(database: Database, way: str, task: int) -> None:
        if (way, task) == ("up", 1):
            kept["before"] = books(database)
        elif (way, task) in {("up", 5), ("down", 2)}:
            callers.join()
            kept[way] = books(database)
            kept[way].logged.subtract(kept["before"].logged)
            spent = +callers.spent
            assert +kept[way].logged == spent, f"{way}: the trail differs from what callers were told"
            agree(kept["before"], kept[way], spent, way, carried=carried)

    given = {"carry_over_usage": carried, "dry_run": dice.random() < 0.2}
    draw = drawing.draw(shape, READY, given=given, watch=callers.watch, between=between)
    callers.join()
    assert callers.failures == []
    assert draw.is_complete, draw.verdict
    assert all(one.stop is None for one in draw.back), draw.verdict
    assert "down" in kept


def agree(before: Books, now: Books, spent: Counter[tuple[str, str]], way: str, *, carried: bool) -> None:
    """Every credit stands in one pool: on the way up the old one or a new one, on the way down the old one."""
    for organization, used in before.old.items():
        total = sum(credits for (one, _), credits in spent.items() if one == organization)
        debited, pools = now.old[organization] - used, {kind: now.new[organization, kind] for kind in POOLS}
        if way == "down":
            assert debited == total, f"down: {organization} paid {debited} of {total}"
        elif carried:
            due = {kind: before.logged[organization, kind] + spent[organization, kind] for kind in POOLS}
            assert pools == due, f"up, carried over: {organization}"
        else:
            assert debited + sum(pools.values()) == total, f"up: {organization} paid {debited} + {pools} of {total}"
            assert all(credits <= spent[organization, kind] for kind, credits in pools.items())


@pytest.mark.parametrize(
    "seed", [pytest.param(one, marks=pytest.mark.slow if one < 10 else pytest.mark.long) for one in range(100)]
)
def test_callers_of_every_form_pay_once(drawing: Drawing, seed: int) -> None:
    paid_once(drawing, seed)


@pytest.mark.long
@pytest.mark.parametrize(
    ("pieces_of", "kinds"),
    [
        (["balance_kept_by_its_trigger"], ()),
        (["tenancy_members"], (*forms.KINDS, forms.as_a_member, forms.as_a_member)),
        (["ids_partitioned"], ()),
        ([], (forms.plainly, forms.in_one_long_statement, forms.past_the_function, forms.past_the_function)),
    ],
    ids=["a balance kept by its trigger", "members by auth.uid()", "partitioned actions", "a writer past the function"],
)
def test_callers_pay_once_on_targets_of_other_shapes(
    drawing: Drawing, pieces_of: list[str], kinds: tuple[Kind, ...]
) -> None:
    paid_once(drawing, 1, together(pieces()[name] for name in pieces_of).sql, kinds)
