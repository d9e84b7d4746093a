"""The watch over expiring dead letters: a scheduled function that writes one metric.

CloudWatch's age of a dead-letter queue counts from the move to it; SQS deletes by the first
sending. So the function looks itself and writes `zeroidle_dead_letter_expires_in_seconds` as a log
line in CloudWatch's embedded metric format. An empty queue counts as the whole retention.
"""

import json
import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import boto3

from zeroidle_contract import Stack
from zeroidle_ops.observe.peek import is_redriving, peek

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

METRIC = "zeroidle_dead_letter_expires_in_seconds"
RETENTION_S = 1_209_600


def look(
    environ: Mapping[str, str], *, sqs: "SQSClient", dynamodb: "DynamoDBClient"
) -> dict[str, Any] | None:
    """The metric's line; None while a redrive holds the queue, which is left alone."""
    arn = environ["ZEROIDLE_DEAD_LETTER_QUEUE_ARN"]
    # The function has no way to CloudFormation, so it is told the few names that a look needs.
    names: dict[str, Any] = {
        "queue_url": environ["ZEROIDLE_QUEUE_URL"],
        "dead_letter_queue_url": environ["ZEROIDLE_DEAD_LETTER_QUEUE_URL"],
        "dead_letter_queue_arn": arn,
        "ops_table_name": environ["ZEROIDLE_OPS_TABLE"],
    }
    stack = Stack.model_construct(**names)
    if is_redriving(dynamodb, stack, now=datetime.now(UTC)):
        return None
    letters = peek(sqs, stack, now_s=time.time)
    left_s = RETENTION_S if letters.expires_in_s is None else max(0, round(letters.expires_in_s))
    return {
        "_aws": {
            "Timestamp": int(time.time() * 1000),
            "CloudWatchMetrics": [
                {
                    "Namespace": "zeroidle",
                    "Dimensions": [["QueueName"]],
                    "Metrics": [{"Name": METRIC, "Unit": "Seconds"}],
                }
            ],
        },
        "QueueName": arn.rsplit(":", 1)[1],
        METRIC: left_s,
        "seen": letters.seen,
        "is_partial": letters.is_partial,
    }


def handler(_: Mapping[str, Any], __: object) -> None:
    """Answer the schedule."""
    line = look(os.environ, sqs=boto3.client("sqs"), dynamodb=boto3.client("dynamodb"))
    if line is not None:
        print(json.dumps(line))  # noqa: T201 - a log line is how the metric leaves
