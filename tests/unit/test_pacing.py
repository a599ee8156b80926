"""The pace of a backfill, and what it remembers of its way."""

import itertools

import pytest

from runbook.notebook.backfill.pacing import Cost, Pace, Tids
from runbook.notebook.backfill.progress import KEPT, Progress

PARAMETERS = {"workers": 2, "batch_ms": 50, "batch_blocks": 128, "gentle_ms": 0.5, "rest": 2.0}


@pytest.mark.parametrize(
    ("others", "seconds", "size"),
    [
        (False, 0.05, 16),  # as long as it should take
        (False, 0.1, 8),
        (False, 0.001, 32),  # never more than twice as many
        (True, 0.001, 8),
        (True, 0.05, 2),  # one takes longer than it should: as long again for others
    ],
)
def test_a_batch_takes_as_many_rows_as_fit_into_its_milliseconds(others, seconds, size):
    pace = Pace.from_parameters(PARAMETERS)
    pace.others = others
    assert pace.next_size(16, taken(seconds / 16, (16, seconds))) == size


def test_the_second_batch_takes_two_rows():
    assert Pace.from_parameters(PARAMETERS).next_size(1, taken(0.001)) == 2


@pytest.mark.parametrize(
    ("size", "seconds", "following"),
    [
        (16, 0.00115, 32),
        (21, 0.002, 21),  # half of its time is spent on rows
        (101, 0.006, 21),
    ],
)
def test_a_batch_does_rows_for_as_long_as_one_of_a_single_row_takes(size, seconds, following):
    pace = Pace.from_parameters(PARAMETERS)
    assert pace.next_size(size, taken(0.001, (size, seconds))) == following


def test_batches_grow_although_each_takes_now_longer_now_shorter_than_the_load_lets_expect():
    pace, cost, size = Pace.from_parameters(PARAMETERS), Cost(), 1
    for turn in range(60):
        load = (1.0, 2.5, 1.2, 1.9)[turn % 4]
        rows = 1 if turn % 7 == 0 else size
        cost.add(rows, load * (0.001 + 0.00005 * (rows - 1)))
        size = pace.next_size(max(size, rows), cost)
    assert 10 <= size <= 40, "about as many as take 1 ms without load"


def test_a_batch_that_has_waited_makes_the_next_ones_little_smaller():
    cost = taken(0.001, (20, 0.002), (20, 0.002), (20, 0.002), (20, 0.5))
    assert Pace.from_parameters(PARAMETERS).next_size(20, cost) >= 5


def taken(single: float, *batches: tuple[int, float]) -> Cost:
    cost = Cost()
    cost.add(1, single)
    for rows, seconds in batches:
        cost.add(rows, seconds)
    return cost


def test_the_batches_of_a_pass_lie_end_to_end_and_may_be_a_part_of_a_block():
    tids = Tids(blocks=3, rows_per_block=10, most_blocks=1)
    given = [tids.take(size) for size in (4, 6, 7, 12, 5)]
    assert given == [
        ("(0,0)", "(0,4)", 4),
        ("(0,4)", "(1,0)", 6),
        ("(1,0)", "(1,7)", 7),
        ("(1,7)", "(2,7)", 10),  # never more than the blocks allowed
        ("(2,7)", "(3,0)", 3),  # nor than there are
    ]
    assert tids.take(5) is None


@pytest.mark.parametrize(("others", "gentle_ms", "pause"), [(True, 2, 0.006), (False, 2, 0.0), (True, 0, 0.0)])
def test_a_worker_rests_while_others_are_at_work(others, gentle_ms, pause):
    pace = Pace.from_parameters(PARAMETERS | {"gentle_ms": gentle_ms})
    pace.others = others
    assert pace.pause(0.003) == pytest.approx(pause)


def test_until_somebody_has_looked_others_are_taken_to_be_at_work():
    assert Pace.from_parameters({}).gently


def test_the_history_stays_short_however_many_batches_there_are():
    progress = Progress()
    for _ in range(50 * KEPT + 1):
        progress.add(1, {"rows": 3})
    assert len(progress.history) < 2 * KEPT
    points = progress.points()
    assert (progress.batches, points[-1]["rows"]) == (50 * KEPT + 1, 3 * (50 * KEPT + 1))
    gaps = {later["rows"] - earlier["rows"] for earlier, later in itertools.pairwise(points[:-1])}
    assert len(gaps) == 1, "evenly spread"
    assert len(points) >= KEPT // 2


def test_a_short_history_holds_every_batch():
    progress = Progress()
    for _ in range(3):
        progress.add(1, {"rows": 3})
    assert [point["rows"] for point in progress.points()] == [3, 6, 9]


def test_a_reason_to_wait_is_one_span_whatever_its_figures():
    progress = Progress()
    lags = [f"waiting: a standby is {mb} MB behind, at most 5 MB are allowed" for mb in ("12", "1,300")]
    for why in ("", *lags, "gently: others are at work", ""):
        progress.slow(why)
    assert [span["why"] for span in progress.spans()] == [
        "waiting: a standby is … MB behind",
        "gently: others are at work",
    ]
