"""One job's story on a stack: its row, its lines in the log, its message among the dead letters."""

import json
import time
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from zeroidle_contract import Document, ErrorCode, Job, JobError, Status, Summarize
from zeroidle_contract import table as t
from zeroidle_contract.codec import ATTRIBUTE_ERROR_CODE, encode
from zeroidle_contract.table import queued_item
from zeroidle_ops.errors import JobNotFoundError
from zeroidle_ops.lock import lock_key
from zeroidle_ops.stack.target import Target
from zeroidle_ops.story.reading import REDRIVING, read_job
from zeroidle_ops.story.story import JobStory, next_step

pytestmark = pytest.mark.emulator

NOW = datetime.now(UTC)


@pytest.fixture
def job() -> Job:
    return Job(
        job_id=f"story-{uuid.uuid4().hex[:8]}",
        tenant="claims",
        task=Summarize(),
        document=Document(text="a document"),
        submitted_at=NOW - timedelta(minutes=5),
    )


@pytest.fixture(autouse=True)
def no_dead_letters(target: Target) -> Iterator[None]:
    target.sqs.purge_queue(QueueUrl=target.stack.dead_letter_queue_url)
    yield
    target.sqs.purge_queue(QueueUrl=target.stack.dead_letter_queue_url)


def plant_row(target: Target, job: Job, status: Status, **values: Any) -> None:
    item = queued_item(job, expires_at=int(time.time()) + 3600)
    item |= {t.STATUS: {"S": status.value}, **values}
    target.dynamodb.put_item(TableName=target.stack.jobs_table_name, Item=item)


def plant_lines(target: Target, *lines: dict[str, Any]) -> None:
    group, stream = target.stack.log_group_name, uuid.uuid4().hex
    target.logs.create_log_stream(logGroupName=group, logStreamName=stream)
    at_ms = int((NOW - timedelta(minutes=4)).timestamp() * 1000)
    target.logs.put_log_events(
        logGroupName=group,
        logStreamName=stream,
        logEvents=[
            {"timestamp": at_ms + number * 1000, "message": json.dumps(line)}
            for number, line in enumerate(lines)
        ],
    )


def plant_letter(target: Target, job: Job) -> None:
    target.sqs.send_message(
        QueueUrl=target.stack.dead_letter_queue_url,
        MessageBody=encode(job),
        MessageAttributes={
            ATTRIBUTE_ERROR_CODE: {"DataType": "String", "StringValue": "internal"},
        },
    )


def story_of(target: Target, job: Job) -> JobStory:
    return read_job(target, job.job_id, tenant=job.tenant, now=datetime.now(UTC))


def failure() -> dict[str, Any]:
    error = JobError(
        code=ErrorCode.INTERNAL, message="unexpected", retryable=True, fingerprint="0" * 12
    )
    return {
        t.ERROR: {"S": error.model_dump_json()},
        t.ERROR_CODE: {"S": "internal"},
        t.FAILED_AT: {"S": t.iso(NOW)},
        t.COMPLETED_AT: {"S": t.iso(NOW)},
    }


def test_a_failed_jobs_message_and_history_are_found(target: Target, job: Job) -> None:
    plant_row(target, job, Status.FAILED, **failure())
    plant_letter(target, job)
    known = {"job_id": job.job_id, "tenant": "claims"}
    plant_lines(
        target,
        {"action": "job_returned", **known, "request_id": "first", "reason": "out_of_time"},
        {"action": "job_returned", **known, "job_id": f"{job.job_id}0", "reason": "outage"},
        {"action": "job_failed", **known, "request_id": "second", "code": "internal"},
    )

    story = story_of(target, job)

    assert [event.request_id for event in story.events] == ["first", "second"]
    assert story.dead_letter is not None
    assert story.dead_letter.found is not None
    assert story.dead_letter.found.code == "internal"
    left = story.dead_letter.found.expires_at - NOW
    assert timedelta(days=14) <= left < timedelta(days=14, minutes=5)
    assert "redrive plan" in (next_step(story, stack_option="--local") or "")
    assert story.unreadable == {}


def test_a_failed_job_whose_message_is_gone_is_to_be_submitted_again(
    target: Target, job: Job
) -> None:
    plant_row(target, job, Status.FAILED, **failure())

    story = story_of(target, job)

    assert story.dead_letter is not None
    assert story.dead_letter.is_surely_absent
    assert "submit the document again" in (next_step(story, stack_option="--local") or "")


def test_a_running_job_has_its_lease_and_its_invocation(target: Target, job: Job) -> None:
    ends_ms = int(time.time() * 1000) + 60_000
    plant_row(
        target,
        job,
        Status.RUNNING,
        **{
            t.LEASE_OWNER: {"S": "the-request/the-message"},
            t.LEASE_EXPIRES_AT_MS: {"N": str(ends_ms)},
        },
    )

    story = story_of(target, job)

    assert story.request_id == "the-request"
    assert story.lease_ends_at == datetime.fromtimestamp(ends_ms / 1000, UTC)


def test_a_cancelled_job_is_told_without_a_look_at_dead_letters(target: Target, job: Job) -> None:
    plant_row(target, job, Status.QUEUED)
    with target.producer("claims") as producer:
        producer.cancel(job.job_id)

    story = story_of(target, job)

    assert (story.row.status, story.dead_letter) == (Status.CANCELLED, None)


def test_a_redrive_under_way_is_not_disturbed(target: Target, job: Job) -> None:
    plant_row(target, job, Status.FAILED, **failure())
    key = lock_key(target.stack.dead_letter_queue_arn)
    held = {**key, "lease_ends_ms": {"N": str(int(time.time() * 1000) + 60_000)}}
    target.dynamodb.put_item(TableName=target.stack.ops_table_name, Item=held)
    try:
        story = story_of(target, job)
    finally:
        target.dynamodb.delete_item(TableName=target.stack.ops_table_name, Key=key)

    assert story.unreadable == {"dead_letters": REDRIVING}


def test_a_log_that_is_gone_costs_the_history_only(target: Target, job: Job) -> None:
    plant_row(target, job, Status.CANCELLED)
    names = target.stack
    target.__dict__["stack"] = names.model_copy(update={"log_group_name": "gone"})
    try:
        story = story_of(target, job)
    finally:
        target.__dict__["stack"] = names

    assert story.unreadable == {"log": "ResourceNotFoundException"}
    assert story.row.status is Status.CANCELLED


@pytest.mark.parametrize("expires_in_s", [None, -1])
def test_an_unknown_or_expired_job_is_said_to_be_none(
    target: Target, job: Job, expires_in_s: int | None
) -> None:
    if expires_in_s is not None:
        over = {t.EXPIRES_AT: {"N": str(int(time.time()) + expires_in_s)}}
        plant_row(target, job, Status.CANCELLED, **over)

    with pytest.raises(JobNotFoundError, match=f"no job '{job.job_id}' of tenant 'claims'"):
        story_of(target, job)
