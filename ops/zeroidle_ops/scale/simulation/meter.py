"""What a simulated run used, cost and achieved; and its course, for the plot.

Prices come from the contract. What every policy pays alike (sending, storage, logs) is left out.
"""

import math
from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from zeroidle_contract import Prices

HOUR_S = 3600.0
WRITES_PER_ATTEMPT = 2  # claim; commit or release
REQUESTS_PER_BATCH = 3  # receive, change visibility, delete: each for up to 10 messages


@dataclass(frozen=True)
class Moment:
    """The course at one time."""

    at_s: float
    waiting: int
    in_flight: int
    concurrency: int
    limit: int
    oldest_age_s: float
    cost_usd: float


@dataclass
class Counters:
    """Totals since the start. Seconds are of the simulation."""

    invocations: int = 0
    billed_s: float = 0.0
    cold_starts: int = 0
    throttles: int = 0
    attempts: int = 0
    succeeded: int = 0
    dead: int = 0


@dataclass
class Meter:
    """Collects while the run goes on."""

    prices: Prices
    memory_gb: float
    total: Counters = field(default_factory=Counters)
    course: list[Moment] = field(default_factory=list)
    ages_s: list[float] = field(default_factory=list)
    wasted_usd: float = 0.0
    _usd_by_hour: dict[int, float] = field(default_factory=lambda: defaultdict(float))

    @property
    def usd_per_s(self) -> float:
        """Of one running environment."""
        return self.memory_gb * self.prices.aws_lambda.arm64_gb_second

    @property
    def cost_usd(self) -> float:
        """Until now."""
        return sum(self._usd_by_hour.values())

    def spent_in_hour_usd(self, hour: int) -> float:
        """In that hour of the run."""
        return self._usd_by_hour[hour]

    def invoked(self, *, start_s: float, end_s: float, init_s: float, jobs: int) -> None:
        """An invocation has ended: its time is spread over the hours that it ran in."""
        billed_s = end_s - start_s
        self.total.invocations += 1
        self.total.billed_s += billed_s
        self.total.cold_starts += init_s > 0
        self.total.attempts += jobs
        for hour in range(int(start_s // HOUR_S), int(end_s // HOUR_S) + 1):
            share_s = min(end_s, (hour + 1) * HOUR_S) - max(start_s, hour * HOUR_S)
            self._usd_by_hour[hour] += max(0.0, share_s) * self.usd_per_s
        self._usd_by_hour[int(end_s // HOUR_S)] += self._requests_usd(jobs)

    def _requests_usd(self, jobs: int) -> float:
        batches = REQUESTS_PER_BATCH * math.ceil(jobs / 10)
        return (
            self.prices.aws_lambda.million_requests
            + batches * self.prices.sqs.million_requests
            + jobs * WRITES_PER_ATTEMPT * self.prices.dynamodb.million_writes
        ) / 1e6

    def succeeded(self, *, sent_s: float, now_s: float) -> None:
        """A job has its result."""
        self.total.succeeded += 1
        self.ages_s.append(now_s - sent_s)

    def failed(self, *, share_s: float) -> None:
        """An attempt failed after that many seconds of an environment."""
        self.wasted_usd += share_s * self.usd_per_s

    def unfinished(self, ages_s: Iterable[float]) -> None:
        """Jobs without a result at the end count with the age that they have reached."""
        self.ages_s.extend(ages_s)

    def exceeded_usd(self, hourly_budget_usd: float | None) -> float:
        """By how much the hours went over their budget, added up."""
        if hourly_budget_usd is None:
            return 0.0
        return sum(max(0.0, usd - hourly_budget_usd) for usd in self._usd_by_hour.values())


def percentile(values: Sequence[float], share: float) -> float:
    """The nearest rank: the smallest value that so large a share does not exceed. 0 for none."""
    if not values:
        return 0.0
    return sorted(values)[max(0, math.ceil(share * len(values)) - 1)]
