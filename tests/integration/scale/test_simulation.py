"""The simulation beside the emulator: the same messages, the same mapping, and a stopwatch."""

import time

import pytest

from zeroidle_contract import load_prices
from zeroidle_contract.profile import ServiceProfile
from zeroidle_ops.scale.simulation.policies import Fixed
from zeroidle_ops.scale.simulation.ramp import Ramp
from zeroidle_ops.scale.simulation.scenario import Scenario
from zeroidle_ops.scale.simulation.service_time import ServiceTimes
from zeroidle_ops.scale.simulation.shipped import SHIPPED_PROFILE
from zeroidle_ops.scale.simulation.world import World
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator

MESSAGES = 120
BATCH_S = 2.0
"""What functions/unhurried.py takes for a batch."""
OVERHEAD_S = 8.0
"""Starting the function's processes, and the emulator's own polling."""


def simulated_s(limit: int) -> float:
    """The age of the last but five of a hundred: when all rounds but the last have ended."""
    profile = ServiceProfile.load(SHIPPED_PROFILE)
    seconds = {"p50": BATCH_S, "p95": BATCH_S}
    batches = [{"batch_size": size, "invocations": 1, "seconds": seconds} for size in (1, 10)]
    task = profile.of().model_dump() | {"batches": batches}
    known = profile.model_dump() | {"tasks": [task], "cold_start_s": {"p50": 0.0, "p95": 0.0}}
    scenario = Scenario.model_validate(
        {
            "name": "emulator",
            "about": "messages that wait while the mapping is off",
            "duration_s": 1,
            "drain_s": 600,
            "drain_target_s": 600,
            "static_limit": 2,
            "batching_window_s": 1,
            "bursts": [{"at_s": 0, "jobs": MESSAGES, "over_s": 0.001}],
        }
    )
    return (
        World(
            scenario=scenario,
            policy=Fixed(limit),
            times=ServiceTimes(ServiceProfile.model_validate(known)),
            prices=load_prices(),
            seed=1,
            ramp=Ramp(start=1000),
        )
        .run()
        .p95_age_s
    )


def set_mapping(target: Target, *, enabled: bool, limit: int) -> None:
    target.lambda_.update_event_source_mapping(
        UUID=target.stack.event_source_mapping_id,
        Enabled=enabled,
        ScalingConfig={"MaximumConcurrency": limit},
    )


def left(target: Target) -> int:
    counts = target.sqs.get_queue_attributes(
        QueueUrl=target.stack.queue_url,
        AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"],
    )["Attributes"]
    return sum(map(int, counts.values()))


def measured_s(target: Target, limit: int) -> float:
    """From switching the mapping on until at most 5 of 100 messages are left."""
    set_mapping(target, enabled=False, limit=limit)
    for first in range(0, MESSAGES, 10):
        target.sqs.send_message_batch(
            QueueUrl=target.stack.queue_url,
            Entries=[{"Id": str(n), "MessageBody": "{}"} for n in range(first, first + 10)],
        )
    began_s = time.monotonic()
    set_mapping(target, enabled=True, limit=limit)
    while left(target) > 0.05 * MESSAGES and time.monotonic() < began_s + 100:
        time.sleep(0.1)
    return time.monotonic() - began_s


@pytest.mark.timeout(240)
@pytest.mark.parametrize(("limit", "expected_s"), [(2, 12.0), (4, 6.0)])
def test_rounds_of_full_batches_take_as_long_as_simulated(
    target: Target, limit: int, expected_s: float
) -> None:
    assert simulated_s(limit) == pytest.approx(expected_s, abs=0.1)

    took_s = measured_s(target, limit)

    assert expected_s - BATCH_S <= took_s <= expected_s + OVERHEAD_S
