"""Measurements: the change between two statements, whatever the machine does to both of them meanwhile."""

import numpy as np
import pytest

from runbook.query.expectation import Expectation
from runbook.query.statistics import Comparison, Measurement, hodges_lehmann

PAIRS = 250


def compared(before, after) -> Comparison:
    return Comparison("both", Measurement("before", np.asarray(before)), Measurement("after", np.asarray(after)))


def noise(seed: int, spread: float = 0.1):
    """Draw factors around 1 for each of a pair; shape (2, PAIRS)."""
    return np.exp(np.random.default_rng(seed).normal(0, spread, (2, PAIRS)))


@pytest.mark.parametrize("seed", range(5))
def test_a_server_that_falls_asleep_halfway_hides_no_slowdown(seed):
    asleep = np.where(np.arange(PAIRS) < PAIRS / 2, 0.09, 0.35)  # ms, as seen on an idle machine
    before, after = asleep * noise(seed) * [[1], [1.3]]
    found = compared(before, after)
    low, high = found.interval
    assert 25 < low < found.change < high < 35
    assert not Expectation("<= 20 % or 0.01 ms").judge(found)[0]


@pytest.mark.parametrize("seed", range(5))
def test_a_server_that_falls_asleep_between_the_two_raises_no_alarm(seed):
    # Four pairs are torn apart: enough for one median to be of the waking half, the other of the sleeping one.
    before, after = noise(seed, 0.05) * 0.09
    before[PAIRS // 2 + 2 :] *= 4
    after[PAIRS // 2 - 2 :] *= 4
    assert np.median(after) > 1.5 * np.median(before)
    assert abs(compared(before, after).change) < 3


def test_whoever_comes_second_in_a_pair_is_not_the_slower_for_it():
    # Pairs alternate: half of the ratios lie far above, half far below, and none where the truth is.
    before, after = noise(7, 0.01)
    before[1::2] *= 1.4
    after[::2] *= 1.4
    found = compared(before, after)
    assert found.change == pytest.approx(0, abs=1)
    assert found.interval[1] - found.interval[0] < 10


def test_the_milliseconds_said_and_judged_are_those_of_the_change():
    found = compared([1.0, 1.0, 10.0, 10.0, 10.0], [1.3, 1.3, 13.0, 13.0, 13.0])
    assert found.slower == pytest.approx(3)
    assert str(found) == "+30.0 % (+30.0 … +30.0 %), +3.000 ms"
    assert found.exceeds(20, 2.99)
    assert not found.exceeds(20, 3.01)
    assert {name: found.summary()[name] for name in ("change", "low", "high")} == {"change": 30, "low": 30, "high": 30}


def test_the_centre_and_its_interval_are_means_of_two_values():
    # 15 differences (Fisher, Darwin's maize) have 120 means: 60 ± 2.576 · √310 of them.
    values = np.array([-67, -48, 6, 8, 14, 16, 23, 24, 28, 29, 41, 49, 56, 60, 75], dtype=np.float64)
    means = sorted((one + other) / 2 for place, one in enumerate(values) for other in values[place:])
    assert hodges_lehmann(values).tolist() == [means[13], (means[59] + means[60]) / 2, means[-14]]


@pytest.mark.parametrize("size", [1, 2, 7])
def test_few_values_have_an_interval_as_wide_as_they_lie_apart(size):
    values = np.arange(size, dtype=np.float64)
    assert hodges_lehmann(values).tolist() == [0, (size - 1) / 2, size - 1]


def test_the_interval_holds_the_truth_as_often_as_it_says():
    drawn = np.random.default_rng(9).standard_t(3, (1000, 30))
    low, _, high = np.array([hodges_lehmann(one) for one in drawn]).T
    assert 0.98 < np.mean((low < 0) & (high > 0)) < 1


def test_the_interval_of_a_median_holds_the_truth_as_often_as_it_says():
    drawn = np.random.default_rng(10).exponential(1, (1000, 200))
    low, high = np.array([Measurement("drawn", one).interval for one in drawn]).T
    assert 0.98 < np.mean((low < np.log(2)) & (np.log(2) < high)) < 1
    assert np.mean(high - low) < 0.4
