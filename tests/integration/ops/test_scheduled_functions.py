"""Scaler and watch as functions of a stack: from the Zip, with their roles, on the emulator."""

import json
from datetime import UTC, datetime
from typing import Any

import pytest
from assumed_role import AssumedRole, role_arn
from deployed_world import CODE_BUCKET, World

from zeroidle_ops.observe.scaler import RULE, read_scaler
from zeroidle_ops.observe.snapshot import Scaler
from zeroidle_ops.stack.local_deployment import scheduled_functions_zip
from zeroidle_ops.stack.target import Target

pytestmark = pytest.mark.emulator

KEY = "scheduled.zip"


def physical(target: Target, logical_id: str) -> str:
    return target.cloudformation.describe_stack_resource(
        StackName=target.stack_name, LogicalResourceId=logical_id
    )["StackResourceDetail"].get("PhysicalResourceId", "")


def invoke(target: Target, logical_id: str) -> Any:
    function = physical(target, logical_id)
    answer: Any = target.lambda_.invoke(FunctionName=function, Payload=b"{}")
    payload = json.loads(answer["Payload"].read())
    assert "FunctionError" not in answer, payload
    return payload


def limit(target: Target) -> int:
    mapping = target.lambda_.get_event_source_mapping(UUID=target.stack.event_source_mapping_id)
    return mapping["ScalingConfig"]["MaximumConcurrency"]


@pytest.fixture
def scheduled(world: World) -> World:
    """A stack with both functions."""
    world.code("one")
    world.target.s3.put_object(Bucket=CODE_BUCKET, Key=KEY, Body=scheduled_functions_zip())
    world.create("one", OpsCodeKey=KEY, Scaler="true")
    return world


def test_what_the_scaler_function_has_set_survives_an_update_of_everything_around_it(
    scheduled: World,
) -> None:
    target = scheduled.target
    told = invoke(target, "ScalerFunction")
    assert limit(target) == told["target"]
    target.lambda_.update_event_source_mapping(
        UUID=target.stack.event_source_mapping_id, ScalingConfig={"MaximumConcurrency": 7}
    )

    scheduled.apply(**scheduled.code("two"), BatchSize="5")

    assert limit(target) == 7
    assert invoke(target, "ScalerFunction")["limit"] == 7
    assert scheduled.served_by() == "two"


def test_its_ticks_are_told_to_who_looks(scheduled: World) -> None:
    operator = AssumedRole(scheduled.target, role_arn(scheduled.target, "OperatorRole")).target
    before = read_scaler(operator)

    invoke(scheduled.target, "ScalerFunction")

    ticked = read_scaler(operator)
    scheduled.target.events.disable_rule(Name=physical(scheduled.target, RULE))
    disabled = read_scaler(operator)
    operator.close()
    assert before == Scaler(is_scheduled=True, ticked_at=None)
    assert ticked.is_scheduled
    assert ticked.ticked_at is not None
    assert not ticked.is_stale(datetime.now(UTC))
    assert disabled == Scaler(is_scheduled=False, ticked_at=ticked.ticked_at)


def test_the_scaler_is_turned_off_by_its_rule_and_an_update_leaves_it_off(
    scheduled: World,
) -> None:
    """As docs/scaling.md says for three in the morning."""
    target = scheduled.target
    events = target.session.client("events", endpoint_url=target.endpoint)
    rule = f"{target.stack_name}-scaler"
    assert events.describe_rule(Name=rule)["State"] == "ENABLED"

    events.disable_rule(Name=rule)
    scheduled.apply(**scheduled.code("two"), BatchSize="5")

    assert events.describe_rule(Name=rule)["State"] == "DISABLED"
    events.close()


def test_the_watch_looks_at_the_dead_letters(scheduled: World) -> None:
    target = scheduled.target
    url = target.stack.dead_letter_queue_url
    target.sqs.send_message(QueueUrl=url, MessageBody="a dead letter")

    invoke(target, "WatchFunction")

    seen = target.sqs.receive_message(
        QueueUrl=url,
        WaitTimeSeconds=5,
        MessageSystemAttributeNames=["ApproximateReceiveCount"],
    )["Messages"]
    assert [one["Attributes"]["ApproximateReceiveCount"] for one in seen] == ["2"]
