"""`tune`: the arithmetic with its numbers in sight."""

from typing import Any

import pytest

from zeroidle_contract import load_prices
from zeroidle_contract.profile import ServiceProfile
from zeroidle_ops.errors import UsageError
from zeroidle_ops.scale.simulation.shipped import SHIPPED_PROFILE
from zeroidle_ops.scale.tuning import Tuning, Wishes, tune

PROFILE = ServiceProfile.load(SHIPPED_PROFILE)


def tuned(*profiles: ServiceProfile, **wishes: Any) -> Tuning:
    asked: dict[str, Any] = {"target_s": 600, "jobs_per_s": 4} | wishes
    return tune(profiles or [PROFILE], Wishes(**asked), load_prices())


def test_the_parameters_follow_from_the_profile_and_the_wishes() -> None:
    assert tuned(backlog=1000).parameters == {
        "MemoryMb": "10240",
        "BatchSize": "10",  # 1.75 s a job; 1.85 s in batches of 8
        "BatchingWindowSeconds": "2",  # 10 jobs at 4 a second
        "TimeoutSeconds": "60",  # 1.5 * (14.0 + 21.5) s = 53 s
        "MaximumConcurrency": "10",  # 1.75 s * (4/s + 1000 / 600 s) = 9.9
        "ReservedConcurrency": "10",
    }


def test_a_short_target_means_small_batches() -> None:
    # A batch may take half of 12 s: one job does (5.2 s), two do not (7.2 s).
    assert tuned(target_s=12).parameters["BatchSize"] == "1"


def test_a_target_that_no_measured_batch_fits_is_refused_with_what_to_do() -> None:
    with pytest.raises(UsageError, match="a job alone takes"):
        tuned(target_s=10)


def test_the_cheaper_memory_is_taken() -> None:
    # Half the memory at the same speed costs half.
    assert (
        tuned(PROFILE, PROFILE.model_copy(update={"memory_gb": 5.0})).parameters["MemoryMb"]
        == "5120"
    )


def test_the_budget_caps_the_concurrency_and_a_peak_it_cannot_pay_is_told() -> None:
    # $2 an hour pay for 4 environments of $0.48; the peak needs 7.
    found = tuned(hourly_budget_usd=2.0)

    assert found.parameters["MaximumConcurrency"] == "4"
    assert any("does not pay for the peak" in warning for warning in found.warnings)


def test_an_account_without_room_reserves_nothing() -> None:
    assert tuned(account_limit=10, jobs_per_s=100).parameters["ReservedConcurrency"] == "0"
