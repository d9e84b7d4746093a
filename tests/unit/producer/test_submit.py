"""Submitting: what is written where, in which order, and what a failure in between leaves."""

import itertools
import threading
import traceback
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from zeroidle_contract import ErrorCode, Job, Status, decode
from zeroidle_producer import (
    InvalidJobError,
    JobConflictError,
    JobLike,
    NotSentError,
    Producer,
    Submission,
)
from zeroidle_producer.producer import CHUNK_JOBS

NOW = datetime(2026, 11, 3, tzinfo=UTC)
SECRET = "Hedwig Quastenflosser"


class FakeClock:
    def now(self) -> datetime:
        return NOW

    def monotonic_s(self) -> float:
        return 0.0

    def sleep(self, seconds: float) -> None: ...


class FakeAws:
    """Table, bucket and queue in memory, as one client. `fails` maps a call to its error."""

    def __init__(self) -> None:
        self.calls: list[str] = []
        self.rows: dict[str, dict[str, Any]] = {}
        self.objects: dict[str, bytes] = {}
        self.messages: list[dict[str, Any]] = []
        self.fails: dict[str, BaseException] = {}
        self.refuses: set[str] = set()
        self._lock = threading.Lock()

    def _begin(self, call: str) -> None:
        self.calls.append(call)
        if call in self.fails:
            raise self.fails[call]

    def put_item(self, *, Item: dict[str, Any], **options: Any) -> None:  # noqa: N803
        self._begin("put_item")
        with self._lock:
            standing = self.rows.get(Item["job_key"]["S"])
            now = int(options["ExpressionAttributeValues"][":now"]["N"])
            if standing is not None and int(standing["expires_at"]["N"]) > now:
                raise ClientError(
                    {"Error": {"Code": "ConditionalCheckFailedException"}, "Item": standing},  # type: ignore[typeddict-unknown-key]
                    "PutItem",
                )
            self.rows[Item["job_key"]["S"]] = Item

    def put_object(self, *, Key: str, Body: bytes, **options: Any) -> None:  # noqa: N803
        self._begin("put_object")
        self.objects[Key] = Body

    def send_message(self, **message: Any) -> None:
        self._begin("send_message")
        self.messages.append(message)

    def send_message_batch(self, *, QueueUrl: str, Entries: Any) -> dict[str, Any]:  # noqa: N803
        self._begin("send_message_batch")
        taken = [
            entry for entry in Entries if decode(entry["MessageBody"]).job_id not in self.refuses
        ]
        self.messages += taken
        return {
            "Successful": [{"Id": entry["Id"]} for entry in taken],
            "Failed": [
                {"Id": entry["Id"], "Code": "AccessDenied", "SenderFault": True}
                for entry in Entries
                if entry not in taken
            ],
        }

    @property
    def jobs(self) -> list[Job]:
        return [decode(message["MessageBody"]) for message in self.messages]


@pytest.fixture
def aws() -> FakeAws:
    return FakeAws()


def make_producer(aws: FakeAws, **options: Any) -> Producer:
    client: Any = aws
    return Producer(
        queue_url="q",
        jobs_table="jobs",
        bucket="stack",
        sqs=client,
        dynamodb=client,
        s3=client,
        clock=FakeClock(),
        random=Random(7),  # noqa: S311 -- jitter
        **options,
    )


@pytest.fixture
def producer(aws: FakeAws) -> Producer:
    return make_producer(aws, tenant="shop", inline_limit_bytes=100)


def job(job_id: str = "a", text: str = "a report", **changes: Any) -> Job:
    return Job.model_validate(
        {"job_id": job_id, "task": {"kind": "summarize"}, "document": {"text": text}, **changes}
    )


def test_row_then_document_then_message(aws: FakeAws, producer: Producer) -> None:
    assert producer.submit(job(text="x" * 101)) == Submission("a", Status.QUEUED, sent=True)
    assert aws.calls == ["put_item", "put_object", "send_message"]


def test_a_document_up_to_the_limit_stays_in_the_message(aws: FakeAws, producer: Producer) -> None:
    producer.submit(job(text="ä" * 50))

    assert aws.calls == ["put_item", "send_message"]


def test_a_row_lives_for_the_stated_retention(aws: FakeAws, producer: Producer) -> None:
    producer.submit(job())

    expires_at = (NOW + timedelta(days=30)).timestamp()
    assert aws.rows["shop/a"]["expires_at"] == {"N": str(int(expires_at))}


