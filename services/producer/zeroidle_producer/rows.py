"""The producer's writes and reads in the jobs table. Knows nothing of queue and bucket."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from random import Random
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from zeroidle_contract import Job, JobRow, Status
from zeroidle_contract.table import (
    COMPLETED_AT,
    CONTENT_SHA256,
    ERROR,
    ERROR_CODE,
    EXPIRES_AT,
    FAILED_AT,
    FENCE,
    JOB_KEY,
    LEASE_EXPIRES_AT_MS,
    LEASE_OWNER,
    RESULT,
    RESULT_S3,
    RETENTION_DAYS,
    STATUS,
    iso,
    queued_item,
)
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import KeysAndAttributesTypeDef

READ_KEYS = 100
"""BatchGetItem's limit."""

READ_ATTEMPTS = 5
BACKOFF_S = 0.05

CANCELLABLE = (Status.QUEUED, Status.RUNNING, Status.FAILED)


class JobRows:
    """The jobs table as a producer uses it. A row that only waits for deletion counts as none."""

    def __init__(
        self, *, dynamodb: "DynamoDBClient", table: str, clock: Clock, random: Random
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._random = random

    def record(self, job: Job, *, trace_header: str | None) -> JobRow | None:
        """Record a job as queued; None when done, else the row that already stands there.

        A row without content was left by a message that was no valid job, and was never claimed:
        the job that was meant may take its place.
        """
        now = self._clock.now()
        try:
            self._dynamodb.put_item(
                TableName=self._table,
                Item=queued_item(job, expires_at=_expiry(now), trace_header=trace_header),
                ConditionExpression=(
                    f"attribute_not_exists({JOB_KEY}) OR attribute_not_exists({CONTENT_SHA256}) "
                    f"OR {EXPIRES_AT} <= :now"
                ),
                ExpressionAttributeValues={":now": {"N": str(int(now.timestamp()))}},
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            return _standing_row(error)
        return None

    def cancel(self, key: str) -> Status | None:
        """Cancel a job that has not ended in success; the status that stands, None without a row.

        The fence grows, so that the commit of a run under way fails.
        """
        now = self._clock.now()
        names = {"#status": STATUS}
        removed = (
            ERROR_CODE, ERROR, FAILED_AT, RESULT, RESULT_S3, LEASE_OWNER, LEASE_EXPIRES_AT_MS,
        )  # fmt: skip
        for name in removed:
            names[f"#{name}"] = name
        allowed = {f":from_{status}": {"S": status.value} for status in CANCELLABLE}
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={JOB_KEY: {"S": key}},
                UpdateExpression=(
                    f"SET #status = :cancelled, {COMPLETED_AT} = :at, {EXPIRES_AT} = :expires_at, "
                    f"{FENCE} = {FENCE} + :one REMOVE {', '.join(f'#{name}' for name in removed)}"
                ),
                ConditionExpression=f"#status IN ({', '.join(allowed)}) AND {EXPIRES_AT} > :now",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={
                    ":cancelled": {"S": Status.CANCELLED.value},
                    ":at": {"S": iso(now)},
                    ":expires_at": {"N": str(_expiry(now))},
                    ":one": {"N": "1"},
                    ":now": {"N": str(int(now.timestamp()))},
                    **allowed,
                },
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            standing = _standing_row(error)
            return None if standing is None or standing.is_expired(now) else standing.status
        return Status.CANCELLED

    def read(self, key: str) -> JobRow | None:
        """A job's row as of now (strongly consistent)."""
        response = self._dynamodb.get_item(
            TableName=self._table, Key={JOB_KEY: {"S": key}}, ConsistentRead=True
        )
        row = JobRow.from_item(response["Item"]) if "Item" in response else None
        return None if row is None or row.is_expired(self._clock.now()) else row

    def read_many(self, keys: Sequence[str]) -> list[JobRow]:
        """The rows of at most `READ_KEYS` jobs, in any order, eventually consistent.

        DynamoDB may leave keys out (16 MB a call, throttling): they are asked for again,
        `READ_ATTEMPTS` times in all. What is still missing then looks like a job without a row.
        """
        rows: list[JobRow] = []
        request: dict[str, KeysAndAttributesTypeDef] = {
            self._table: {"Keys": [{JOB_KEY: {"S": key}} for key in keys]}
        }
        for attempt in range(READ_ATTEMPTS):
            if attempt:
                self._clock.sleep(self._random.uniform(0, BACKOFF_S * 2**attempt))
            response = self._dynamodb.batch_get_item(RequestItems=request)
            rows += map(JobRow.from_item, response["Responses"].get(self._table, []))
            unprocessed = response.get("UnprocessedKeys", {})
            if not unprocessed:
                break
            request = {self._table: {"Keys": unprocessed[self._table]["Keys"]}}
        now = self._clock.now()
        return [row for row in rows if not row.is_expired(now)]


def _expiry(now: datetime) -> int:
    return int((now + timedelta(days=RETENTION_DAYS)).timestamp())


def _standing_row(error: ClientError) -> JobRow | None:
    """The row that a failed condition met, None where there is none; raises any other error."""
    if error.response.get("Error", {}).get("Code") != "ConditionalCheckFailedException":
        raise error
    item: Any = error.response.get("Item")
    return JobRow.from_item(item) if item else None
