"""From this machine to Lambda: a range on a laptop's run, exactly one on Lambda's own."""

from pathlib import Path

import pytest

from recorded_run import record_run
from zeroidle_loadtest.cost.assumptions import Assumption, Band, load_assumptions
from zeroidle_loadtest.cost.projection import Function, project, run_function
from zeroidle_loadtest.record import RunRecord, read_run

ARM, X86 = Function("arm64", 10240), Function("x86_64", 10240)


@pytest.fixture
def local(tmp_path: Path) -> RunRecord:
    return read_run(record_run(tmp_path / "local", duration_s=20))


@pytest.fixture
def on_lambda(local: RunRecord) -> RunRecord:
    target = local.target.model_copy(update={"is_local": False, "architecture": "arm64"})
    return local.model_copy(update={"is_projected": False, "target": target})


def test_a_laptops_cores_are_shared_by_its_environments(local: RunRecord) -> None:
    ratio = load_assumptions().core_ratio.arm64

    projection = project(local, ARM, load_assumptions())

    one_core_over_5_8 = 1 / (10240 / 1769)
    assert projection.factor.mid == pytest.approx(ratio.mid * one_core_over_5_8)
    assert not projection.is_measured


def test_a_laptops_run_stands_for_the_arm64_function_it_would_be(local: RunRecord) -> None:
    assert local.target.architecture == "x86_64"

    assert run_function(local) == ARM


def test_durations_of_lambda_are_not_projected(on_lambda: RunRecord) -> None:
    projection = project(on_lambda, ARM, load_assumptions())

    assert projection.is_measured
    assert projection.factor == Band.exactly(1.0)


def test_less_memory_is_slower_in_proportion(on_lambda: RunRecord) -> None:
    small = project(on_lambda, Function("arm64", 5120), load_assumptions())

    assert small.factor == Band.exactly(2.0)


def test_another_architecture_is_a_projection_again(on_lambda: RunRecord) -> None:
    projection = project(on_lambda, X86, load_assumptions())

    assert not projection.is_measured
    assert projection.factor.low < projection.factor.mid < projection.factor.high


def test_a_range_out_of_order_is_refused() -> None:
    with pytest.raises(ValueError, match="in order"):
        Assumption(low=2, mid=1, high=3, why="")
