"""Marks rows of jobs that SQS itself moved to the dead-letter queue.

Nobody has told such a row: it stands as queued, or as running with a lease that ran out, and a
producer would wait for ever. The write is conditional on the row that was seen, so a job that
comes to life meanwhile is left alone; the message stays where it is, for a plan to find.
"""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from zeroidle_contract import EXPLANATIONS, ErrorCode, JobError, Status, fingerprint
from zeroidle_contract import table as t
from zeroidle_ops.redrive.facts import Sighting
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_MESSAGE = "SQS moved the message to the dead-letter queue: it was received too often"
_DAY_S = 86_400


class Reconciler:
    """Writes to the jobs table."""

    def __init__(self, *, dynamodb: "DynamoDBClient", table: str, clock: Clock) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._clock = clock
        code = ErrorCode.ATTEMPTS_EXHAUSTED
        self._error = JobError(
            code=code,
            message=_MESSAGE,
            retryable=EXPLANATIONS[code].retryable,
            fingerprint=fingerprint(code, _MESSAGE),
        )

    def mark(self, sightings: Iterable[Sighting]) -> int:
        """Mark what needs it; the number of rows that were marked."""
        return sum(self._mark(sighting) for sighting in sightings if _is_orphan(sighting))

    def _mark(self, sighting: Sighting) -> bool:
        now = self._clock.now()
        job = sighting.letter.job
        assert job is not None  # noqa: S101 - an orphan has a job
        try:
            self._dynamodb.update_item(
                TableName=self._table,
                Key={t.JOB_KEY: {"S": job.key}},
                UpdateExpression="SET #status = :failed, #code = :code, #error = :error, "
                "#failed_at = :now, #completed_at = :now, #expires_at = :expires, "
                "#commits = if_not_exists(#commits, :zero) + :one REMOVE #lease_ends",
                ConditionExpression="#content = :content AND (#status = :queued OR "
                "(#status = :running AND #lease_ends <= :now_ms))",
                ExpressionAttributeNames={
                    "#status": t.STATUS,
                    "#code": t.ERROR_CODE,
                    "#error": t.ERROR,
                    "#failed_at": t.FAILED_AT,
                    "#completed_at": t.COMPLETED_AT,
                    "#expires_at": t.EXPIRES_AT,
                    "#lease_ends": t.LEASE_EXPIRES_AT_MS,
                    "#content": t.CONTENT_SHA256,
                    "#commits": t.COMMITS,
                },
                ExpressionAttributeValues={
                    ":failed": {"S": Status.FAILED},
                    ":zero": {"N": "0"},
                    ":one": {"N": "1"},
                    ":queued": {"S": Status.QUEUED},
                    ":running": {"S": Status.RUNNING},
                    ":content": {"S": job.content_sha256()},
                    ":code": {"S": self._error.code},
                    ":error": {"S": self._error.model_dump_json()},
                    ":now": {"S": t.iso(now)},
                    ":now_ms": {"N": str(int(now.timestamp() * 1000))},
                    ":expires": {"N": str(int(now.timestamp()) + t.RETENTION_DAYS * _DAY_S)},
                },
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True


def _is_orphan(sighting: Sighting) -> bool:
    return (
        sighting.letter.moved_by_sqs
        and sighting.letter.job is not None
        and sighting.status in {Status.QUEUED, Status.RUNNING}
    )
