"""Up and down and up again: nothing of the runbook's stays but dropped columns and dead tuples."""

import psycopg
import pytest

from tests.support.databases import Database
from tests.support.draw import Drawing, Moment
from tests.support.in_process import Killed
from tests.support.world import differences

ROUNDS = 3
STANDING = (
    "SELECT relname FROM pg_class WHERE relnamespace = 'runbook'::regnamespace AND relkind IN ('r', 'S') ORDER BY 1"
)
DROPPED = "SELECT COUNT(*) FROM pg_attribute WHERE attrelid = 'organizations'::regclass AND attisdropped"


@pytest.mark.long
def test_forth_and_back_three_times_leaves_dropped_columns_alone(drawing: Drawing) -> None:
    standing, dropped = [], []

    def between(database: Database, way: str, task: int) -> None:
        if (way, task) == ("down", 2):
            with psycopg.connect(database.owner) as connection:
                standing.append([row[0] for row in connection.execute(STANDING)])
                dropped.append(connection.execute(DROPPED).fetchone()[0])

    draw = drawing.draw(given={"dry_run": False}, between=between, rounds=ROUNDS)
    assert [one.stop for one in (*draw.tasks, *draw.back)] == [None] * len([*draw.tasks, *draw.back])
    assert draw.before is not None
    assert draw.end is not None
    assert differences(draw.before, draw.end) == []
    assert standing == [standing[0]] * ROUNDS
    assert dropped == [9 * (round_ + 1) for round_ in range(ROUNDS)]


PAYING = "SELECT organization_id FROM organization_credits WHERE remaining_credits > 100 ORDER BY 1 LIMIT 1"
PAID = f"SELECT used_credits FROM organization_credits WHERE organization_id = ({PAYING})"


@pytest.mark.long
@pytest.mark.parametrize(
    "killed_at", ["%%backfill", "%%sql --retry\n-- The old function", "%%sql --retry --after-others"]
)
def test_forth_again_after_a_killed_rollback_every_call_is_served_and_counted_once(
    drawing: Drawing, killed_at: str
) -> None:
    kills, calls, used = [killed_at], [0], []

    def watch(moment: Moment) -> None:
        if moment.task == 2 and "apply" in moment.tags:
            moment.database.apply(f"SELECT consume_credits_rpc(({PAYING}), 'ai_chat', 1)")
            calls[0] += 1
        if moment.way == "down" and kills and moment.source.startswith(kills[0]):
            kills.clear()
            raise Killed

    def between(database: Database, way: str, task: int) -> None:
        if (way, task) in (("up", 1), ("down", 2)):
            with psycopg.connect(database.owner) as owner:
                used.append((calls[0], owner.execute(PAID).fetchone()[0]))

    draw = drawing.draw(given={"dry_run": False}, watch=watch, between=between, last=2, rounds=2)
    assert [one.stop.kind for one in (*draw.tasks, *draw.back) if one.stop] == ["Killed"], draw.verdict
    assert draw.accepted == ()
    assert not kills
    assert used[-1][1] - used[0][1] == used[-1][0]
