"""How long an invocation takes: drawn around the median of a batch's size, from a measured profile.

Log-normal, fixed by median and 95th percentile: long to the right, never negative. Knows nothing
of queues or policies.
"""

import math
import random

from zeroidle_contract.profile import ANY_TASK, ProfileError, Quantiles, ServiceProfile

Z_95 = 1.6448536269514722
"""The standard normal's 95th percentile."""


def draw_s(seconds: Quantiles, rng: random.Random) -> float:
    """One time with that median and 95th percentile."""
    if seconds.p95 <= seconds.p50 or seconds.p50 <= 0:
        return seconds.p50
    return seconds.p50 * math.exp(rng.gauss(0, math.log(seconds.p95 / seconds.p50) / Z_95))


class ServiceTimes:
    """Of one function and kind of task: warm invocations by batch size, cold starts, memory.

    Raises:
        ProfileError: the task was not measured, or no cold start was.
    """

    def __init__(self, profile: ServiceProfile, *, task: str = ANY_TASK) -> None:
        if profile.cold_start_s is None:
            raise ProfileError(
                "the profile holds no cold start; measure one with a load test that begins cold"
            )
        self._task = profile.of(task)
        self._by_batch: dict[int, Quantiles] = {}
        self.cold_s = profile.cold_start_s
        self.memory_gb = profile.memory_gb

    def invocation_s(self, jobs: int) -> Quantiles:
        """Seconds of a warm invocation with so many jobs."""
        if jobs not in self._by_batch:
            self._by_batch[jobs] = self._task.invocation_s(jobs)
        return self._by_batch[jobs]
