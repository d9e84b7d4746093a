from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroidle_loadtest.arrivals import due_s, share
from zeroidle_loadtest.errors import ScenarioError
from zeroidle_loadtest.scenario import Constant, OpenArrivals, Poisson, Ramp, Spike, Trace

KINDS: list[OpenArrivals] = [
    Constant(kind="constant", rate_per_s=20),
    Poisson(kind="poisson", rate_per_s=20),
    Ramp(kind="ramp", from_per_s=0, to_per_s=40),
    Ramp(kind="ramp", from_per_s=40, to_per_s=0),
    Spike(kind="spike", base_per_s=10, peak_per_s=110, at_s=50, for_s=10),
]


def moments(arrivals: OpenArrivals, *, duration_s: float = 100, seed: int = 1) -> list[float]:
    return list(due_s(arrivals, duration_s=duration_s, seed=seed))


@pytest.mark.parametrize("arrivals", KINDS, ids=repr)
def test_moments_ascend_within_the_duration_and_come_to_the_expected_number(
    arrivals: OpenArrivals,
) -> None:
    found = moments(arrivals)

    assert found == sorted(found)
    assert found[0] >= 0
    assert found[-1] < 100
    assert len(found) == pytest.approx(2000, rel=0.1)  # five standard deviations


def test_constant_arrivals_are_evenly_spaced() -> None:
    assert moments(Constant(kind="constant", rate_per_s=4), duration_s=1) == [0, 0.25, 0.5, 0.75]


def test_poisson_gaps_vary_as_much_as_they_last() -> None:
    found = moments(Poisson(kind="poisson", rate_per_s=100))
    gaps = [after - before for before, after in pairwise(found)]

    mean = sum(gaps) / len(gaps)
    variance = sum((gap - mean) ** 2 for gap in gaps) / len(gaps)

    assert variance / mean**2 == pytest.approx(1, rel=0.1)


def test_a_ramp_brings_a_quarter_of_its_arrivals_in_its_first_half() -> None:
    found = moments(Ramp(kind="ramp", from_per_s=0, to_per_s=100))

    first_half = sum(moment < 50 for moment in found)

    assert first_half / len(found) == pytest.approx(0.25, abs=0.03)


def test_a_spike_is_where_it_should_be() -> None:
    found = moments(Spike(kind="spike", base_per_s=10, peak_per_s=200, at_s=50, for_s=10))

    assert sum(50 <= moment < 60 for moment in found) == pytest.approx(2000, rel=0.1)
    assert sum(moment < 50 for moment in found) == pytest.approx(500, rel=0.2)
    assert sum(moment >= 60 for moment in found) == pytest.approx(400, rel=0.2)


@given(shards=st.integers(1, 7), seed=st.integers(0, 1000))
def test_the_workers_together_send_exactly_what_one_would(shards: int, seed: int) -> None:
    arrivals = Poisson(kind="poisson", rate_per_s=3)
    alone = list(enumerate(moments(arrivals, duration_s=20, seed=seed)))

    parts = [
        list(share(due_s(arrivals, duration_s=20, seed=seed), shard=shard, shards=shards))
        for shard in range(shards)
    ]

    assert sorted(one for part in parts for one in part) == alone


def test_the_same_seed_gives_the_same_moments() -> None:
    arrivals = Poisson(kind="poisson", rate_per_s=3)

    assert moments(arrivals, seed=5) == moments(arrivals, seed=5)
    assert moments(arrivals, seed=5) != moments(arrivals, seed=6)


def test_a_trace_is_replayed_at_its_speed(tmp_path: Path) -> None:
    file = tmp_path / "trace.txt"
    file.write_text("# exported\n0.5\n2\n\n2 # twins\n7.5\n30\n")

    assert moments(Trace(kind="trace", file=file, speed=2), duration_s=10) == [0.25, 1, 1, 3.75]


@pytest.mark.parametrize("line", ["later", "-1", "nan", "1"])
def test_a_trace_names_the_line_it_cannot_read(tmp_path: Path, line: str) -> None:
    file = tmp_path / "trace.txt"
    file.write_text(f"2\n{line}\n")

    with pytest.raises(ScenarioError, match=r"trace\.txt:2: each line is a moment in seconds"):
        moments(Trace(kind="trace", file=file))
