"""Confidence intervals of medians, percentiles and means of a run, by resampling blocks of it.

Latencies of a queue come in waves: neighbours are alike. Resampling single requests would take
each for a witness of its own and give intervals far too narrow, so runs of neighbours are resampled
(the circular block bootstrap of Politis and Romano, 1992).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Values = NDArray[np.float64]
Statistic = Callable[[Values], Values]
"""Takes one resample a row (of numbers, or of pairs on the last axis), gives one number a row."""

RESAMPLES = 2000
CONFIDENCE = 0.95
FEWEST = 8
"""Below so many values an interval would mean nothing."""
_CHUNK_VALUES = 4_000_000
"""Resamples are drawn in parts of so many numbers, so that memory stays bounded."""


@dataclass(frozen=True)
class Interval:
    """A measured figure and its confidence interval; no bounds where there were too few values."""

    value: float
    low: float | None = None
    high: float | None = None


def quantile(share: float) -> Statistic:
    """The value that has `share` of the values below it; always one that occurred."""

    def statistic(rows: Values) -> Values:
        return np.asarray(np.quantile(rows, share, axis=1, method="inverted_cdf"))

    return statistic


def mean(rows: Values) -> Values:
    """The mean of each row."""
    return np.asarray(rows.mean(axis=1))


def ratio(rows: Values) -> Values:
    """The sum of each pair's first number over the sum of its second."""
    totals = rows.sum(axis=1)
    of, by = totals[:, 0], totals[:, 1]
    return np.asarray(np.divide(of, by, out=np.zeros(len(totals)), where=by != 0))


def interval(values: Sequence[float] | Values, statistic: Statistic, *, seed: int = 0) -> Interval:
    """The statistic of values in the order of time, with its interval.

    Raises:
        ValueError: there are no values.
    """
    ordered = np.asarray(values, dtype=np.float64)
    if len(ordered) == 0:
        msg = "an interval needs values"
        raise ValueError(msg)
    value = float(statistic(ordered[np.newaxis, :])[0])
    if len(ordered) < FEWEST:
        return Interval(value)
    low, high = _tails(_resampled(ordered, statistic, seed=seed))
    return Interval(value, float(low), float(high))


def difference(
    before: Sequence[float] | Values,
    after: Sequence[float] | Values,
    statistic: Statistic,
    *,
    seed: int = 0,
) -> Interval:
    """`after` less `before`, of two runs that know nothing of each other.

    Not a number where both are infinite: neither ended, so nothing can be said.
    """
    first, second = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if not len(first) or not len(second):
        msg = "an interval needs values"
        raise ValueError(msg)
    with np.errstate(invalid="ignore"):
        value = float(statistic(second[np.newaxis, :])[0] - statistic(first[np.newaxis, :])[0])
        if min(len(first), len(second)) < FEWEST:
            return Interval(value)
        low, high = _tails(
            _resampled(second, statistic, seed=seed + 1) - _resampled(first, statistic, seed=seed)
        )
    return Interval(value, float(low), float(high))


def _tails(drawn: Values) -> Values:
    shares = ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2)
    return np.asarray(np.quantile(drawn, shares, method="inverted_cdf"))


def _resampled(ordered: Values, statistic: Statistic, *, seed: int) -> Values:
    random = np.random.default_rng(seed)
    size = len(ordered)
    block = block_length(size)
    blocks = -(-size // block)
    within = np.arange(block)
    parts = []
    left = RESAMPLES
    while left:
        rows = min(left, max(1, _CHUNK_VALUES // size))
        starts = random.integers(0, size, size=(rows, blocks, 1))
        indices = ((starts + within) % size).reshape(rows, -1)[:, :size]
        parts.append(statistic(ordered[indices]))
        left -= rows
    return np.concatenate(parts)


def block_length(size: int) -> int:
    """Neighbours resampled together: the usual rate for a quantile, `size ** (1/3)`, doubled.

    Batches of ten end together, so no block is shorter than ten where there are enough values.
    """
    return max(1, min(size // 4, max(10, round(2 * math.cbrt(size)))))
