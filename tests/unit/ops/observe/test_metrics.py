"""A snapshot as Prometheus reads it."""

import re
from dataclasses import replace

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import Metric
from prometheus_client.registry import Collector
from stack_snapshots import ACTIVITY, BUSY, with_causes

from zeroidle_ops.observe.metrics import CAUSES_AT_MOST, DEFINITIONS, families
from zeroidle_ops.observe.snapshot import Scaler, Snapshot


class Fixed(Collector):
    """A collector of one snapshot."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot = snapshot

    def collect(self) -> list[Metric]:
        return list(families(self._snapshot))


def values(snapshot: Snapshot) -> dict[str, float]:
    registry = CollectorRegistry()
    registry.register(Fixed(snapshot))
    lines = generate_latest(registry).decode().splitlines()
    return {
        name: float(value)
        for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
    }


def test_each_part_has_its_numbers() -> None:
    found = values(BUSY)

    assert found['zeroidle_queue_messages{state="waiting"}'] == 1204
    assert found['zeroidle_queue_messages{state="in_flight"}'] == 87
    assert found["zeroidle_queue_jobs_per_second"] == 2.0
    assert found["zeroidle_dead_letter_messages"] == 12
    assert found["zeroidle_dead_letter_expires_in_seconds"] == 777_600
    assert found['zeroidle_dead_letter_causes{code="internal",fingerprint="a1b2c3d4e5f6"}'] == 9
    assert found["zeroidle_concurrency_in_use"] == 5.0
    assert found["zeroidle_concurrency_maximum"] == 10
    assert found["zeroidle_concurrency_mapping_enabled"] == 1
    assert found['zeroidle_spend_usd_per_hour{component="compute"}'] == 2.4


def test_what_nobody_measured_is_absent_not_0() -> None:
    found = values(replace(BUSY, activity=replace(ACTIVITY, errors=None), dead_letters=None))

    assert "zeroidle_function_errors" not in found
    assert "zeroidle_dead_letter_messages" not in found


def test_a_scaler_that_never_looked_has_the_time_0() -> None:
    found = values(replace(BUSY, scaler=Scaler(is_scheduled=True, ticked_at=None)))

    assert found["zeroidle_scale_scheduled"] == 1
    assert found["zeroidle_scale_last_tick_timestamp_seconds"] == 0


def test_causes_beyond_the_most_frequent_are_one_series() -> None:
    found = {
        name: value
        for name, value in values(with_causes(500)).items()
        if name.startswith("zeroidle_dead_letter_causes")
    }

    assert len(found) == CAUSES_AT_MOST + 1
    assert sum(found.values()) == 500 * 501 / 2
    assert found['zeroidle_dead_letter_causes{code="other",fingerprint="other"}'] == sum(
        range(1, 481)
    )


def test_names_follow_the_conventions() -> None:
    names = [definition.name for definition in DEFINITIONS]

    assert len(set(names)) == len(names)
    for name in names:
        assert re.fullmatch(
            r"zeroidle_(queue|dead_letter|concurrency|function|scale|spend)_[a-z0-9_]+", name
        ), name
        assert not name.endswith(("_total", "_ms", "_minutes", "_count", "_bucket")), name
