"""Thresholds count every request: one that did not succeed is infinitely late."""

from pathlib import Path

import pytest

from zeroidle_loadtest.errors import ScenarioError
from zeroidle_loadtest.record import SloCheck
from zeroidle_loadtest.slo import Slo, check, load_slo

SECONDS_1_TO_100 = [1000.0 * second for second in range(1, 101)]


def checked(slo: Slo, **measured: object) -> dict[str, SloCheck]:
    given = {"latencies_ms": SECONDS_1_TO_100, "submitted": 100, "cold_starts": 0,
             "compute_usd": 1.0, **measured}  # fmt: skip
    return {one.name: one for one in check(slo, **given)}  # type: ignore[arg-type]


def test_what_is_not_asked_for_is_not_checked_but_success_is() -> None:
    assert list(checked(Slo())) == ["success_ratio"]


def test_a_percentile_is_compared_with_its_limit() -> None:
    checks = checked(Slo(latency_p50_s=50.0, latency_p95_s=94.0))

    assert (checks["latency_p50_s"].measured, checks["latency_p50_s"].is_met) == (50.0, True)
    assert (checks["latency_p95_s"].measured, checks["latency_p95_s"].is_met) == (95.0, False)


def test_a_request_that_did_not_succeed_counts_as_infinitely_late() -> None:
    # 100 of 200 came back: the median is the slowest of them, the 95th percentile never came.
    checks = checked(Slo(latency_p50_s=99.0, latency_p95_s=1e6), submitted=200)

    assert (checks["latency_p50_s"].measured, checks["latency_p50_s"].is_met) == (100.0, False)
    assert (checks["latency_p95_s"].measured, checks["latency_p95_s"].is_met) == (None, False)


def test_all_must_succeed_unless_the_file_says_less() -> None:
    strict = checked(Slo(), submitted=101)["success_ratio"]
    lenient = checked(Slo(success_ratio=0.99), submitted=101)["success_ratio"]

    assert (strict.is_met, lenient.is_met) == (False, True)
    assert strict.measured == pytest.approx(100 / 101)


def test_cold_starts_and_dollars_have_limits_too() -> None:
    slo = Slo(cold_start_ratio=0.1, compute_usd_per_thousand=5.0)

    checks = checked(slo, cold_starts=20, compute_usd=0.4)

    assert checks["cold_start_ratio"].measured == 0.2
    assert not checks["cold_start_ratio"].is_met
    assert checks["compute_usd_per_thousand"].measured == 4.0
    assert checks["compute_usd_per_thousand"].is_met


def test_without_prices_a_limit_in_dollars_is_not_met() -> None:
    found = checked(Slo(compute_usd_per_thousand=5.0), compute_usd=None)

    assert found["compute_usd_per_thousand"] == SloCheck(
        name="compute_usd_per_thousand", limit=5.0, measured=None, is_met=False
    )


def test_nothing_sent_meets_nothing() -> None:
    found = checked(Slo(latency_p50_s=1.0), latencies_ms=[], submitted=0)

    assert not any(one.is_met for one in found.values())


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("latency_p95_s = 0", "latency_p95_s: Input should be greater than 0"),
        ("latency_p95 = 3", "latency_p95: Extra inputs are not permitted"),
        ("success_ratio = 99", "success_ratio: Input should be less than or equal to 1"),
        ("latency_p95_s =", "is not TOML"),
    ],
)
def test_a_mistake_in_the_file_is_named(tmp_path: Path, text: str, told: str) -> None:
    path = tmp_path / "slo.toml"
    path.write_text(text)

    with pytest.raises(ScenarioError, match=told):
        load_slo(path)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ScenarioError, match=r"slo\.toml cannot be read: No such file"):
        load_slo(tmp_path / "slo.toml")
