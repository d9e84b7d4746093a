"""Dollars an hour, against figures worked out by hand from the price list."""

from dataclasses import replace

import pytest
from stack_snapshots import ACTIVITY, LIMITS

from zeroidle_contract import load_prices
from zeroidle_ops.observe.spend import spend

PRICES = load_prices()


def test_an_hour_on_demand_is_gb_seconds_times_the_price() -> None:
    found = spend(ACTIVITY, replace(LIMITS, provisioned=0), PRICES)

    assert found is not None
    # 1500 s in 5 minutes are 18,000 s an hour, on 10 GB.
    assert found.compute_usd_per_h == pytest.approx(180_000 * 0.0000133334)
    # 60 invocations in 5 minutes are 720 an hour.
    assert found.requests_usd_per_h == pytest.approx(720 * 0.20 / 1_000_000)
    assert found.provisioned_usd_per_h == 0


def test_provisioned_environments_cost_idle_and_make_work_cheaper() -> None:
    found = spend(ACTIVITY, LIMITS, PRICES)

    assert found is not None
    # Two environments are there for 7,200 s; the other 10,800 s of work are on demand.
    assert found.provisioned_usd_per_h == pytest.approx(7_200 * 10 * 0.0000033334)
    assert found.compute_usd_per_h == pytest.approx(
        10_800 * 10 * 0.0000133334 + 7_200 * 10 * 0.0000077778
    )


def test_x86_has_its_own_price() -> None:
    found = spend(ACTIVITY, replace(LIMITS, provisioned=0, architecture="x86_64"), PRICES)

    assert found is not None
    assert found.compute_usd_per_h == pytest.approx(180_000 * 0.0000166667)


def test_without_a_measurement_there_is_no_figure() -> None:
    assert spend(replace(ACTIVITY, busy_s=None), LIMITS, PRICES) is None
