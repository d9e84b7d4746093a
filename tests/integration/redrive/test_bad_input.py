"""What a redrive refuses, and that the refusal says what is wrong."""

import gzip
import io
import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.awsrequest import AWSResponse
from botocore.compat import HTTPHeaders
from botocore.exceptions import ClientError
from redrive_world import QUICK, World, make_job

from emulator import Emulator
from zeroidle_ops.errors import explain
from zeroidle_ops.redrive import (
    FilterError,
    NothingToDoError,
    PlanAlteredError,
    PlanNotFoundError,
    PlanUnusableError,
    QueueRefusedError,
)

pytestmark = pytest.mark.emulator


class RawBody(io.BytesIO):
    """A response's body as botocore reads it."""

    def stream(self, **_: object) -> Iterator[bytes]:
        yield self.read()


class ClockAhead:
    """A clock that is some days ahead."""

    def __init__(self, days: int) -> None:
        self._ahead = timedelta(days=days)

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic_s(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None:
        raise AssertionError


@pytest.fixture
def fifo_url(emulator: Emulator) -> Iterator[str]:
    url = emulator.sqs.create_queue(
        QueueName=f"test-{uuid.uuid4().hex[:8]}.fifo", Attributes={"FifoQueue": "true"}
    )["QueueUrl"]
    yield url
    emulator.sqs.delete_queue(QueueUrl=url)


def test_a_queue_that_is_no_dead_letter_queue(world: World) -> None:
    wrong = world.redrive(
        source_url=world.stack.queue_url, destination_url=world.stack.dead_letter_queue_url
    )

    with pytest.raises(QueueRefusedError, match=r"is not the dead-letter queue of .*it has none"):
        wrong.inspect()


def test_a_fifo_queue_and_why(world: World, fifo_url: str) -> None:
    with pytest.raises(QueueRefusedError, match="is a FIFO queue: a scan would block"):
        world.redrive(source_url=fifo_url).inspect()


def test_a_destination_that_does_not_exist(world: World) -> None:
    gone = world.stack.queue_url + "-gone"

    with pytest.raises(QueueRefusedError, match=r"destination .*-gone does not exist"):
        world.redrive(destination_url=gone).plan(reason="try")


def test_an_empty_queue(world: World) -> None:
    with pytest.raises(NothingToDoError, match="is empty"):
        world.redrive().inspect()


def test_a_filter_that_matches_nothing(world: World) -> None:
    world.fail([make_job("a")])

    with pytest.raises(NothingToDoError, match="none of the 1 messages matches"):
        world.redrive().plan(where="tenant == 'nobody'", reason="try")
    assert world.depth() == (1, 0)


@pytest.mark.parametrize("where", ["code ==", "cod == 'internal'", 'code == "internal"'])
def test_a_filter_that_does_not_parse_or_names_no_field(world: World, where: str) -> None:
    with pytest.raises(FilterError):
        world.redrive().plan(where=where, reason="try")


def test_a_filter_that_fails_leaves_everything_visible(world: World) -> None:
    world.fail([make_job("a")])

    with pytest.raises(FilterError, match="the filter fails"):
        world.redrive().plan(where="length(age_s) > `1`", reason="try")
    assert world.depth() == (1, 0)


def test_no_permission_to_receive(world: World) -> None:
    world.fail([make_job("a")])
    event = "before-send.sqs.ReceiveMessage"

    def deny(**_: Any) -> Any:
        body = json.dumps({"__type": "AccessDenied", "message": "not authorized"}).encode()
        return AWSResponse(world.stack.queue_url, 403, HTTPHeaders(), RawBody(body))

    world.sqs.meta.events.register(event, deny)
    try:
        with pytest.raises(ClientError) as caught:
            world.redrive().inspect()
    finally:
        world.sqs.meta.events.unregister(event, deny)

    assert explain(caught.value) == (
        "AWS denies ReceiveMessage: not authorized; ask for a role that allows it"
    )
    assert world.redrive("bob").inspect().messages == 1  # the lock is free again


def test_a_plan_that_is_not_there(world: World) -> None:
    with pytest.raises(PlanNotFoundError, match="there is no plan '20200101-000000-000000'"):
        world.redrive().apply("20200101-000000-000000")


def edit(world: World, key: str, change: Any) -> None:
    body = world.s3.get_object(Bucket=world.stack.bucket_name, Key=key)["Body"].read()
    world.s3.put_object(Bucket=world.stack.bucket_name, Key=key, Body=change(body))


def test_a_plan_edited_by_hand(world: World) -> None:
    world.fail([make_job("a")])
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")
    edit(
        world,
        f"redrive/plans/{plan.plan_id}/plan.json",
        lambda body: body.replace(b'"reason": "fixed"', b'"reason": "other"'),
    )

    with pytest.raises(PlanAlteredError, match="its hash does not fit"):
        redrive.apply(plan.plan_id, pace=QUICK)
    assert world.depth() == (1, 0)


def test_a_plan_edited_with_care_for_its_hash(world: World) -> None:
    world.fail([make_job("a")])
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")
    forged = plan.model_copy(update={"reason": "other"}).sealed()
    edit(
        world,
        f"redrive/plans/{plan.plan_id}/plan.json",
        lambda _: forged.model_dump_json().encode(),
    )

    with pytest.raises(PlanAlteredError, match="not the one in the ledger"):
        redrive.apply(plan.plan_id, pace=QUICK)


def test_a_plan_whose_entries_were_edited(world: World) -> None:
    world.fail([make_job("a")])
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")

    def other_id(body: bytes) -> bytes:
        entry = json.loads(gzip.decompress(body))
        return gzip.compress(json.dumps({**entry, "message_id": "other"}).encode())

    edit(world, plan.parts[0].key, other_id)

    with pytest.raises(PlanAlteredError, match=r"the hash of .* differs"):
        redrive.apply(plan.plan_id, pace=QUICK)


def test_a_plan_older_than_a_message_can_be(world: World) -> None:
    world.fail([make_job("a")])
    plan = world.redrive().plan(reason="fixed")

    with pytest.raises(PlanUnusableError, match="nothing of it can be left"):
        world.redrive(clock=ClockAhead(days=15)).apply(plan.plan_id)


def test_a_plan_whose_messages_are_gone(world: World) -> None:
    world.fail([make_job("a")])
    redrive = world.redrive()
    plan = redrive.plan(reason="fixed")
    list(world.receive(world.stack.dead_letter_queue_url))
    world.fail([make_job("b")])

    with pytest.raises(NothingToDoError, match="none of the 1 messages that are left"):
        redrive.apply(plan.plan_id, pace=QUICK)
    assert world.depth() == (1, 0)
