"""A burst on the real function: the controller's limits go up and come down, as the API shows them.

`make test` sends 500 letters whose e-mail addresses are found by code, so that the machine's speed
with the model does not matter. `ZEROIDLE_BURST_BY_MODEL=1` (`make burst`) sends 500 reviews that
the model classifies, which takes minutes.
"""

import os
import time
import uuid
from collections.abc import Iterator

import pytest

from zeroidle_contract import Classify, Document, Entity, Job, Redact, Status
from zeroidle_contract.task import Task
from zeroidle_ops.scale.controller import Controller, Tick
from zeroidle_ops.scale.observer import ServiceTime
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.stack.target import Target

pytestmark = [pytest.mark.emulator, pytest.mark.model]

BURST = 500
IS_BY_MODEL = bool(os.environ.get("ZEROIDLE_BURST_BY_MODEL"))
TASK: Task = Classify(labels=("good", "bad")) if IS_BY_MODEL else Redact(entities=(Entity.EMAIL,))
GIVE_UP_S = 1800 if IS_BY_MODEL else 200
POLICY = Policy(most=4, drain_target_s=10, lower_after_s=3, settle_s=2, freeze_s=4)
WARM_BATCH = ServiceTime(seconds=1.0)
"""About what ten jobs take; the emulator has no CloudWatch to measure it."""


@pytest.fixture
def resting(stack: Target) -> Iterator[Target]:
    """The stack with a limit and a reservation of 2; afterwards as it was found."""
    names = stack.stack
    stack.lambda_.put_function_concurrency(
        FunctionName=names.function_name, ReservedConcurrentExecutions=2
    )
    set_mapping(stack, enabled=False)
    yield stack
    set_mapping(stack, enabled=True)
    stack.lambda_.delete_function_concurrency(FunctionName=names.function_name)


def set_mapping(stack: Target, *, enabled: bool) -> None:
    stack.lambda_.update_event_source_mapping(
        UUID=stack.stack.event_source_mapping_id,
        Enabled=enabled,
        ScalingConfig={"MaximumConcurrency": 2},
    )


def limits(stack: Target) -> tuple[int, int]:
    """The mapping's and the function's, as AWS's API tells them."""
    names = stack.stack
    mapping = stack.lambda_.get_event_source_mapping(UUID=names.event_source_mapping_id)
    reserved = stack.lambda_.get_function_concurrency(FunctionName=names.function_name)
    return (
        mapping["ScalingConfig"]["MaximumConcurrency"],
        reserved["ReservedConcurrentExecutions"],
    )


@pytest.mark.timeout(GIVE_UP_S + 100)
def test_a_burst_of_500_raises_the_limits_and_they_come_down_when_it_is_done(
    resting: Target,
) -> None:
    jobs = [
        Job(
            job_id=f"burst-{uuid.uuid4().hex}",
            task=TASK,
            document=Document(text=f"Good kettle no. {number}, says eve{number}@example.org."),
        )
        for number in range(BURST)
    ]
    shown: list[tuple[int, int]] = []
    until_s = time.monotonic() + GIVE_UP_S

    def on_tick(_: Tick) -> None:
        shown.append(limits(resting))

    def is_over() -> bool:
        came_down = max(shown, default=(2, 2)) > (2, 2) and shown[-1] == (2, 2)
        return came_down or time.monotonic() > until_s

    with resting.producer() as producer:
        producer.submit_many(jobs)
        set_mapping(resting, enabled=True)
        Controller(
            stack=resting.stack,
            operator="alice",
            policy=POLICY,
            sqs=resting.sqs,
            dynamodb=resting.dynamodb,
            lambda_=resting.lambda_,
            cloudwatch=resting.cloudwatch,
            service_time=WARM_BATCH,
        ).run(should_stop=is_over, on_tick=on_tick, on_skip=pytest.fail, tick_s=1)
        results = producer.wait([job.job_id for job in jobs], max(1, until_s - time.monotonic()))

    assert max(shown) == (4, 4)
    assert shown[-1] == (2, 2)
    assert all(limit <= reserved for limit, reserved in shown)
    assert {result.status for result in results.values()} == {Status.SUCCEEDED}
    assert len(results) == BURST
