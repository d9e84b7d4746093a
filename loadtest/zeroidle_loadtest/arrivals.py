"""When requests are due: moments in seconds after the start, from a scenario and a seed.

Every worker computes the whole sequence and takes its share of it, so that all workers together
send exactly what one would. Pure; knows no clock.
"""

import math
from collections.abc import Callable, Iterator
from itertools import count, islice
from random import Random

from zeroidle_loadtest.errors import ScenarioError
from zeroidle_loadtest.scenario import Constant, OpenArrivals, Poisson, Ramp, Spike, Trace


def due_s(arrivals: OpenArrivals, *, duration_s: float, seed: int) -> Iterator[float]:
    """The moments, ascending, all within the duration.

    Raises:
        ScenarioError: a trace file that cannot be read.
    """
    match arrivals:
        case Constant():
            return _evenly(arrivals.rate_per_s, duration_s)
        case Poisson():
            rate_per_s = arrivals.rate_per_s
            return _randomly(lambda expected: expected / rate_per_s, duration_s, seed)
        case Ramp():
            return _randomly(_ramp(arrivals, duration_s), duration_s, seed)
        case Spike():
            return _randomly(_spike(arrivals), duration_s, seed)
        case Trace():
            return (moment_s for moment_s in _replay(arrivals) if moment_s < duration_s)


def share(moments_s: Iterator[float], *, shard: int, shards: int) -> Iterator[tuple[int, float]]:
    """One worker's part: every `shards`-th moment, with its number in the whole sequence."""
    return islice(enumerate(moments_s), shard, None, shards)


def without_moments(*, shard: int, shards: int) -> Iterator[tuple[int, float]]:
    """Closed clients ask as soon as they may: numbers without end, all due at once."""
    return ((number, 0.0) for number in count(shard, shards))


def _evenly(rate_per_s: float, duration_s: float) -> Iterator[float]:
    for number in range(math.ceil(rate_per_s * duration_s)):
        yield number / rate_per_s


def _randomly(moment_of: Callable[[float], float], duration_s: float, seed: int) -> Iterator[float]:
    """A Poisson process: steps of a unit process, mapped by the inverse of the expected count."""
    random, expected = Random(seed), 0.0  # noqa: S311 - a simulation
    while True:
        expected += random.expovariate(1.0)
        moment_s = moment_of(expected)
        if moment_s >= duration_s:
            return
        yield moment_s


def _ramp(ramp: Ramp, duration_s: float) -> Callable[[float], float]:
    """Inverse of N(t) = a t + (b - a) t² / 2T."""
    slope = (ramp.to_per_s - ramp.from_per_s) / duration_s

    def moment_of(expected: float) -> float:
        under_root = ramp.from_per_s**2 + 2 * slope * expected
        if under_root < 0:  # a falling rate has reached 0: no more arrivals
            return math.inf
        divisor = ramp.from_per_s + math.sqrt(under_root)
        return 2 * expected / divisor

    return moment_of


def _spike(spike: Spike) -> Callable[[float], float]:
    before = spike.base_per_s * spike.at_s
    within = before + spike.peak_per_s * spike.for_s

    def moment_of(expected: float) -> float:
        if expected < before:
            return expected / spike.base_per_s
        if expected < within:
            return spike.at_s + (expected - before) / spike.peak_per_s
        return spike.at_s + spike.for_s + (expected - within) / spike.base_per_s

    return moment_of


def _replay(trace: Trace) -> Iterator[float]:
    """The file's moments, at its speed; read line by line, it may be long."""
    last_s = 0.0
    try:
        with trace.file.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                text = line.partition("#")[0].strip()
                if not text:
                    continue
                moment_s = _seconds(text)
                if moment_s is None or moment_s < last_s:
                    raise ScenarioError(
                        f"{trace.file}:{number}: each line is a moment in seconds after the start, "
                        "none before the one above it"
                    )
                last_s = moment_s
                yield moment_s / trace.speed
    except OSError as error:
        raise ScenarioError(f"{trace.file} cannot be read: {error.strerror}") from None


def _seconds(text: str) -> float | None:
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and value >= 0 else None
