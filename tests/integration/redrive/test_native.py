"""The native move task, against LocalStack's SQS (the other emulator has none)."""

import os
import time
import uuid
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from redrive_world import QUICK, TRACE, World, make_job

from emulator import Emulator
from zeroidle_ops.redrive import MoveTask, MoveTaskError, NothingToDoError
from zeroidle_ops.redrive.bench.localstack import LocalStackSqs

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

pytestmark = pytest.mark.emulator

PYTHON = Path(__file__).parents[3] / "build" / "localstack" / "bin" / "python"


@pytest.fixture(scope="module")
def localstack() -> Iterator["SQSClient"]:
    """LocalStack's SQS; without it, tests are skipped on a laptop and fail in CI."""
    if not PYTHON.exists():
        reason = "LocalStack is not installed: run `make localstack`"
        if os.environ.get("CI") == "true":
            pytest.fail(reason)
        pytest.skip(reason)
    session = boto3.session.Session(
        aws_access_key_id="test", aws_secret_access_key="test", region_name="us-east-1"
    )
    with LocalStackSqs(PYTHON) as running:
        client = session.client("sqs", endpoint_url=running.url)
        yield client
        client.close()


@pytest.fixture
def deep_world(world: World, localstack: "SQSClient") -> World:
    """A world whose queues are LocalStack's."""
    name = f"test-{uuid.uuid4().hex[:8]}"
    dlq_url = localstack.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    dlq_arn = localstack.get_queue_attributes(QueueUrl=dlq_url, AttributeNames=["QueueArn"])[
        "Attributes"
    ]["QueueArn"]
    queue_url = localstack.create_queue(
        QueueName=name,
        Attributes={
            "RedrivePolicy": f'{{"deadLetterTargetArn":"{dlq_arn}","maxReceiveCount":"50"}}'
        },
    )["QueueUrl"]
    stack = world.stack.model_copy(
        update={
            "queue_url": queue_url,
            "dead_letter_queue_url": dlq_url,
            "dead_letter_queue_arn": dlq_arn,
        }
    )
    return replace(world, sqs=localstack, stack=stack)


def fill(world: World, count: int) -> None:
    for start in range(0, count, 10):
        world.sqs.send_message_batch(
            QueueUrl=world.stack.dead_letter_queue_url,
            Entries=[
                {"Id": str(index), "MessageBody": f"letter {start + index}"}
                for index in range(min(10, count - start))
            ],
        )


def test_the_native_task_moves_everything(deep_world: World) -> None:
    fill(deep_world, 30)

    task = deep_world.redrive().move_natively(rate_per_s=500)

    assert task.status == "COMPLETED"
    bodies = sorted(message["Body"] for message in deep_world.receive())
    assert bodies == sorted(f"letter {number}" for number in range(30))


def test_a_stop_cancels_the_task_and_leaves_the_rest(deep_world: World) -> None:
    fill(deep_world, 60)
    seen: list[MoveTask] = []

    task = deep_world.redrive().move_natively(
        rate_per_s=5, on_progress=seen.append, should_stop=lambda: len(seen) >= 2
    )

    assert task.status == "CANCELLED"
    time.sleep(0.5)
    moved, left = deep_world.depth(deep_world.stack.queue_url)[0], deep_world.depth()[0]
    assert 0 < moved < 60
    assert moved + left == 60


def test_an_empty_queue_has_nothing_to_move(deep_world: World) -> None:
    with pytest.raises(NothingToDoError, match="is empty"):
        deep_world.redrive().move_natively()


@pytest.mark.parametrize("rate", [0, 501])
def test_a_rate_beyond_what_sqs_allows_is_refused(deep_world: World, rate: int) -> None:
    fill(deep_world, 1)

    with pytest.raises(MoveTaskError, match="1 to 500"):
        deep_world.redrive().move_natively(rate_per_s=rate)


def test_an_endpoint_without_move_tasks_is_named(world: World, emulator: Emulator) -> None:
    fill(world, 1)

    with pytest.raises(MoveTaskError, match="did not start"):
        world.redrive().move_natively()


def test_a_planned_redrive_works_there_too_and_keeps_the_trace(deep_world: World) -> None:
    deep_world.fail([make_job(f"job-{number}") for number in range(12)])
    redrive = deep_world.redrive()
    plan = redrive.plan(reason="fixed")

    redrive.apply(plan.plan_id, pace=QUICK)

    traces = [message["Attributes"].get("AWSTraceHeader") for message in deep_world.receive()]
    assert traces == [TRACE] * 12
