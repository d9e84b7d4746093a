"""The tool is checked before it is believed: on queues whose latencies theory knows."""

import math

import pytest
from unit.loadtest.drive_fakes import FakeClock, FakeSystem, driven, scenario
from unit.loadtest.known_queue import KnownQueue

from zeroidle_loadtest.quantiles import quantile


def test_the_theory_agrees_with_the_closed_form_of_one_server() -> None:
    # M/D/1: P(W = 0) = 1 - load, and P(W <= D) = (1 - load) e**load (…) at x = D: two terms.
    queue = KnownQueue(rate_per_s=7, service_s=0.1, servers=1)

    assert queue.waits_at_most(0) == pytest.approx(0.3)
    within_one = 0.3 * (math.exp(0.7) - 0.0)
    assert queue.waits_at_most(0.1 - 1e-9) == pytest.approx(within_one, rel=1e-3)


@pytest.mark.parametrize(("servers", "rate_per_s"), [(1, 6.0), (2, 14.0), (4, 32.0)])
def test_a_known_queue_gives_the_percentiles_of_theory(servers: int, rate_per_s: float) -> None:
    clock = FakeClock()
    system = FakeSystem(clock, service_s=0.1, servers=servers)
    given = scenario(
        duration_s=8000 / rate_per_s, arrivals={"kind": "poisson", "rate_per_s": rate_per_s}
    )

    requests = driven(given, system, clock).run()

    latencies_s = sorted((one.latency_ms or math.inf) / 1000 for one in requests)
    theory = KnownQueue(rate_per_s=rate_per_s, service_s=0.1, servers=servers)
    # 8,000 arrivals at a load of 0.6 to 0.8: the error of a percentile is below 10 per cent.
    for share in (0.5, 0.9, 0.95):
        assert quantile(latencies_s, share) == pytest.approx(theory.latency_s(share), rel=0.1)
