"""The waiting time of M/D/c as theory has it, and of one sample path as arithmetic has it.

G. J. Franx, "A simple solution for the M/D/c waiting time distribution", Operations Research
Letters 29 (2001): with (k - 1) D <= x < k D,

    P(W <= x) = exp(-L (kD - x)) * sum over j < kc of Q[kc - 1 - j] (L (kD - x))**j / j!

where Q[m] is the probability that at most c + m customers are in the system. Those come from the
embedded chain: in one service time all who are served leave, and a Poisson number arrives.
"""

import heapq
import math
from collections.abc import Iterable, Sequence
from functools import cached_property

STATES = 200


class KnownQueue:
    """M/D/c: Poisson arrivals, a fixed service time, c servers, first come first served."""

    def __init__(self, *, rate_per_s: float, service_s: float, servers: int) -> None:
        assert rate_per_s * service_s < servers, "it would grow without bound"
        self._rate = rate_per_s
        self._service_s = service_s
        self._servers = servers

    def latency_s(self, share: float) -> float:
        """The quantile of waiting and service together."""
        low, high = 0.0, 100 * self._service_s
        while high - low > 1e-6:
            middle = (low + high) / 2
            low, high = (middle, high) if self.waits_at_most(middle) < share else (low, middle)
        return self._service_s + high

    def waits_at_most(self, wait_s: float) -> float:
        """P(W <= wait_s)."""
        k = int(wait_s / self._service_s) + 1
        left = self._rate * (k * self._service_s - wait_s)
        terms = k * self._servers
        return math.exp(-left) * sum(
            self._at_most_beyond(terms - 1 - j) * math.exp(j * math.log(left) - math.lgamma(j + 1))
            for j in range(terms)
        )

    def _at_most_beyond(self, m: int) -> float:
        return sum(self._in_system[: self._servers + m + 1])

    @cached_property
    def _in_system(self) -> Sequence[float]:
        """Stationary probabilities, by iterating the embedded chain."""
        load = self._rate * self._service_s
        arrive = [math.exp(n * math.log(load) - load - math.lgamma(n + 1)) for n in range(STATES)]
        state = [1.0] + [0.0] * (STATES - 1)
        for _ in range(2000):
            left = [sum(state[: self._servers + 1]), *state[self._servers + 1 :]]
            after = [
                sum(left[i] * arrive[n - i] for i in range(min(n, len(left) - 1) + 1))
                for n in range(STATES)
            ]
            if max(abs(a - b) for a, b in zip(after, state, strict=True)) < 1e-12:
                break
            state = after
        return state


def path_latencies_s(arrivals_s: Iterable[float], *, service_s: float, servers: int) -> list[float]:
    """What each of these arrivals waits and is served for (Kiefer and Wolfowitz)."""
    free_s = [0.0] * servers
    latencies_s = []
    for arrival_s in arrivals_s:
        end_s = max(arrival_s, heapq.heappop(free_s)) + service_s
        heapq.heappush(free_s, end_s)
        latencies_s.append(end_s - arrival_s)
    return latencies_s
