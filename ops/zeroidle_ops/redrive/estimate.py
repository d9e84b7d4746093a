"""What a redrive will cost and how long it will take, before anybody does it.

Requests are priced from the dated list. Inference is priced from a sample of this stack's own
finished jobs; without one it is not guessed.
"""

import json
import math
from typing import TYPE_CHECKING

from zeroidle_contract import Prices, Status
from zeroidle_contract import table as t
from zeroidle_ops.redrive.brake import Pace
from zeroidle_ops.redrive.plan import Estimate

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SAMPLED_ROWS = 500

# For each message: a receive, a send and a delete, ten in a request; a consistent read of its row
# (a hundred in a call, but each a read); the ledger's three writes and the archive's object are
# shared by hundreds. The consumer then receives and deletes it, and writes its row twice.
_SQS_REQUESTS = 0.3 + 0.2
_READS = 1.0
_WRITES = 2.0 + 0.02


def estimate(
    messages: int, *, pace: Pace, prices: Prices, dynamodb: "DynamoDBClient", jobs_table: str
) -> Estimate:
    """Cost in USD and time in seconds for so many messages."""
    gb_seconds, sampled = _sample(dynamodb, jobs_table)
    requests_usd = (
        messages
        * (
            _SQS_REQUESTS * prices.sqs.million_requests
            + _READS * prices.dynamodb.million_reads
            + _WRITES * prices.dynamodb.million_writes
        )
        / 1e6
    )
    price = prices.aws_lambda.arm64_gb_second
    return Estimate(
        rate_per_s=pace.rate_per_s,
        seconds=round(_seconds(messages, pace), 1),
        requests_usd=requests_usd,
        inference_usd=messages * gb_seconds / sampled * price if sampled else None,
        sampled_jobs=sampled,
    )


def _seconds(messages: int, pace: Pace) -> float:
    """The ramp doubles each window: windows until full speed, then the rest at full speed."""
    ramp = math.ceil(math.log2(pace.rate_per_s / pace.first_rate_per_s))
    left, seconds = float(messages), 0.0
    for step in range(ramp):
        rate = math.ldexp(pace.first_rate_per_s, step)
        if left <= rate * pace.window_s:
            return seconds + left / rate
        left -= rate * pace.window_s
        seconds += pace.window_s
    return seconds + left / pace.rate_per_s


def _sample(dynamodb: "DynamoDBClient", jobs_table: str) -> tuple[float, int]:
    """GB-seconds of some finished jobs, and how many: one page of the table, whatever its size."""
    items = dynamodb.scan(
        TableName=jobs_table,
        Limit=SAMPLED_ROWS,
        FilterExpression="#status = :succeeded AND attribute_exists(#result)",
        ProjectionExpression="#result",
        ExpressionAttributeNames={"#status": t.STATUS, "#result": t.RESULT},
        ExpressionAttributeValues={":succeeded": {"S": Status.SUCCEEDED}},
    )["Items"]
    seconds = [json.loads(item[t.RESULT]["S"]).get("gb_seconds", 0.0) for item in items]
    return float(sum(seconds)), len(seconds)
