"""Environments of the real function, warmed before the work comes."""

import uuid

import pytest

from zeroidle_contract import Classify, Document, Job, Status
from zeroidle_ops.prewarm.errors import AliasError, RoomError
from zeroidle_ops.prewarm.warmup import WarmUps
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock

pytestmark = [pytest.mark.emulator, pytest.mark.model]

TIMEOUT_S = 120


def warm_ups(stack: Target) -> WarmUps:
    return WarmUps(
        stack=stack.stack,
        sqs=stack.sqs,
        lambda_=stack.lambda_,
        invoker=stack.invoker,
        clock=SystemClock(),
    )


@pytest.mark.timeout(TIMEOUT_S + 60)
def test_two_distinct_environments_become_warm_and_the_next_batch_waits_for_no_model(
    stack: Target,
) -> None:
    warmed = warm_ups(stack).warm(2, timeout_s=TIMEOUT_S, usd_per_second=0.0001)
    job = Job(
        job_id=f"warm-{uuid.uuid4().hex}",
        task=Classify(labels=("good", "bad")),
        document=Document(text="The kettle boils fast."),
    )
    with stack.producer() as producer:
        producer.submit(job)
        result = producer.wait([job.job_id], TIMEOUT_S)[job.job_id]

    assert len({one.environment_id for one in warmed.environments}) == 2
    assert all(one.init_ms > 0 for one in warmed.environments)
    assert warmed.is_complete
    assert 0 < warmed.cost_usd < 0.1
    assert result.status == Status.SUCCEEDED
    assert result.timings.cold_start_ms == 0


def test_more_than_is_reserved_is_refused_before_anything_is_invoked(stack: Target) -> None:
    names = stack.stack
    stack.lambda_.put_function_concurrency(
        FunctionName=names.function_name, ReservedConcurrentExecutions=2
    )
    try:
        with pytest.raises(RoomError, match="leaves room for 2 held invocations"):
            warm_ups(stack).warm(3, timeout_s=5, usd_per_second=0)
    finally:
        stack.lambda_.delete_function_concurrency(FunctionName=names.function_name)


def test_a_function_without_the_alias_is_named(stack: Target) -> None:
    without = stack.stack.model_copy(update={"alias_name": "gone"})
    ups = WarmUps(
        stack=without,
        sqs=stack.sqs,
        lambda_=stack.lambda_,
        invoker=stack.invoker,
        clock=SystemClock(),
    )

    with pytest.raises(AliasError, match="has no alias 'gone'"):
        ups.warm(1, timeout_s=5, usd_per_second=0)