def test_a_job_without_a_tenant_gets_the_producers(aws: FakeAws, producer: Producer) -> None:
    producer.submit(job())

    assert [sent.tenant for sent in aws.jobs] == ["shop"]


@pytest.mark.parametrize(("producers", "jobs"), [("shop", "acme"), (None, "shop")])
def test_a_job_of_another_tenant_is_refused(
    aws: FakeAws, producers: str | None, jobs: str | None
) -> None:
    with pytest.raises(InvalidJobError, match=f"tenant: '{jobs}' is not {producers!r}"):
        make_producer(aws, tenant=producers).submit(job(tenant=jobs))
    assert aws.calls == []


def test_a_producer_refuses_a_tenant_that_no_job_could_have(aws: FakeAws) -> None:
    with pytest.raises(InvalidJobError, match="tenant: 1 to 64 letters"):
        make_producer(aws, tenant="shop/acme")


@pytest.mark.parametrize(
    "status", [Status.RUNNING, Status.SUCCEEDED, Status.FAILED, Status.CANCELLED]
)
def test_a_job_past_its_queue_is_neither_stored_nor_sent_again(
    aws: FakeAws, producer: Producer, status: Status
) -> None:
    producer.submit(job(text="x" * 101))
    aws.rows["shop/a"]["status"] = {"S": status.value}
    aws.calls.clear()

    assert producer.submit(job(text="x" * 101)) == Submission("a", status, sent=False)
    assert aws.calls == ["put_item"]


def test_a_conflict_leaves_row_bucket_and_queue_untouched(aws: FakeAws, producer: Producer) -> None:
    producer.submit(job())
    aws.rows["shop/a"]["status"] = {"S": "running"}
    aws.calls.clear()

    with pytest.raises(JobConflictError) as caught:
        producer.submit(job(text="x" * 101))

    assert caught.value.status is Status.RUNNING
    assert aws.calls == ["put_item"]
    assert aws.rows["shop/a"]["status"] == {"S": "running"}


def test_a_changed_threshold_is_no_conflict(aws: FakeAws, producer: Producer) -> None:
    producer.submit(job(text="x" * 101))

    again = make_producer(aws, tenant="shop", inline_limit_bytes=200).submit(job(text="x" * 101))

    assert again.sent


def test_a_job_whose_sender_died_between_row_and_message_is_sent_by_the_next_submit(
    aws: FakeAws, producer: Producer
) -> None:
    aws.fails["send_message"] = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        producer.submit(job())
    assert aws.rows["shop/a"]["status"] == {"S": "queued"}
    assert aws.messages == []

    aws.fails.clear()

    assert producer.submit(job()) == Submission("a", Status.QUEUED, sent=True)
    assert len(aws.messages) == 1


@pytest.mark.parametrize(
    ("call", "step"),
    [
        ("put_item", "recording it in the jobs table"),
        ("put_object", "storing its document in S3"),
        ("send_message", "sending it to the queue"),
    ],
)
def test_a_failure_at_any_step_says_that_submitting_again_is_safe_and_it_is(
    aws: FakeAws, producer: Producer, call: str, step: str
) -> None:
    aws.fails[call] = EndpointConnectionError(endpoint_url="https://aws")

    with pytest.raises(NotSentError) as caught:
        producer.submit(job(text="x" * 101))

    assert str(caught.value) == (
        f"job 'a' was not sent: {step} failed with EndpointConnectionError; "
        "submitting the same job again is safe"
    )
    assert caught.value.__cause__ is aws.fails[call]
    aws.fails.clear()
    assert producer.submit(job(text="x" * 101)).sent


def test_a_message_beyond_sqs_limit_is_refused_before_anything_is_written(
    aws: FakeAws, producer: Producer
) -> None:
    chat = {"kind": "complete", "messages": [{"role": "user", "content": "x" * 1024 * 1024}]}

    with pytest.raises(InvalidJobError, match="SQS takes 1048576"):
        producer.submit({"job_id": "a", "task": chat})
    assert aws.calls == []


