"""What a policy gets to see: the queue now, and the function's metrics of a minute that is over.

SQS tells its counts at once. CloudWatch tells a minute's sums when the minute is over and some
more time has passed: a policy acts on what was true one to two minutes ago.
"""

from collections import deque
from dataclasses import dataclass, replace

from zeroidle_ops.scale.simulation.meter import Counters

METRICS_DELAY_S = 60.0
METRICS_WINDOW_S = 300.0


@dataclass(frozen=True)
class Metrics:
    """Sums over one window of `METRICS_WINDOW_S`."""

    sent: int = 0
    invocations: int = 0
    attempts: int = 0
    succeeded: int = 0
    failed_attempts: int = 0
    dead: int = 0
    throttles: int = 0
    cold_starts: int = 0
    billed_s: float = 0.0
    service_s: float = 0.0


@dataclass(frozen=True)
class Sight:
    """At `now_s`: the queue and the limit as they are, metrics as they were."""

    now_s: float
    waiting: int
    in_flight: int
    oldest_age_s: float
    limit: int | None
    running: int
    spent_this_hour_usd: float
    metrics: Metrics


class Window:
    """Keeps the totals of the recent past, and tells the sums of the last window that is told."""

    def __init__(self) -> None:
        self._totals: deque[tuple[float, int, Counters]] = deque()

    def record(self, now_s: float, sent: int, counters: Counters) -> None:
        """The totals at this time."""
        self._totals.append((now_s, sent, replace(counters)))

    def metrics(self, now_s: float) -> Metrics:
        """The window that ended `METRICS_DELAY_S` ago. Zeros before anything was told."""
        end = self._at(now_s - METRICS_DELAY_S)
        start = self._at(now_s - METRICS_DELAY_S - METRICS_WINDOW_S)
        if end is None:
            return Metrics()
        before_sent, before = start or (0, Counters())
        sent, after = end
        return Metrics(
            sent=sent - before_sent,
            invocations=after.invocations - before.invocations,
            attempts=after.attempts - before.attempts,
            succeeded=after.succeeded - before.succeeded,
            failed_attempts=after.failed_attempts - before.failed_attempts,
            dead=after.dead - before.dead,
            throttles=after.throttles - before.throttles,
            cold_starts=after.cold_starts - before.cold_starts,
            billed_s=after.billed_s - before.billed_s,
            service_s=after.service_s - before.service_s,
        )

    def _at(self, time_s: float) -> tuple[int, Counters] | None:
        """The latest totals that were recorded by then."""
        found = [entry for entry in self._totals if entry[0] <= time_s]
        while len(self._totals) > 1 and self._totals[1][0] <= time_s - METRICS_WINDOW_S:
            self._totals.popleft()
        return (found[-1][1], found[-1][2]) if found else None
