"""Finding a stack by its name."""

from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from zeroidle_contract import Stack, StackNotFoundError

OUTPUTS = {
    "QueueUrl": "https://queue",
    "QueueArn": "arn:queue",
    "DeadLetterQueueUrl": "https://dlq",
    "DeadLetterQueueArn": "arn:dlq",
    "JobsTableName": "jobs",
    "OpsTableName": "ops",
    "BucketName": "bucket",
    "FunctionName": "function",
    "AliasName": "live",
    "AliasArn": "arn:live",
    "EventSourceMappingId": "mapping",
    "LogGroupName": "logs",
}


class CloudFormation:
    """A client that knows one stack, or fails."""

    exceptions = SimpleNamespace(ClientError=ClientError)

    def __init__(self, outputs: dict[str, str] | None, error_code: str = "ValidationError") -> None:
        self._outputs = outputs
        self._error_code = error_code

    def describe_stacks(self, *, StackName: str) -> dict[str, Any]:  # noqa: N803
        if self._outputs is None:
            raise ClientError({"Error": {"Code": self._error_code}}, "DescribeStacks")
        outputs = [{"OutputKey": key, "OutputValue": val} for key, val in self._outputs.items()]
        return {"Stacks": [{"StackStatus": "CREATE_COMPLETE", "Outputs": outputs}]}


def read(client: CloudFormation) -> Stack:
    return Stack.read(client, "house")  # type: ignore[arg-type]


def test_a_stack_is_read_from_its_outputs_and_others_are_ignored() -> None:
    stack = read(CloudFormation({**OUTPUTS, "SomethingElse": "x"}))

    assert stack.dead_letter_queue_url == "https://dlq"
    assert stack.alias_name == "live"


def test_a_stack_that_does_not_exist_is_named() -> None:
    with pytest.raises(StackNotFoundError, match="there is no stack named 'house'"):
        read(CloudFormation(None))


def test_a_stack_of_somebody_else_is_refused_with_the_missing_outputs() -> None:
    outputs = {key: val for key, val in OUTPUTS.items() if key not in {"QueueUrl", "AliasArn"}}

    with pytest.raises(StackNotFoundError, match=r"outputs of zeroidle: AliasArn, QueueUrl$"):
        read(CloudFormation(outputs))


def test_other_errors_pass_through() -> None:
    with pytest.raises(ClientError, match="AccessDenied"):
        read(CloudFormation(None, error_code="AccessDenied"))
