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
    """Sums over one window of `METRICS_WINDOW_S`; the oldest message's age at its end."""

    sent: int = 0
    invocations: int = 0
    attempts: int = 0
    succeeded: int = 0
    dead: int = 0
    throttles: int = 0
    billed_s: float = 0.0
    oldest_age_s: float = 0.0


@dataclass(frozen=True)
class Sight:
    """At `now_s`: queue, dead letters and limit as they are, metrics as they were."""

    now_s: float
    waiting: int
    in_flight: int
    dead: int
    limit: int | None
    spent_this_hour_usd: float
    metrics: Metrics


@dataclass(frozen=True)
class _Totals:
    at_s: float
    sent: int
    oldest_age_s: float
    counters: Counters


class Window:
    """Keeps the totals of the recent past, and tells the sums of the last window that is told."""

    def __init__(self) -> None:
        self._totals: deque[_Totals] = deque()

    def record(self, now_s: float, *, sent: int, oldest_age_s: float, counters: Counters) -> None:
        """The totals at this time."""
        self._totals.append(_Totals(now_s, sent, oldest_age_s, replace(counters)))

    def metrics(self, now_s: float) -> Metrics:
        """The window that ended `METRICS_DELAY_S` ago. Zeros before anything was told."""
        end = self._at(now_s - METRICS_DELAY_S)
        start = self._at(now_s - METRICS_DELAY_S - METRICS_WINDOW_S)
        if end is None:
            return Metrics()
        after, before = end.counters, start.counters if start else Counters()
        return Metrics(
            sent=end.sent - (start.sent if start else 0),
            invocations=after.invocations - before.invocations,
            attempts=after.attempts - before.attempts,
            succeeded=after.succeeded - before.succeeded,
            dead=after.dead - before.dead,
            throttles=after.throttles - before.throttles,
            billed_s=after.billed_s - before.billed_s,
            oldest_age_s=end.oldest_age_s,
        )

    def _at(self, time_s: float) -> _Totals | None:
        """The latest totals that were recorded by then."""
        found = [totals for totals in self._totals if totals.at_s <= time_s]
        while len(self._totals) > 1 and self._totals[1].at_s <= time_s - METRICS_WINDOW_S:
            self._totals.popleft()
        return found[-1] if found else None
