from datetime import UTC, datetime
from pathlib import Path

import pytest

from zeroidle_contract import ProfileError, ServiceProfile
from zeroidle_contract.profile import BatchSeconds, Quantiles, TaskProfile


def batch(size: int, p50: float, p95: float) -> BatchSeconds:
    return BatchSeconds(batch_size=size, invocations=3, seconds=Quantiles(p50=p50, p95=p95))


CLASSIFY = TaskProfile(
    task="classify",
    jobs=30,
    batches=(batch(2, 1.0, 1.5), batch(6, 2.0, 3.5)),
    tokens_in=300,
    tokens_out=1,
)
PROFILE = ServiceProfile(
    measured_at=datetime(2026, 11, 24, tzinfo=UTC),
    machine="a laptop",
    architecture="x86_64",
    memory_gb=10,
    model="SmolLM2",
    model_sha256="0" * 64,
    is_projected=True,
    tasks=(CLASSIFY,),
)


@pytest.mark.parametrize(
    ("size", "p50", "p95"),
    [
        pytest.param(2, 1.0, 1.5, id="measured"),
        pytest.param(4, 1.5, 2.5, id="between two measured sizes"),
        pytest.param(1, 0.5, 0.75, id="below the smallest, by the job"),
        pytest.param(12, 4.0, 7.0, id="above the largest, by the job"),
    ],
)
def test_an_invocation_takes_what_was_measured_or_lies_on_the_line(
    size: int, p50: float, p95: float
) -> None:
    assert CLASSIFY.invocation_s(size) == Quantiles(p50=p50, p95=p95)


def test_a_profile_survives_its_file(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"

    PROFILE.save(path)

    assert ServiceProfile.load(path) == PROFILE


def test_a_task_that_was_not_measured_is_named_beside_those_that_were() -> None:
    with pytest.raises(ProfileError, match=r"no task 'extract'; measured were: classify"):
        PROFILE.of("extract")


def test_a_missing_profile_says_who_writes_one(tmp_path: Path) -> None:
    with pytest.raises(ProfileError, match=r"zeroidle-load run"):
        ServiceProfile.load(tmp_path / "none.json")


def test_a_damaged_profile_says_where(tmp_path: Path) -> None:
    path = tmp_path / "profile.json"
    path.write_text(PROFILE.model_dump_json().replace('"memory_gb":10.0', '"memory_gb":0'))

    with pytest.raises(ProfileError, match=r"memory_gb: Input should be greater than 0"):
        ServiceProfile.load(path)


def test_percentiles_out_of_order_are_refused() -> None:
    with pytest.raises(ValueError, match="p95 lies below p50"):
        Quantiles(p50=2, p95=1)
