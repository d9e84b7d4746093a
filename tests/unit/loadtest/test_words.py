"""Figures as people read them: with their units, without needless digits."""

import pytest

from zeroidle_loadtest.cost.assumptions import Band
from zeroidle_loadtest.record import SloCheck
from zeroidle_loadtest.report.words import amount_with_range, objective, seconds, unit_usd, usd


@pytest.mark.parametrize(
    ("name", "limit", "measured", "said"),
    [
        ("latency_p95_s", 30.0, 83.36, ("latency p95", "83 s", "30 s")),
        ("success_ratio", 0.99, 1.0, ("success", "100 %", "99 %")),
        ("cold_start_ratio", 0.5, 0.0202, ("cold start", "2.02 %", "50 %")),
        ("compute_usd_per_thousand", 5.0, 0.25, ("compute per thousand", "$0.25", "$5.00")),
        ("latency_p99_s", 30.0, None, ("latency p99", "nothing measured", "30 s")),
    ],
)
def test_an_objective_is_told_with_its_unit(
    name: str, limit: float, measured: float | None, said: tuple[str, str, str]
) -> None:
    check = SloCheck(name=name, limit=limit, measured=measured, is_met=True)

    assert objective(check) == said


@pytest.mark.parametrize(
    ("value", "said"),
    [(0.0, "0 s"), (0.042, "42 ms"), (9.0, "9 s"), (83.4, "83 s"), (900.0, "15 min")],
)
def test_a_duration_has_the_unit_that_people_use(value: float, said: str) -> None:
    assert seconds(value) == said


def test_dollars_have_two_digits_that_count() -> None:
    assert [usd(value) for value in (0.0, 0.000375, 0.27, 1234.5)] == [
        "$0", "$0.00038", "$0.27", "$1,234",
    ]  # fmt: skip
    assert unit_usd(0.0000133334) == "$13.333 a million"


def test_small_amounts_are_written_out() -> None:
    assert amount_with_range(Band(0.0000792, 0.000198, 0.000396), " GB") == (
        "0.00020 GB (0.000079 to 0.00040)"
    )
