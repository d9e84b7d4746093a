"""Reads one job's story: its row, its result, its lines in the log, its message if it was given up.

Changes nothing. The row is needed; whatever else cannot be read is left out and named.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Final, TypeVar

from botocore.exceptions import ClientError

from zeroidle_contract import ContractError, JobRow, Result, job_key
from zeroidle_contract.table import JOB_KEY
from zeroidle_ops.errors import JobNotFoundError
from zeroidle_ops.log_lines import Lines, read_lines
from zeroidle_ops.observe.peek import is_redriving, see_letters
from zeroidle_ops.redrive.errors import RedriveError
from zeroidle_ops.stack.target import Target
from zeroidle_ops.story.history import events
from zeroidle_ops.story.story import DeadLetterLook, FoundLetter, JobStory
from zeroidle_producer import ProducerError

LATE: Final = timedelta(minutes=15)
"""After its end a job may still be delivered once more."""

REDRIVING: Final = "a redrive is at work"

T = TypeVar("T")


def read_job(target: Target, job_id: str, *, tenant: str | None, now: datetime) -> JobStory:
    """One job's story.

    Raises:
        JobNotFoundError: there is no such row.
    """
    row = _row(target, job_id, tenant, now)
    unreadable: dict[str, str] = {}

    def part(name: str, read: Callable[[], T]) -> T | None:
        try:
            return read()
        except (ClientError, ContractError, ProducerError, RedriveError) as error:
            unreadable[name] = _reason(error)
            return None

    # Results that lie in S3 are fetched as producers fetch them.
    result: Result | None = None
    if row.result_s3 is not None:
        result = part("result", lambda: target.producer(tenant).result(job_id))
    lines = part("log", lambda: _lines(target, row, now))
    look: DeadLetterLook | None = None
    if not row.status.is_terminal:
        if part("lock", lambda: is_redriving(target.dynamodb, target.stack, now=now)):
            unreadable["dead_letters"] = REDRIVING
        else:
            look = part("dead_letters", lambda: _look(target, row))
    return JobStory(
        row=row,
        result=result or row.to_result(),
        at=now,
        log_group=target.stack.log_group_name,
        events=tuple(events(lines.found, job_id=job_id, tenant=tenant)) if lines else (),
        is_history_partial=lines is not None and lines.is_partial,
        dead_letter=look,
        unreadable=unreadable,
    )


def _row(target: Target, job_id: str, tenant: str | None, now: datetime) -> JobRow:
    found = target.dynamodb.get_item(
        TableName=target.stack.jobs_table_name,
        Key={JOB_KEY: {"S": job_key(tenant, job_id)}},
        ConsistentRead=True,
    ).get("Item")
    row = JobRow.from_item(found) if found is not None else None
    if row is None or row.is_expired(now):
        whose = f"of tenant {tenant!r}" if tenant else "without tenant (is --tenant missing?)"
        raise JobNotFoundError(
            f"there is no job {job_id!r} {whose} in stack {target.stack_name!r}; "
            "check the id, or whether its retention is over"
        )
    return row


def _lines(target: Target, row: JobRow, now: datetime) -> Lines:
    end = row.completed_at + LATE if row.completed_at is not None else now
    return read_lines(
        target.logs,
        target.stack.log_group_name,
        word=row.job_id,
        # A producer's clock may be ahead.
        start=(row.submitted_at or now - timedelta(days=1)) - timedelta(minutes=5),
        end=min(end, now) + timedelta(minutes=1),
    )


def _look(target: Target, row: JobRow) -> DeadLetterLook:
    seen = see_letters(target.sqs, target.stack)
    letter = next((one for one in seen.letters if one.job_key == row.job_key), None)
    return DeadLetterLook(
        found=None
        if letter is None
        else FoundLetter(
            code=letter.code,
            redrive_count=letter.redrive_count,
            expires_at=datetime.fromtimestamp(
                letter.sent_ms / 1000 + seen.route.source.retention_s, UTC
            ),
        ),
        seen=len(seen.letters),
        messages=seen.route.source.depth,
        queue_keeps_s=seen.route.destination.retention_s,
    )


def _reason(error: Exception) -> str:
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "unknown"))
    return type(error).__name__
