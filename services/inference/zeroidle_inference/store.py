"""The jobs table in DynamoDB: claims, commits, failures and releases, each one conditional write.

    queued ──claim──▶ running ──commit──▶ succeeded
      ▲                │  │ └────fail───▶ failed ──claim (a new life)──▶ running
      └────release─────┘  └─lease ran out: claim──▶ running

Laws, proved by tests/integration/inference and a state machine:

- `fence` only grows, with each claim. Commit, fail and release name it and the owner.
- `attempts` counts claims of one life of the row; a release gives its attempt back. A failed job
  that is claimed again (a redrive), and a row past its retention, begin a new life: attempts 1,
  commits 0. Only then does a claim take two writes, the second conditional on the fence seen.
- `commits` counts final writes (success or failure) of a life, so it is never above 1.
- A write whose answer was lost is recognised afterwards by its own owner and fence.

Knows nothing of queues, tasks or the engine.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from zeroidle_contract import ClaimCheck, Job, JobError, Result, Status
from zeroidle_contract import table as t
from zeroidle_contract.job import NO_TENANT
from zeroidle_contract.table import Item
from zeroidle_inference.dependency import guard
from zeroidle_inference.errors import DependencyDownError
from zeroidle_inference.expression import Update
from zeroidle_inference.holder import (
    claim_refusal,
    conflicts,
    held_by,
    lease_of,
    left_by,
    never,
    refusal_of,
)
from zeroidle_inference.lease import Lease, Refused
from zeroidle_inference.seams import Clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAY_S = 86_400


class DynamoJobStore:
    """`JobStore` on DynamoDB; results too large for an item go to S3."""

    def __init__(
        self, *, dynamodb: "DynamoDBClient", table: str, outputs: ClaimCheck, clock: Clock
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._outputs = outputs
        self._clock = clock

    def attempts(self, job_key: str) -> int:
        """Attempts of a job that has not ended: begun, and neither done nor given back."""
        item = self._read(job_key) or {}
        is_open = t.text(item, t.STATUS) in {Status.QUEUED, Status.RUNNING}
        return (t.number(item, t.ATTEMPTS) or 0) if is_open else 0

    def claim(
        self, job: Job, *, owner: str, lease_expires_at_ms: int, trace_header: str | None
    ) -> Lease | Refused:
        """Take the job. A claim of a failed or expired row takes a second write."""
        update = self._claim_update(job, owner, lease_expires_at_ms, trace_header)
        update.increment(t.FENCE)
        update.increment(t.ATTEMPTS)
        update.keep_or_zero(t.COMMITS)
        status, content = update.name(t.STATUS), update.name(t.CONTENT_SHA256)
        lease_over = f"{update.name(t.LEASE_EXPIRES_AT_MS)} <= {update.value(self._clock.now_ms())}"
        condition = (
            f"attribute_not_exists({update.name(t.JOB_KEY)}) OR ("
            f"(attribute_not_exists({content}) OR {content} = {update.value(job.content_sha256())})"
            f" AND ({status} = {update.value(Status.QUEUED.value)}"
            f" OR ({status} = {update.value(Status.RUNNING.value)} AND {lease_over})))"
        )
        item, written = self._write(
            job.key,
            update,
            condition,
            returns="UPDATED_NEW",
            mine=held_by(owner, lease_expires_at_ms),
        )
        if written and item is not None:
            return lease_of(job, item)
        if item is not None and self._begins_new_life(job, item):
            return self._claim_new_life(job, item, owner, lease_expires_at_ms, trace_header)
        return claim_refusal(job, item)

    def _claim_new_life(
        self, job: Job, seen: Item, owner: str, lease_expires_at_ms: int, trace_header: str | None
    ) -> Lease | Refused:
        update = self._claim_update(job, owner, lease_expires_at_ms, trace_header)
        fence = t.number(seen, t.FENCE) or 0
        update.set(t.FENCE, fence + 1)
        update.set(t.ATTEMPTS, 1)
        update.set(t.COMMITS, 0)
        update.remove(t.RESULT, t.RESULT_S3)
        condition = (
            f"{update.name(t.FENCE)} = {update.value(fence)} AND "
            f"{update.name(t.STATUS)} = {update.value(seen[t.STATUS]['S'])}"
        )
        item, written = self._write(
            job.key,
            update,
            condition,
            returns="UPDATED_NEW",
            mine=held_by(owner, lease_expires_at_ms),
        )
        if written and item is not None:
            return lease_of(job, item)
        return claim_refusal(job, item)

    def _claim_update(
        self, job: Job, owner: str, lease_expires_at_ms: int, trace_header: str | None
    ) -> Update:
        update = self._update(Status.RUNNING)
        update.set(t.JOB_ID, job.job_id)
        update.set(t.TASK, job.task.kind)
        update.set(t.SUBMITTED_AT, t.iso(job.submitted_at))
        update.set(t.CONTENT_SHA256, job.content_sha256())
        update.set(t.LEASE_OWNER, owner)
        update.set(t.LEASE_EXPIRES_AT_MS, lease_expires_at_ms)
        if job.tenant is not None:
            update.set(t.TENANT, job.tenant)
        if trace_header is not None:
            update.set(t.TRACE_HEADER, trace_header)
        update.remove(t.ERROR_CODE, t.ERROR, t.FAILED_AT, t.COMPLETED_AT)
        return update

    def _begins_new_life(self, job: Job, item: Item) -> bool:
        expires_at_s = t.number(item, t.EXPIRES_AT)
        if expires_at_s is not None and expires_at_s * 1000 <= self._clock.now_ms():
            return True
        return item[t.STATUS]["S"] == Status.FAILED and not conflicts(job, item)

    def commit(self, lease: Lease, result: Result) -> Refused | None:
        """Record the result, if the lease still holds."""
        update = self._update(Status.SUCCEEDED)
        body = result.model_dump_json(exclude_none=True)
        if len(body.encode()) > t.OUTPUT_INLINE_LIMIT_BYTES:
            with guard("s3"):
                claim = self._outputs.put_output(lease.tenant, lease.job_id, body)
            update.set(t.RESULT_S3, claim.model_dump_json())
        else:
            update.set(t.RESULT, body)
        if result.completed_at is not None:
            update.set(t.COMPLETED_AT, t.iso(result.completed_at))
        update.increment(t.COMMITS)
        update.remove(t.LEASE_EXPIRES_AT_MS)
        return self._write_leased(lease, update, leaves=Status.SUCCEEDED)

    def fail(self, lease: Lease, error: JobError, *, attempts: int) -> Refused | None:
        """Record the failure, if the lease still holds."""
        update = self._failure(error)
        update.set(t.ATTEMPTS, attempts)
        update.increment(t.COMMITS)
        update.remove(t.LEASE_EXPIRES_AT_MS)
        return self._write_leased(lease, update, leaves=Status.FAILED)

    def fail_unclaimed(self, job_key: str, error: JobError) -> Refused | None:
        """Record the failure of a message that is no valid job.

        A row that is running or ended well belongs to a valid job of the same id: it stays.
        """
        tenant, job_id = job_key.split("/", maxsplit=1)
        update = self._failure(error)
        update.set(t.JOB_ID, job_id)
        if tenant != NO_TENANT:
            update.set(t.TENANT, tenant)
        update.keep_or_zero(t.FENCE)
        update.keep_or_zero(t.ATTEMPTS)
        update.set(t.COMMITS, 1)
        update.remove(t.LEASE_OWNER, t.LEASE_EXPIRES_AT_MS)
        status = update.name(t.STATUS)
        condition = (
            f"attribute_not_exists({update.name(t.JOB_KEY)}) OR "
            f"{status} = {update.value(Status.QUEUED.value)} OR "
            f"{status} = {update.value(Status.FAILED.value)}"
        )
        item, written = self._write(job_key, update, condition, returns="NONE", mine=never)
        return None if written else refusal_of(item)

    def release(self, lease: Lease, *, spend_attempt: bool) -> Refused | None:
        """Give the job back, if the lease still holds."""
        update = self._update(Status.QUEUED)
        update.set(t.ATTEMPTS, lease.attempts if spend_attempt else lease.attempts - 1)
        update.remove(t.LEASE_OWNER, t.LEASE_EXPIRES_AT_MS)
        return self._write_leased(lease, update, leaves=Status.QUEUED)

    def _failure(self, error: JobError) -> Update:
        update = self._update(Status.FAILED)
        failed_at = t.iso(self._clock.now())
        update.set(t.ERROR_CODE, error.code.value)
        update.set(t.ERROR, error.model_dump_json())
        update.set(t.FAILED_AT, failed_at)
        update.set(t.COMPLETED_AT, failed_at)
        return update

    def _update(self, status: Status) -> Update:
        """A change of status, which also renews the row's retention."""
        update = Update()
        update.set(t.STATUS, status.value)
        update.set(t.EXPIRES_AT, self._clock.now_ms() // 1000 + t.RETENTION_DAYS * DAY_S)
        return update

    def _write_leased(self, lease: Lease, update: Update, *, leaves: Status) -> Refused | None:
        condition = (
            f"{update.name(t.STATUS)} = {update.value(Status.RUNNING.value)} AND "
            f"{update.name(t.FENCE)} = {update.value(lease.fence)} AND "
            f"{update.name(t.LEASE_OWNER)} = {update.value(lease.owner)}"
        )
        item, written = self._write(
            lease.job_key, update, condition, returns="NONE", mine=left_by(lease, leaves)
        )
        return None if written else refusal_of(item)

    def _write(
        self,
        job_key: str,
        update: Update,
        condition: str,
        *,
        returns: Literal["NONE", "UPDATED_NEW"],
        mine: Callable[[Item], bool],
    ) -> tuple[Item | None, bool]:
        """The row, and whether the write is in it: now, or by an earlier try (`mine`).

        botocore sends again when an answer is lost, and then the first try's effect makes the
        second one's condition fail. When all tries went unanswered, the row is read.
        """
        try:
            item, written = self._send(job_key, update, condition, returns)
        except DependencyDownError as error:
            if not error.may_have_applied:
                raise
            item, written = self._read(job_key), False
            if item is None or not mine(item):
                raise
        return item, written or (item is not None and mine(item))

    def _send(
        self, job_key: str, update: Update, condition: str, returns: Literal["NONE", "UPDATED_NEW"]
    ) -> tuple[Item | None, bool]:
        with guard("dynamodb"):
            try:
                answer = self._dynamodb.update_item(
                    TableName=self._table,
                    Key={t.JOB_KEY: {"S": job_key}},
                    ConditionExpression=condition,
                    ReturnValues=returns,
                    ReturnValuesOnConditionCheckFailure="ALL_OLD",
                    **update.arguments(),
                )
            except self._dynamodb.exceptions.ConditionalCheckFailedException as refusal:
                # The stubs do not know that a refusal can carry the row.
                found: Any = refusal.response.get("Item")
                return found, False
        return answer.get("Attributes", {}), True

    def _read(self, job_key: str) -> Item | None:
        with guard("dynamodb"):
            answer = self._dynamodb.get_item(
                TableName=self._table, Key={t.JOB_KEY: {"S": job_key}}, ConsistentRead=True
            )
        return answer.get("Item")
