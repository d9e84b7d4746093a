"""Confidence intervals hold what they promise, on independent values and on waves."""

import math

import numpy as np
import pytest

from zeroidle_loadtest.intervals import Interval, difference, interval, mean, quantile, ratio

TRIALS = 150


def covered(found: Interval, truth: float) -> bool:
    assert found.low is not None
    assert found.high is not None
    return found.low <= truth <= found.high


def test_a_medians_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    random = np.random.default_rng(1)

    hits = sum(
        covered(interval(random.exponential(size=200), quantile(0.5), seed=n), math.log(2))
        for n in range(TRIALS)
    )

    assert hits / TRIALS >= 0.88


def test_waves_give_a_wider_interval_than_the_same_values_shuffled() -> None:
    random = np.random.default_rng(2)
    waves = np.repeat(random.exponential(size=40), 10)
    shuffled = random.permutation(waves)

    of_waves, of_shuffled = (interval(values, mean) for values in (waves, shuffled))

    assert of_waves.value == pytest.approx(of_shuffled.value)
    assert width(of_waves) > 1.8 * width(of_shuffled)


def width(found: Interval) -> float:
    assert found.low is not None
    assert found.high is not None
    return found.high - found.low


def test_a_quantile_is_a_value_that_occurred() -> None:
    assert interval([1.0, 2.0, 3.0, 4.0], quantile(0.5)).value == 2.0


def test_requests_that_never_ended_make_the_tail_infinite() -> None:
    found = interval([1.0] * 90 + [math.inf] * 10, quantile(0.95))

    assert found.value == math.inf


def test_too_few_values_have_no_interval() -> None:
    assert interval([3.0, 4.0], mean) == Interval(3.5)


def test_no_values_are_refused() -> None:
    with pytest.raises(ValueError, match="needs values"):
        interval([], mean)


def test_equal_runs_have_a_difference_around_zero() -> None:
    random = np.random.default_rng(3)

    found = difference(random.normal(size=400), random.normal(size=400), mean)

    assert covered(found, 0.0)


def test_a_slower_run_has_a_difference_above_zero() -> None:
    random = np.random.default_rng(4)

    found = difference(random.normal(size=300), random.normal(2.0, size=300), quantile(0.95))

    assert found.low is not None
    assert found.low > 1.0


def test_a_ratio_is_of_the_sums() -> None:
    assert interval(np.asarray([[1.0, 2.0], [3.0, 6.0]]), ratio).value == 0.5
