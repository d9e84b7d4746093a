"""The jobs table: attribute names, key, index, and a row as readers see it.

One row a job. Writers (producer and consumer) change single attributes under conditions; readers
take the whole row through `JobRow.from_item`. Values are DynamoDB's low-level ones
(`{"S": ...}`), so that no AWS library is needed here.

The index `failures` is sparse: only rows with `error_code` stand in it, and a row that succeeds
later loses the attribute and leaves it. `expires_at` is the table's TTL; DynamoDB deletes up to
two days late, so conditions check it themselves.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Self

from zeroidle_contract.job import Job, S3Document
from zeroidle_contract.result import JobError, Result, Status

JOB_KEY = "job_key"
JOB_ID = "job_id"
TENANT = "tenant"
TASK = "task"
STATUS = "status"
CONTENT_SHA256 = "content_sha256"
SUBMITTED_AT = "submitted_at"
LEASE_OWNER = "lease_owner"
LEASE_EXPIRES_AT_MS = "lease_expires_at_ms"
FENCE = "fence"
ATTEMPTS = "attempts"
COMMITS = "commits"
RESULT = "result"
RESULT_S3 = "result_s3"
ERROR_CODE = "error_code"
ERROR = "error"
FAILED_AT = "failed_at"
COMPLETED_AT = "completed_at"
TRACE_HEADER = "trace_header"
EXPIRES_AT = "expires_at"

FAILURES_INDEX = "failures"
"""Hash key `error_code`, range key `failed_at` (ISO 8601), keys only."""

OUTPUT_INLINE_LIMIT_BYTES = 350 * 1024
"""Results above this go to S3; an item holds at most 400 KB."""

RETENTION_DAYS = 30
"""How long a row lives after its last change: longer than both queues' retention together (18
days), so that no message can come back to a row that is gone."""

Item = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class JobRow:
    """A row of the jobs table.

    `result` is absent when it lies in S3 (`result_s3`), and before the job ended.
    """

    job_key: str
    job_id: str
    tenant: str | None
    status: Status
    content_sha256: str
    attempts: int
    fence: int
    commits: int
    task: str | None = None
    submitted_at: datetime | None = None
    completed_at: datetime | None = None
    lease_owner: str | None = None
    lease_expires_at_ms: int | None = None
    expires_at: int | None = None
    result: Result | None = None
    result_s3: S3Document | None = None
    error: JobError | None = None
    trace_header: str | None = None

    @classmethod
    def from_item(cls, item: Item) -> Self:
        """A row from DynamoDB's low-level item."""
        raw_result = text(item, RESULT)
        raw_claim = text(item, RESULT_S3)
        raw_error = text(item, ERROR)
        return cls(
            job_key=item[JOB_KEY]["S"],
            job_id=item[JOB_ID]["S"],
            tenant=text(item, TENANT),
            status=Status(item[STATUS]["S"]),
            content_sha256=text(item, CONTENT_SHA256) or "",
            attempts=number(item, ATTEMPTS) or 0,
            fence=number(item, FENCE) or 0,
            commits=number(item, COMMITS) or 0,
            task=text(item, TASK),
            submitted_at=moment(item, SUBMITTED_AT),
            completed_at=moment(item, COMPLETED_AT),
            lease_owner=text(item, LEASE_OWNER),
            lease_expires_at_ms=number(item, LEASE_EXPIRES_AT_MS),
            expires_at=number(item, EXPIRES_AT),
            result=Result.model_validate_json(raw_result) if raw_result else None,
            result_s3=S3Document.model_validate_json(raw_claim) if raw_claim else None,
            error=JobError.model_validate_json(raw_error) if raw_error else None,
            trace_header=text(item, TRACE_HEADER),
        )

    def is_expired(self, now: datetime) -> bool:
        """True when the row only waits for DynamoDB to delete it."""
        return self.expires_at is not None and self.expires_at <= now.timestamp()

    def to_result(self) -> Result:
        """The committed result, or what is known so far."""
        if self.result is not None:
            return self.result
        return Result(
            job_id=self.job_id,
            status=self.status,
            error=self.error,
            attempts=self.attempts,
            completed_at=self.completed_at,
        )


def queued_item(job: Job, *, expires_at: int, trace_header: str | None = None) -> dict[str, Any]:
    """The row of a job that has been accepted and not yet claimed."""
    item: dict[str, Any] = {
        JOB_KEY: {"S": job.key},
        JOB_ID: {"S": job.job_id},
        TASK: {"S": job.task.kind},
        STATUS: {"S": Status.QUEUED.value},
        CONTENT_SHA256: {"S": job.content_sha256()},
        SUBMITTED_AT: {"S": iso(job.submitted_at)},
        ATTEMPTS: {"N": "0"},
        FENCE: {"N": "0"},
        COMMITS: {"N": "0"},
        EXPIRES_AT: {"N": str(expires_at)},
    }
    if job.tenant is not None:
        item[TENANT] = {"S": job.tenant}
    if trace_header is not None:
        item[TRACE_HEADER] = {"S": trace_header}
    return item


def iso(value: datetime) -> str:
    """ISO 8601 in UTC with milliseconds: it sorts as time does."""
    return value.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def text(item: Item, name: str) -> str | None:
    """A string attribute, or None where it is absent."""
    value = item.get(name)
    return str(value["S"]) if value is not None else None


def number(item: Item, name: str) -> int | None:
    """An integer attribute, or None where it is absent."""
    value = item.get(name)
    return int(value["N"]) if value is not None else None


def moment(item: Item, name: str) -> datetime | None:
    """An ISO 8601 attribute as a datetime, or None where it is absent."""
    value = text(item, name)
    return datetime.fromisoformat(value) if value is not None else None
