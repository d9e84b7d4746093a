"""The model beside what a hand or a formula computes: every time, count and dollar in sight."""

from typing import Any

import pytest

from zeroidle_contract import load_prices
from zeroidle_contract.profile import Quantiles, ServiceProfile
from zeroidle_ops.scale.simulation.policies import Fixed
from zeroidle_ops.scale.simulation.ramp import Ramp
from zeroidle_ops.scale.simulation.scenario import Scenario
from zeroidle_ops.scale.simulation.service_time import ServiceTimes
from zeroidle_ops.scale.simulation.world import Outcome, World

NO_RAMP = 1000
GB_SECOND = load_prices().aws_lambda.arm64_gb_second


def times(*, seconds: dict[int, float], cold_s: float = 0.0, spread: float = 1.0) -> ServiceTimes:
    """An environment of 2 GB whose invocations take exactly that long, by batch size."""
    return ServiceTimes(
        ServiceProfile.model_validate(
            {
                "measured_at": "2026-11-24T00:00:00Z",
                "machine": "a hand",
                "architecture": "arm64",
                "memory_gb": 2,
                "model": "none",
                "model_sha256": "0" * 64,
                "is_projected": True,
                "cold_start_s": Quantiles(p50=cold_s, p95=cold_s),
                "tasks": [
                    {
                        "task": "*",
                        "jobs": 1,
                        "batches": [
                            {
                                "batch_size": size,
                                "invocations": 1,
                                "seconds": {"p50": one, "p95": one * spread},
                            }
                            for size, one in seconds.items()
                        ],
                        "tokens_in": 1,
                        "tokens_out": 1,
                    }
                ],
            }
        )
    )


def at_once(jobs: int, **fields: Any) -> Scenario:
    """So many jobs within a millisecond."""
    return Scenario.model_validate(
        {
            "name": "case",
            "about": "a case",
            "duration_s": 1,
            "drain_s": 100_000,
            "drain_target_s": 600,
            "static_limit": 2,
            "bursts": [{"at_s": 0, "jobs": jobs, "over_s": 0.001}],
        }
        | fields
    )


def run(
    scenario: Scenario, service: ServiceTimes, *, limit: int | None, ramp: Ramp | None = None
) -> Outcome:
    return World(
        scenario=scenario,
        policy=Fixed(limit),
        times=service,
        prices=load_prices(),
        seed=1,
        ramp=ramp or Ramp(start=NO_RAMP),
    ).run()


def test_a_job_alone_waits_for_the_cold_start_and_its_own_time() -> None:
    found = run(at_once(1), times(seconds={1: 4.0}, cold_s=9.0), limit=2)

    assert found.p95_age_s == pytest.approx(13.0)
    assert (found.succeeded, found.invocations, found.cold_starts) == (1, 1, 1)


def test_cost_is_gb_seconds_and_requests() -> None:
    found = run(at_once(1), times(seconds={1: 4.0}, cold_s=9.0), limit=2)

    # 13 s of 2 GB; one invocation; three requests to SQS; claim and commit.
    requests_usd = (0.20 + 3 * 0.40 + 2 * 0.625) / 1e6
    assert found.cost_usd == pytest.approx(13 * 2 * GB_SECOND + requests_usd)


def test_forty_jobs_in_batches_of_ten_on_two_environments_take_two_rounds() -> None:
    # A window of a second lets the batches fill; one gathers after the other.
    scenario = at_once(40, batching_window_s=1)
    found = run(scenario, times(seconds={1: 4.0, 10: 10.0}), limit=2)

    assert found.invocations == 4
    assert found.p50_age_s == pytest.approx(10.0, abs=0.01)
    assert found.p95_age_s == pytest.approx(20.0, abs=0.01)


def test_a_batch_that_is_not_full_leaves_when_the_window_is_over() -> None:
    scenario = at_once(3, batching_window_s=5)
    found = run(scenario, times(seconds={1: 4.0, 10: 10.0}), limit=2)

    assert found.invocations == 1
    assert found.p95_age_s == pytest.approx(5 + 4 + 6 * 2 / 9, abs=0.01)


def test_an_environment_is_cold_again_after_ten_idle_minutes() -> None:
    bursts = [{"at_s": at_s, "jobs": 1, "over_s": 0.001} for at_s in (0, 500, 1200)]
    scenario = at_once(1, bursts=bursts, duration_s=1300)
    found = run(scenario, times(seconds={1: 4.0}, cold_s=9.0), limit=2)

    assert found.cold_starts == 2  # at 0 s and at 1,200 s; at 500 s it was warm


def test_lambda_begins_with_five_batches_and_adds_five_a_second() -> None:
    scenario = at_once(10_000, batch_size=1, drain_s=60)
    found = run(scenario, times(seconds={1: 1000.0}), limit=None, ramp=Ramp())

    within = [moment for moment in found.course if moment.at_s <= 1]
    assert within[0].limit == 5
    assert found.course[-1].concurrency == pytest.approx(5 + 5 * 60, abs=10)


