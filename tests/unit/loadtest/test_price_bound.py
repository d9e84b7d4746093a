"""What a paid run can cost at most is told before it: no bill of it may be higher."""

from pathlib import Path
from typing import Any

import pytest
from unit.loadtest.finished import succeeded

from recorded_run import record_run
from zeroidle_contract import load_prices
from zeroidle_loadtest.analysis import FUNCTIONS, Measured, price_run, read_measured
from zeroidle_loadtest.arrivals import due_s
from zeroidle_loadtest.cli_measure import bounded
from zeroidle_loadtest.cost.assumptions import load_assumptions
from zeroidle_loadtest.errors import UsageError
from zeroidle_loadtest.price_bound import price_bound
from zeroidle_loadtest.record import TargetRecord
from zeroidle_loadtest.scenario import Constant, Scenario

PRICES = load_prices()


def target(**changes: Any) -> TargetRecord:
    fields: dict[str, Any] = {
        "stack": "prod",
        "is_local": False,
        "memory_mb": 10240,
        "architecture": "arm64",
        "timeout_s": 300,
        **changes,
    }
    return TargetRecord(**fields)


def test_every_request_may_be_tried_three_times_to_the_timeout() -> None:
    bound = price_bound(50, target(), PRICES)

    assert bound.compute_usd == pytest.approx(50 * 3 * (300 + 10) * 10 * 0.0000133334)
    assert bound.total_usd == pytest.approx(bound.compute_usd + bound.requests_usd)
    assert 0 < bound.requests_usd < 0.05


def test_the_stacks_own_attempts_and_processor_count() -> None:
    bound = price_bound(50, target(max_attempts=5, architecture="x86_64"), PRICES)

    assert bound.attempts == 5
    assert bound.compute_usd == pytest.approx(50 * 5 * 310 * 10 * 0.0000166667)


@pytest.mark.parametrize("unknown", [{"memory_mb": None}, {"timeout_s": None}])
def test_a_function_that_cannot_be_read_has_no_bound(unknown: dict[str, Any]) -> None:
    with pytest.raises(UsageError, match="its price cannot be bounded; use credentials"):
        price_bound(1, target(**unknown), PRICES)


def test_no_bill_of_the_run_exceeds_the_bound(tmp_path: Path) -> None:
    run = read_measured(record_run(tmp_path / "run", duration_s=5, is_local=False)).run
    run = run.model_copy(update={"target": target()})
    # Each alone and cold, each tried three times to the timeout, each document through S3.
    worst = tuple(
        succeeded(
            f"job-{number}",
            invocation=f"invocation-{number}",
            attempts=3,
            gb_seconds=10 * 300.0,
            cold_start_ms=10_000,
            document_bytes=1_000_000,
        )
        for number in range(20)
    )

    bill = price_run(Measured(run, worst), FUNCTIONS[0], PRICES, load_assumptions()).bill

    assert bill.total_usd.high <= price_bound(20, target(), PRICES).total_usd


@pytest.mark.parametrize(("requests", "rate_per_s"), [(1, 1.0), (10, 0.3), (7, 0.7), (50, 3.0)])
def test_a_bounded_run_sends_no_request_more_than_was_paid_for(
    requests: int, rate_per_s: float
) -> None:
    scenario = Scenario.model_validate(
        {
            "name": "test",
            "duration_s": 10,
            "arrivals": {"kind": "poisson", "rate_per_s": 9},
            "mix": [{"name": "short", "task": {"kind": "summarize"}, "tokens": 16}],
        }
    )

    planned = bounded(scenario, requests=requests, rate_per_s=rate_per_s)

    assert isinstance(planned.arrivals, Constant)
    moments = due_s(planned.arrivals, duration_s=planned.duration_s, seed=planned.seed)
    assert len(list(moments)) == requests
