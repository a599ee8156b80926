"""Whatever others did and wherever it was killed: the rollback ends in before plus theirs, or says what blocks."""

import random
from dataclasses import replace

import pytest

from tests.shapes.histories import History
from tests.support.draw import Drawing
from tests.support.outcome import CLEAR
from tests.support.world import World, differences, observe

# What a call decides by the clock or by turn.
PASSING = {
    "public.credit_actions": ("id", "created_at"),
    "public.organization_credits": ("updated_at",),
    "public.organizations": ("updated_at",),
}


def told_apart(world: World) -> World:
    """Return a world without the OIDs, which no two databases share."""
    return replace(world, facts={kind: lines for kind, lines in world.facts.items() if kind != "identity"})


def before_plus_theirs(drawing: Drawing, history: History) -> World:
    """Return the target as others would have left it, had there been no migration."""
    with drawing.databases.fresh() as twin:
        for act in history.done:
            if not act.blocks:
                twin.apply(act.sql)
        return told_apart(observe(twin.superuser, PASSING))


def comes_back(drawing: Drawing, seed: int) -> None:
    """Draw a history, and hold its end against what others did."""
    history = History(random.Random(seed))
    draw = drawing.draw(
        given={"dry_run": False},
        watch=history.watch,
        between=history.between,
        last=history.last,
        attempts=3,
        passing=PASSING,
    )
    done = ", ".join(act.name for act in history.done)
    assert draw.end is not None
    assert draw.after is not None
    blocking = [act for act in history.done if act.blocks]
    stuck = [one for one in draw.back if one.stop]
    if blocking and draw.back[-1].stop:
        assert stuck[-1].stop.kind in CLEAR, f"{done}: {stuck[-1]}"
        return
    assert draw.back[-1].stop is None, f"{done}: {draw.back[-1]}"
    assert differences(before_plus_theirs(drawing, history), told_apart(draw.end)) == [], done


@pytest.mark.parametrize(
    "seed", [pytest.param(one, marks=pytest.mark.slow if one < 10 else pytest.mark.long) for one in range(60)]
)
def test_the_rollback_ends_in_before_plus_theirs(drawing: Drawing, seed: int) -> None:
    comes_back(drawing, seed)
