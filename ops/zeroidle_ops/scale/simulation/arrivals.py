"""When jobs are sent: a random stream of times, in order. Knows nothing of queues.

The rate is piecewise constant, so that exponential gaps that start anew at each change of rate are
an exact Poisson process. Bursts are so many jobs spread evenly at random over their time.
"""

import heapq
import math
import random
from collections.abc import Iterator, Sequence

from zeroidle_ops.scale.simulation.scenario import Burst, RatePoint

STEP_S = 60.0
"""A rate between two points is interpolated, and held constant for this long."""


def arrival_times_s(
    *, rates: Sequence[RatePoint], bursts: Sequence[Burst], until_s: float, rng: random.Random
) -> Iterator[float]:
    """Times at which jobs are sent, ascending, below `until_s`.

    Each stream draws from a generator of its own: a burst does not move the other arrivals.
    """
    own = (random.Random(rng.random()) for _ in range(1 + len(bursts)))  # noqa: S311 - a model
    streams = [_steady(rates, until_s, next(own))]
    streams += [_burst(burst, next(own)) for burst in bursts]
    return (time_s for time_s in heapq.merge(*streams) if time_s < until_s)


def rate_per_s(rates: Sequence[RatePoint], at_s: float) -> float:
    """The rate at a time: linear between points, level before the first and after the last."""
    before = [point for point in rates if point.at_s <= at_s]
    after = [point for point in rates if point.at_s > at_s]
    if not before or not after:
        edge = before[-1:] or after[:1]
        return edge[0].per_s if edge else 0.0
    low, high = before[-1], after[0]
    share = (at_s - low.at_s) / (high.at_s - low.at_s)
    return low.per_s + share * (high.per_s - low.per_s)


def _steady(rates: Sequence[RatePoint], until_s: float, rng: random.Random) -> Iterator[float]:
    for step in range(math.ceil(until_s / STEP_S)):
        start_s = step * STEP_S
        rate = rate_per_s(rates, start_s + STEP_S / 2)
        time_s = start_s
        while rate > 0 and (time_s := time_s + rng.expovariate(rate)) < start_s + STEP_S:
            yield time_s


def _burst(burst: Burst, rng: random.Random) -> Iterator[float]:
    return iter(sorted(burst.at_s + rng.uniform(0, burst.over_s) for _ in range(burst.jobs)))
