"""What the scaler has set outlives an update of the stack (ADR 0011)."""

import time

import pytest

from zeroidle_ops.scale.actuator import Actuator
from zeroidle_ops.stack.deploy import compact
from zeroidle_ops.stack.local_deployment import scheduled_functions_zip
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock

pytestmark = pytest.mark.emulator


def update(target: Target, **changed: str) -> None:
    described = target.cloudformation.describe_stacks(StackName=target.stack_name)["Stacks"][0]
    target.cloudformation.update_stack(
        StackName=target.stack_name,
        TemplateBody=compact(),
        Parameters=[
            {"ParameterKey": key, "ParameterValue": changed.get(key, value)}
            for one in described["Parameters"]
            for key, value in [(one["ParameterKey"], one["ParameterValue"])]
        ],
        Capabilities=["CAPABILITY_IAM"],
    )
    give_up_s = time.monotonic() + 60
    while (status := _status(target)) == "UPDATE_IN_PROGRESS":
        assert time.monotonic() < give_up_s
        time.sleep(0.2)
    assert status.startswith("UPDATE_COMPLETE")


def _status(target: Target) -> str:
    return target.cloudformation.describe_stacks(StackName=target.stack_name)["Stacks"][0][
        "StackStatus"
    ]


def scheduled_functions(target: Target) -> str:
    target.s3.put_object(
        Bucket="zeroidle-local-code", Key="scheduled.zip", Body=scheduled_functions_zip()
    )
    return "scheduled.zip"


def test_an_update_of_the_mapping_leaves_the_limit_that_the_scaler_set(target: Target) -> None:
    update(target, OpsCodeKey=scheduled_functions(target), Scaler="true")
    actuator = Actuator(stack=target.stack, lambda_=target.lambda_, clock=SystemClock())
    actuator.set_limit(7, reserved=None, running=0)

    update(target, BatchSize="5")

    mapping = target.lambda_.get_event_source_mapping(UUID=target.stack.event_source_mapping_id)
    try:
        assert mapping["BatchSize"] == 5
        assert mapping["ScalingConfig"] == {"MaximumConcurrency": 7}
    finally:
        update(target, BatchSize="10", OpsCodeKey="", Scaler="false")
