"""Forgets a job: its result and every private thing in its row, its documents and outputs in S3.

What stays for a while is a tombstone, the bare id marked as cancelled: a message of the job that is
still on its way would otherwise bring the row back, and run. It is gone when nothing can come back
any more. Messages themselves cannot be taken out of a queue by id; what may still hold the text is
told.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from zeroidle_contract import Status, job_key, tenant_prefix
from zeroidle_contract import table as t
from zeroidle_ops.errors import JobNotFoundError, OpsError
from zeroidle_ops.stack.target import Target

FOLDERS = ("documents", "outputs")
KEYS_PER_CALL = 1000

LATEST_RETURN = timedelta(days=19)
"""Longer than a message can take to come back: 4 days in the queue, then 14 in the other one."""

PRIVATE = (
    t.CONTENT_SHA256,
    t.ERROR,
    t.ERROR_CODE,
    t.FAILED_AT,
    t.LEASE_EXPIRES_AT_MS,
    t.LEASE_OWNER,
    t.RESULT,
    t.RESULT_S3,
    t.SUBMITTED_AT,
    t.TASK,
    t.TRACE_HEADER,
)
"""Everything but the id, its tenant and the counters."""


class NotForgottenError(OpsError):
    """Some objects of the job could not be deleted."""


@dataclass(frozen=True, kw_only=True)
class Forgotten:
    """What was done. `before` is the job's state until then, None where it had no row.

    `runs_until` is the end of the lease of a run under way: until then it may still write an
    output to S3, though it can no longer commit it.
    """

    job_key: str
    before: Status | None
    objects: int
    tombstone_until: datetime
    runs_until: datetime | None

    @property
    def still_holding(self) -> str | None:
        """What else may hold the document's text, in a sentence for readers."""
        match self.before:
            case Status.QUEUED | Status.RUNNING:
                return "its message in the queue, which is dropped when it next comes up"
            case Status.FAILED:
                return "its dead letter: see `zeroidle redrive inspect`, then plan and discard"
            case _:
                return None


def forget(target: Target, job_id: str, *, tenant: str | None, now: datetime) -> Forgotten:
    """Forget a job in whatever state it is. Doing it again finds what came since.

    Raises:
        JobNotFoundError: there is neither a row nor an object of it.
        NotForgottenError: S3 refused to delete some objects.
    """
    key = job_key(tenant, job_id)
    keys = _objects(target, job_id, tenant)
    found = target.dynamodb.get_item(
        TableName=target.stack.jobs_table_name, Key={t.JOB_KEY: {"S": key}}, ConsistentRead=True
    ).get("Item")
    if found is None and not keys:
        whose = f"of tenant {tenant!r}" if tenant else "without tenant (is --tenant missing?)"
        raise JobNotFoundError(
            f"there is no job {job_id!r} {whose} in stack {target.stack_name!r}: "
            "neither a row nor an object"
        )
    # Not as a whole row: what cannot be read must be forgotten, too.
    status = Status(found[t.STATUS]["S"]) if found is not None else None
    until = now + LATEST_RETURN
    # The row goes first: from then on no run can commit, and so point to an object.
    _bury(target, key, job_id, tenant, until)
    keys = _objects(target, job_id, tenant)
    _delete(target, keys)
    return Forgotten(
        job_key=key,
        before=status,
        objects=len(keys),
        tombstone_until=until,
        runs_until=_lease_end(found) if status is Status.RUNNING else None,
    )


def _lease_end(item: t.Item | None) -> datetime | None:
    ends_ms = t.number(item, t.LEASE_EXPIRES_AT_MS) if item is not None else None
    return datetime.fromtimestamp(ends_ms / 1000, UTC) if ends_ms is not None else None


def _bury(target: Target, key: str, job_id: str, tenant: str | None, until: datetime) -> None:
    """Leave the bare id, cancelled; the fence grows as with every change of holder."""
    sets = {
        t.STATUS: {"S": Status.CANCELLED.value},
        t.JOB_ID: {"S": job_id},
        t.EXPIRES_AT: {"N": str(int(until.timestamp()))},
    }
    if tenant is not None:
        sets[t.TENANT] = {"S": tenant}
    target.dynamodb.update_item(
        TableName=target.stack.jobs_table_name,
        Key={t.JOB_KEY: {"S": key}},
        UpdateExpression=(
            f"SET {', '.join(f'#{name} = :{name}' for name in sets)} "
            f"REMOVE {', '.join(f'#{name}' for name in PRIVATE)} "
            "ADD #fence :one"
        ),
        ExpressionAttributeNames={
            "#fence": t.FENCE,
            **{f"#{name}": name for name in (*sets, *PRIVATE)},
        },
        ExpressionAttributeValues={
            ":one": {"N": "1"},
            **{f":{name}": value for name, value in sets.items()},
        },
    )


def _objects(target: Target, job_id: str, tenant: str | None) -> list[str]:
    """The keys of the job's documents and outputs. The slash keeps other jobs' ids out."""
    pages = target.s3.get_paginator("list_objects_v2")
    return [
        entry["Key"]
        for folder in FOLDERS
        for page in pages.paginate(
            Bucket=target.stack.bucket_name, Prefix=f"{tenant_prefix(tenant)}{folder}/{job_id}/"
        )
        for entry in page.get("Contents", [])
    ]


def _delete(target: Target, keys: list[str]) -> None:
    for start in range(0, len(keys), KEYS_PER_CALL):
        answer = target.s3.delete_objects(
            Bucket=target.stack.bucket_name,
            Delete={
                "Objects": [{"Key": key} for key in keys[start : start + KEYS_PER_CALL]],
                "Quiet": True,
            },
        )
        if errors := answer.get("Errors"):
            raise NotForgottenError(
                f"S3 did not delete {len(errors)} objects ({errors[0].get('Code', 'unknown')}); "
                "run the same command again, with a role that may delete"
            )
