"""Up and down and up again: nothing of the runbook's stays but dropped columns and dead tuples."""

import psycopg
import pytest

from tests.support.databases import Database
from tests.support.draw import Drawing
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
