"""The policies that are compared. Each is asked again and again, and answers with a limit.

- `unchanged`: no control. The limit that the template sets by default, left alone.
- `static`: the limit that somebody who knew the load beforehand would have set (the scenario's).
- `aws-default`: no limit. Lambda's own ramp, up to the account's concurrency.
- `keda`: KEDA's queue-length law through a HorizontalPodAutoscaler: replicas =
  ceil((visible + in flight) / messages a replica handles at once), polled every 30 s; up by what
  is greater of four or double in 15 s, down only to the highest wish of the last 300 s, a
  tolerance of 10 % (KEDA 2.13, `aws-sqs-queue`; Kubernetes' default behaviour).
- `target-tracking`: AWS's own advice for queues: backlog for each instance at most acceptable
  latency / time for a message; three minutes above scale out in proportion, fifteen minutes below
  90 % scale in, as target-tracking alarms do.
- `zeroidle`: `law.decide` (zeroidle.py here).
"""

import math
from collections import deque
from dataclasses import dataclass, field
from typing import Protocol

from zeroidle_ops.scale.simulation.scenario import Scenario
from zeroidle_ops.scale.simulation.service_time import ServiceTimes
from zeroidle_ops.scale.simulation.sight import Sight

LEAST, MOST = 2, 1000
"""What the API takes for MaximumConcurrency."""

TEMPLATE_DEFAULT = 10


class ScalingPolicy(Protocol):
    """Asked every `period_s`, first at the start. None takes the limit away; 0 pauses."""

    @property
    def period_s(self) -> float:
        """Seconds from one question to the next."""

    def limit(self, sight: Sight) -> int | None:
        """MaximumConcurrency from now on."""


@dataclass(frozen=True)
class Fixed:
    """One limit for ever."""

    fixed: int | None
    period_s: float = 3600.0

    def limit(self, sight: Sight) -> int | None:
        """That one."""
        del sight
        return self.fixed


@dataclass
class Keda:
    """The number of replicas by the number of messages."""

    messages_a_replica: int
    period_s: float = 15.0
    _wishes: deque[tuple[float, int]] = field(default_factory=deque)
    _polled_s: float = -math.inf
    _messages: int = 0

    def limit(self, sight: Sight) -> int:
        """As the HorizontalPodAutoscaler would set it, within what the API takes."""
        if sight.now_s - self._polled_s >= 30:  # noqa: PLR2004 - KEDA's polling interval
            self._polled_s, self._messages = sight.now_s, sight.waiting + sight.in_flight
        current = sight.limit or LEAST
        wish = math.ceil(self._messages / self.messages_a_replica)
        if abs(self._messages / self.messages_a_replica / current - 1) <= 0.1:  # noqa: PLR2004
            wish = current
        self._wishes.append((sight.now_s, wish))
        while self._wishes[0][0] < sight.now_s - 300:
            self._wishes.popleft()
        if wish > current:
            wish = min(wish, max(current + 4, 2 * current))
        else:
            wish = min(current, max(wish for _, wish in self._wishes))
        return min(MOST, max(LEAST, wish))


@dataclass
class TargetTracking:
    """Backlog for each instance, held at what can be worked off in the acceptable time."""

    acceptable_backlog: float
    period_s: float = 60.0
    _above: int = 0
    _below: int = 0

    def limit(self, sight: Sight) -> int:
        """As the two alarms of a target-tracking policy would set it."""
        current = sight.limit or LEAST
        ratio = sight.waiting / current / self.acceptable_backlog
        self._above = self._above + 1 if ratio > 1 else 0
        self._below = self._below + 1 if ratio < 0.9 else 0  # noqa: PLR2004 - AWS's margin
        wish = current
        if self._above >= 3:  # noqa: PLR2004 - minutes in a row
            self._above, wish = 0, math.ceil(current * ratio)
        elif self._below >= 15:  # noqa: PLR2004
            self._below, wish = 0, math.ceil(current * ratio)
        return min(MOST, max(LEAST, wish))


def rival(name: str, scenario: Scenario, times: ServiceTimes) -> ScalingPolicy:
    """A policy by its name, set as its documentation advises for this scenario."""
    batch = scenario.batch_size
    job_s = times.invocation_s(batch).p50 / batch
    match name:
        case "unchanged":
            return Fixed(TEMPLATE_DEFAULT)
        case "static":
            return Fixed(scenario.static_limit)
        case "aws-default":
            return Fixed(None)
        case "keda":
            return Keda(messages_a_replica=batch)
        case "target-tracking":
            return TargetTracking(acceptable_backlog=scenario.drain_target_s / job_s)
        case _:
            raise ValueError(f"no policy is called {name!r}")
