"""Each job's share of its invocation's time, and so of its GB-seconds.

While jobs are under way, each moment is shared equally among them, as the engine shares its steps
among sequences; a long job is under way longer and pays for it. Time with none under way (the wait
for the model, the first claims) is shared equally among the batch's jobs. So the shares of a batch
never add up to more than was used.
"""

from collections.abc import Sequence

from zeroidle_inference.attempt import Attempt
from zeroidle_inference.seams import Clock

MB_PER_GB = 1024


class Shares:
    """Shares out one invocation's time."""

    def __init__(self, *, clock: Clock, started_s: float, jobs: int, memory_mb: int) -> None:
        self._clock = clock
        self._until_s = started_s
        self._idle_s = 0.0
        self._jobs = max(1, jobs)
        self._memory_gb = memory_mb / MB_PER_GB

    def advance(self, under_way: Sequence[Attempt]) -> None:
        """Share out the time since the last call among the jobs that were under way in it."""
        now_s = self._clock.monotonic_s()
        passed_s, self._until_s = now_s - self._until_s, now_s
        if not under_way:
            self._idle_s += passed_s
        for attempt in under_way:
            attempt.shared_s += passed_s / len(under_way)

    def gb_seconds(self, attempt: Attempt) -> float:
        """A job's share so far."""
        return self._memory_gb * (attempt.shared_s + self._idle_s / self._jobs)