def test_a_limit_caps_what_the_ramp_grants() -> None:
    scenario = at_once(1000, batch_size=1, drain_s=60)
    found = run(scenario, times(seconds={1: 1000.0}), limit=40, ramp=Ramp())

    assert found.course[-1].concurrency == 40


def test_what_the_account_does_not_allow_is_throttled_and_comes_later() -> None:
    scenario = at_once(2, batch_size=1, account_limit=1)
    found = run(scenario, times(seconds={1: 4.0}), limit=2)

    # The second is refused at 0, 1 and 3 s and let in at 7 s.
    assert found.throttles == 3
    assert found.p95_age_s == pytest.approx(11.0, abs=0.01)


def test_poison_is_tried_three_times_and_every_try_is_wasted() -> None:
    storm = {"from_s": 0, "until_s": 1, "share": 1.0, "mended_at_s": 100_000}
    found = run(at_once(10, storms=[storm]), times(seconds={1: 4.0, 10: 10.0}), limit=2)

    assert (found.succeeded, found.dead, found.unfinished) == (0, 10, 0)
    # What is not wasted are the requests: 30 attempts with two writes each, the rest a batch.
    requests_usd = (found.invocations * (0.20 + 3 * 0.40) + 30 * 2 * 0.625) / 1e6
    assert found.wasted_usd == pytest.approx(found.cost_usd - requests_usd)


def test_once_mended_poison_is_refused_without_inference() -> None:
    storm = {"from_s": 0, "until_s": 1, "share": 1.0, "mended_at_s": 0.5}
    scenario = at_once(10, storms=[storm], bursts=[{"at_s": 0.6, "jobs": 10, "over_s": 0.001}])
    found = run(scenario, times(seconds={10: 10.0}), limit=2)

    assert (found.dead, found.wasted_usd) == (10, 0.0)


def test_beyond_its_knee_a_dependency_makes_everybody_slower() -> None:
    slow = {"from_s": 0, "until_s": 1, "knee": 2}
    found = run(at_once(8, batch_size=1, slowness=[slow]), times(seconds={1: 4.0}), limit=8)

    # The eighth meets eight at once: four times its time.
    assert found.p95_age_s == pytest.approx(16.0, abs=0.01)
    assert found.p50_age_s == pytest.approx(8.0, abs=0.01)


def test_an_invocation_that_outlasts_the_timeout_is_lost_and_paid() -> None:
    scenario = at_once(1, timeout_s=10, drain_s=9.5)
    found = run(scenario, times(seconds={1: 30.0}), limit=2)

    assert (found.succeeded, found.unfinished) == (0, 1)
    assert found.wasted_usd == pytest.approx(10 * 2 * GB_SECOND)


def test_spending_counts_for_the_hour_in_which_it_ran() -> None:
    # 1,800 s in each of two hours, at 2 GB: one hour's share alone is within the budget.
    half_hour_usd = 1800 * 2 * GB_SECOND
    bursts = [{"at_s": 3600 - 400, "jobs": 1, "over_s": 0.001}]
    scenario = at_once(
        1, bursts=bursts, duration_s=3600, timeout_s=900, hourly_budget_usd=half_hour_usd / 4
    )
    found = run(scenario, times(seconds={1: 800.0}), limit=2)

    # 400 s in either hour cost less than 450 s; 800 s in one would not.
    assert found.budget_exceeded_usd == 0.0


def test_mean_wait_is_that_of_the_formula_for_one_server_with_constant_service() -> None:
    """M/D/1 (Pollaczek-Khinchine): wait = rho / (2 (1 - rho)) * service; median age is more."""
    scenario = Scenario.model_validate(
        {
            "name": "case",
            "about": "a case",
            "duration_s": 400_000,
            "drain_s": 10_000,
            "drain_target_s": 600,
            "static_limit": 2,
            "batch_size": 1,
            "rates": [{"per_s": 0.07}],
        }
    )
    world = World(
        scenario=scenario,
        policy=Fixed(1),
        times=times(seconds={1: 10.0}),
        prices=load_prices(),
        seed=7,
        ramp=Ramp(start=NO_RAMP),
    )
    world.run()
    ages_s = world._meter.ages_s

    load = 0.07 * 10
    assert sum(ages_s) / len(ages_s) == pytest.approx(10 + load / (2 * (1 - load)) * 10, rel=0.05)


def test_the_same_seed_is_the_same_run() -> None:
    scenario = at_once(200)
    service = times(seconds={1: 4.0, 10: 10.0}, spread=1.5)

    assert run(scenario, service, limit=5) == run(scenario, service, limit=5)


def test_every_job_ends_somewhere() -> None:
    storm = {"from_s": 0, "until_s": 1, "share": 0.5, "mended_at_s": 30}
    scenario = at_once(500, storms=[storm], drain_s=60)
    found = run(scenario, times(seconds={1: 4.0, 10: 10.0}, spread=1.5), limit=5)

    assert found.succeeded + found.dead + found.unfinished == found.jobs == 500
    assert found.unfinished > 0
