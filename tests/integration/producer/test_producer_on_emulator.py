"""The producer against real clients: what the hand-written fakes of the unit tests stand for."""

import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from emulator import Emulator, StackResources
from zeroidle_contract import (
    ClaimCheck,
    ErrorCode,
    Job,
    JobError,
    Result,
    S3Document,
    Status,
    Summarize,
    SummarizeOutput,
    decode,
    fingerprint,
    job_key,
)
from zeroidle_producer import (
    JobConflictError,
    Producer,
    Submission,
    UnknownJobError,
    WaitTimeoutError,
)

pytestmark = pytest.mark.emulator

TRACE = "Root=1-67000000-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"


class ClockAt:
    """A clock that is ahead by a given time."""

    def __init__(self, ahead: timedelta) -> None:
        self._ahead = ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + self._ahead

    def monotonic_s(self) -> float:
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def make_producer(emulator: Emulator, resources: StackResources, **options: object) -> Producer:
    return Producer(
        queue_url=resources.queue_url,
        jobs_table=resources.jobs_table,
        bucket=resources.bucket,
        sqs=emulator.sqs,
        dynamodb=emulator.dynamodb,
        s3=emulator.s3,
        **options,  # type: ignore[arg-type]
    )


@pytest.fixture
def producer(emulator: Emulator, resources: StackResources) -> Producer:
    return make_producer(emulator, resources, tenant="acme")


def summarize(job_id: str, text: str = "a long report") -> Job:
    return Job.model_validate(
        {"job_id": job_id, "task": {"kind": "summarize"}, "document": {"text": text}}
    )


def receive(emulator: Emulator, resources: StackResources) -> Iterator[tuple[Job, dict[str, str]]]:
    """All messages in the queue: the job, and the message's system attributes."""
    while messages := emulator.sqs.receive_message(
        QueueUrl=resources.queue_url,
        MaxNumberOfMessages=10,
        MessageSystemAttributeNames=["All"],
    ).get("Messages"):
        for message in messages:
            yield decode(message["Body"]), dict(message.get("Attributes", {}))  # type: ignore[arg-type]


def set_row(emulator: Emulator, resources: StackResources, job_id: str, **values: object) -> None:
    """Change a job's row as the consumer would."""
    names = {f"#{name}": name for name in values}
    emulator.dynamodb.update_item(
        TableName=resources.jobs_table,
        Key={"job_key": {"S": job_key("acme", job_id)}},
        UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in values),
        ExpressionAttributeNames=names,
        ExpressionAttributeValues={
            f":{name}": {"N": str(value)} if isinstance(value, int) else {"S": str(value)}
            for name, value in values.items()
        },
    )


def get_row(emulator: Emulator, resources: StackResources, job_id: str) -> dict[str, object]:
    answer = emulator.dynamodb.get_item(
        TableName=resources.jobs_table, Key={"job_key": {"S": job_key("acme", job_id)}}
    )
    return dict(answer["Item"])


def succeed(emulator: Emulator, resources: StackResources, job_id: str) -> Result:
    result = Result(job_id=job_id, status=Status.SUCCEEDED, output=SummarizeOutput(summary="short"))
    set_row(
        emulator, resources, job_id, status="succeeded", result=result.model_dump_json(), commits=1
    )
    return result


def test_a_submitted_job_is_recorded_as_queued_and_arrives_with_its_trace_header(
    emulator: Emulator, resources: StackResources
) -> None:
    producer = make_producer(emulator, resources, tenant="acme", trace_header=lambda: TRACE)

    submission = producer.submit(summarize("report-1"))

    assert submission == Submission("report-1", Status.QUEUED, sent=True)
    [(job, attributes)] = receive(emulator, resources)
    assert job.key == "acme/report-1"
    assert attributes["AWSTraceHeader"] == TRACE
    row = get_row(emulator, resources, "report-1")
    assert row["status"] == {"S": "queued"}
    assert row["content_sha256"] == {"S": job.content_sha256()}
    assert row["trace_header"] == {"S": TRACE}