def test_no_error_shows_the_document(aws: FakeAws, producer: Producer) -> None:
    aws.fails["send_message"] = ClientError({"Error": {"Code": "AccessDenied"}}, "SendMessage")
    producer.submit_many([job("b", "other")])
    spoilt: list[JobLike] = [
        job(text=SECRET),
        job("b", SECRET),
        {"job_id": "c", "document": {"text": SECRET}},
    ]

    for case in spoilt:
        with pytest.raises((NotSentError, JobConflictError, InvalidJobError)) as caught:
            producer.submit(case)
        assert SECRET not in "".join(traceback.format_exception(caught.value))
        assert SECRET not in repr(caught.value)


def test_the_trace_header_is_asked_for_once_a_job_in_the_callers_thread(aws: FakeAws) -> None:
    numbers = itertools.count()
    threads = set()

    def trace_header() -> str:
        threads.add(threading.get_ident())
        return f"Root=1-67000000-{next(numbers):024x}"

    make_producer(aws, trace_header=trace_header).submit_many(job(f"job-{n}") for n in range(30))

    assert threads == {threading.get_ident()}
    sent = {
        decode(message["MessageBody"]).job_id: message["MessageSystemAttributes"]
        for message in aws.messages
    }
    assert sent["job-29"]["AWSTraceHeader"]["StringValue"] == f"Root=1-67000000-{29:024x}"
    assert aws.rows["-/job-29"]["trace_header"] == {"S": f"Root=1-67000000-{29:024x}"}


def test_inside_lambda_a_message_carries_the_invocations_trace(
    aws: FakeAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    header = "Root=1-67000000-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=1"
    monkeypatch.setenv("_X_AMZN_TRACE_ID", header)
    make_producer(aws).submit(job("a"))
    [message] = aws.messages
    assert message["MessageSystemAttributes"]["AWSTraceHeader"]["StringValue"] == header


@pytest.mark.parametrize("header", ["", "nonsense", "Root=1-2-3", "Sampled=1"])
def test_a_header_that_names_no_trace_is_left_out_and_the_job_is_sent(
    aws: FakeAws, header: str
) -> None:
    make_producer(aws, trace_header=lambda: header).submit(job("a"))
    [message] = aws.messages
    assert not message.get("MessageSystemAttributes")
    assert "trace_header" not in aws.rows["-/a"]


def test_submit_many_reports_each_job_in_the_order_given(aws: FakeAws, producer: Producer) -> None:
    producer.submit_many([job("done"), job("taken")])
    aws.rows["shop/done"]["status"] = {"S": "succeeded"}
    aws.refuses = {"refused"}

    submissions = producer.submit_many(
        [
            job("new"),
            job("done"),
            job("taken", "other content"),
            job("refused"),
            {"job_id": "bad", "task": {"kind": "translate"}},
            {},
        ]
    )

    assert [(each.job_id, each.status, each.sent) for each in submissions] == [
        ("new", Status.QUEUED, True),
        ("done", Status.SUCCEEDED, False),
        ("taken", Status.QUEUED, False),
        ("refused", Status.QUEUED, False),
        ("bad", None, False),
        ("", None, False),
    ]
    errors = [each.error for each in submissions]
    assert errors[:2] == [None, None]
    assert isinstance(errors[2], JobConflictError)
    assert isinstance(errors[3], NotSentError)
    assert errors[3].reason == "AccessDenied"
    assert isinstance(errors[4], InvalidJobError)
    assert errors[4].code is ErrorCode.UNKNOWN_TASK
    assert isinstance(errors[5], InvalidJobError)


def test_submit_many_takes_from_a_generator_only_what_it_is_working_on(
    aws: FakeAws, producer: Producer
) -> None:
    done = [0]
    ahead: list[int] = []

    def jobs() -> Iterator[Job]:
        for n in range(5 * CHUNK_JOBS + 1):
            ahead.append(n + 1 - done[0])
            yield job(f"job-{n}")

    def on_progress(n_done: int) -> None:
        done[0] = n_done

    submissions = producer.submit_many(jobs(), on_progress=on_progress)

    assert max(ahead) == CHUNK_JOBS
    assert done[0] == len(submissions) == len(aws.messages) == 5 * CHUNK_JOBS + 1


def test_submit_many_of_nothing_is_nothing(aws: FakeAws, producer: Producer) -> None:
    assert producer.submit_many([]) == []
    assert aws.calls == []


def test_a_submission_reads_well() -> None:
    assert repr(Submission("a", Status.QUEUED, sent=True)) == (
        "Submission(job_id='a', status=<Status.QUEUED: 'queued'>, sent=True, error=None)"
    )