def test_a_large_document_lies_in_s3_before_its_message_is_sent(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    text = "ä" * 100_000

    producer.submit(summarize("report-1", text))

    [(job, _)] = receive(emulator, resources)
    assert job.document is not None
    assert job.document.s3 is not None
    assert job.document.s3.bytes == 200_000
    assert job.document.s3.key.startswith("tenants/acme/documents/report-1/")
    stored = emulator.s3.get_object(Bucket=resources.bucket, Key=job.document.s3.key)
    assert stored["Body"].read().decode() == text


def test_the_same_content_is_sent_again_while_queued_and_not_once_it_runs(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    producer.submit(summarize("report-1"))

    again = producer.submit(summarize("report-1"))
    set_row(emulator, resources, "report-1", status="running")
    late = producer.submit(summarize("report-1"))

    assert again == Submission("report-1", Status.QUEUED, sent=True)
    assert late == Submission("report-1", Status.RUNNING, sent=False)
    assert len(list(receive(emulator, resources))) == 2


def test_other_content_under_the_same_id_is_a_conflict_and_changes_nothing(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    producer.submit(summarize("report-1"))
    before = get_row(emulator, resources, "report-1")

    with pytest.raises(JobConflictError, match="other content stands under job id 'report-1'"):
        producer.submit(summarize("report-1", "x" * 200_000))

    assert get_row(emulator, resources, "report-1") == before
    assert len(list(receive(emulator, resources))) == 1
    assert "Contents" not in emulator.s3.list_objects_v2(Bucket=resources.bucket)


def test_after_its_retention_an_id_may_be_used_again(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    producer.submit(summarize("report-1"))
    later = make_producer(
        emulator, resources, tenant="acme", clock=ClockAt(timedelta(days=30, minutes=1))
    )

    assert later.result("report-1") is None
    assert later.submit(summarize("report-1", "another report")).sent


def test_a_job_may_take_the_place_of_a_message_that_was_no_valid_job(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    emulator.dynamodb.put_item(
        TableName=resources.jobs_table,
        Item={
            "job_key": {"S": "acme/report-1"},
            "job_id": {"S": "report-1"},
            "status": {"S": "failed"},
            "error_code": {"S": "invalid_job"},
            "failed_at": {"S": "2026-11-01T00:00:00.000Z"},
            "expires_at": {"N": str(int(time.time()) + 3600)},
        },
    )

    assert producer.submit(summarize("report-1")).sent
    assert "error_code" not in get_row(emulator, resources, "report-1")


def test_submit_many_sends_every_job_and_reports_each_in_order(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    jobs = [summarize(f"report-{n}", "x" * 120_000) for n in range(23)]
    jobs[7] = summarize("report-3", "other content")
    progress: list[int] = []

    submissions = producer.submit_many(iter(jobs), on_progress=progress.append)

    assert [submission.job_id for submission in submissions] == [job.job_id for job in jobs]
    failed = [n for n, submission in enumerate(submissions) if submission.error]
    assert len(failed) == 1
    assert failed[0] in {3, 7}
    assert isinstance(submissions[failed[0]].error, JobConflictError)
    assert len(list(receive(emulator, resources))) == 22
    assert progress == [23]


def test_characters_that_sqs_refuses_reach_the_consumer_all_the_same(
    emulator: Emulator, resources: StackResources
) -> None:
    text = "\ufffe and \uffff are not allowed in a message as they are, nor is \x00"
    make_producer(emulator, resources).submit(summarize("report-1", text))

    [(job, _)] = receive(emulator, resources)
    assert job.document is not None
    assert job.document.text == text


def test_results_come_back_inline_and_from_s3(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    producer.submit_many([summarize("small"), summarize("large")])
    small = succeed(emulator, resources, "small")
    large = Result(
        job_id="large",
        status=Status.SUCCEEDED,
        output=SummarizeOutput(summary="long " * 100_000),
    )
    claim = put_result(emulator, resources, large)
    set_row(emulator, resources, "large", status="succeeded", result_s3=claim.model_dump_json())

    assert producer.wait(["large", "small"], timeout_s=5) == {"large": large, "small": small}
    assert producer.result("large") == large


def put_result(emulator: Emulator, resources: StackResources, result: Result) -> S3Document:
    claim_check = ClaimCheck(s3=emulator.s3, bucket=resources.bucket)
    return claim_check.put_output("acme", result.job_id, result.model_dump_json())


def test_a_failed_job_has_ended_and_says_why(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    producer.submit(summarize("report-1"))
    error = JobError(
        code=ErrorCode.DEADLINE_PASSED,
        message="too late",
        retryable=False,
        fingerprint=fingerprint("deadline_passed", "too late"),
    )
    set_row(
        emulator, resources, "report-1", status="failed", error=error.model_dump_json(), attempts=1
    )

    [result] = producer.as_completed(["report-1"], timeout_s=5)

    assert result == Result(job_id="report-1", status=Status.FAILED, error=error, attempts=1)


def test_wait_reads_hundreds_of_jobs_and_says_which_are_pending(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    ids = [f"report-{n}" for n in range(250)]
    producer.submit_many(summarize(job_id) for job_id in ids)
    for job_id in ids[:-1]:
        succeed(emulator, resources, job_id)

    with pytest.raises(WaitTimeoutError, match="1 jobs had not ended after 0 s") as caught:
        producer.wait(ids, timeout_s=0)

    assert caught.value.pending == ("report-249",)
    assert set(caught.value.results) == set(ids[:-1])


def test_cancel_ends_a_queued_job_and_takes_the_right_to_commit_from_a_running_one(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    producer.submit(summarize("report-1"))
    set_row(emulator, resources, "report-1", status="running", fence=4, lease_owner="request-1")

    assert producer.cancel("report-1") is Status.CANCELLED

    row = get_row(emulator, resources, "report-1")
    assert row["fence"] == {"N": "5"}
    assert "lease_owner" not in row
    assert producer.wait(["report-1"], timeout_s=1)["report-1"].status is Status.CANCELLED


def test_cancelling_a_failed_job_takes_it_out_of_the_failures(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    producer.submit(summarize("report-1"))
    set_row(
        emulator,
        resources,
        "report-1",
        status="failed",
        error_code="internal",
        failed_at="2026-11-01T00:00:00.000Z",
    )
    index = {"TableName": resources.jobs_table, "IndexName": "failures"}
    assert emulator.dynamodb.scan(**index)["Count"] == 1  # type: ignore[arg-type]

    producer.cancel("report-1")

    assert emulator.dynamodb.scan(**index)["Count"] == 0  # type: ignore[arg-type]


def test_a_job_that_succeeded_stays_so_when_cancelled(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    producer.submit(summarize("report-1"))
    result = succeed(emulator, resources, "report-1")

    assert producer.cancel("report-1") is Status.SUCCEEDED
    assert producer.result("report-1") == result


def test_cancelling_an_unknown_job_is_an_error(producer: Producer) -> None:
    with pytest.raises(UnknownJobError, match="there is no job 'report-1'"):
        producer.cancel("report-1")


def test_one_tenant_does_not_see_the_jobs_of_another(
    emulator: Emulator, resources: StackResources, producer: Producer
) -> None:
    producer.submit(summarize("report-1"))
    other = make_producer(emulator, resources, tenant="other")

    assert other.result("report-1") is None
    assert other.submit(summarize("report-1", "other content")).sent


def test_a_producer_finds_its_stack_by_name(
    emulator: Emulator, resources: StackResources, monkeypatch: pytest.MonkeyPatch
) -> None:
    outputs = {
        "QueueUrl": resources.queue_url,
        "QueueArn": resources.queue_arn,
        "DeadLetterQueueUrl": resources.dead_letter_queue_url,
        "DeadLetterQueueArn": resources.dead_letter_queue_arn,
        "JobsTableName": resources.jobs_table,
        "OpsTableName": "ops",
        "BucketName": resources.bucket,
        "FunctionName": "function",
        "AliasName": "live",
        "AliasArn": "arn",
        "EventSourceMappingId": "mapping",
        "LogGroupName": "logs",
    }
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in outputs.items()},
    }
    monkeypatch.setenv("AWS_ENDPOINT_URL", emulator.url)
    cloudformation = emulator.session.client("cloudformation")
    cloudformation.create_stack(StackName="house", TemplateBody=json.dumps(template))
    cloudformation.get_waiter("stack_create_complete").wait(
        StackName="house", WaiterConfig={"Delay": 1}
    )

    with Producer.from_stack("house", session=emulator.session) as producer:
        producer.submit({"job_id": "a", "task": Summarize(), "document": {"text": "report"}})
    cloudformation.delete_stack(StackName="house")
    cloudformation.close()

    [(job, _)] = receive(emulator, resources)
    assert job.job_id == "a"
