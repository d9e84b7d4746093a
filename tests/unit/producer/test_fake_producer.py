"""The test double that ships with the package behaves as the real producer does."""

import inspect

import pytest

from zeroidle_contract import ErrorCode, Job, JobError, Output, Status, SummarizeOutput
from zeroidle_producer import (
    InvalidJobError,
    JobConflictError,
    Producer,
    Submission,
    UnknownJobError,
    WaitTimeoutError,
)
from zeroidle_producer.testing import FakeProducer


def answer(job: Job) -> Output | JobError | None:
    match job.job_id:
        case "bad":
            return JobError(
                code=ErrorCode.INTERNAL, message="a bug", retryable=True, fingerprint="0" * 12
            )
        case "slow":
            return None
    return SummarizeOutput(summary=f"of {job.job_id}")


@pytest.fixture
def producer() -> FakeProducer:
    return FakeProducer(answer, tenant="shop")


def job(job_id: str, text: str = "a report") -> Job:
    return Job.model_validate(
        {"job_id": job_id, "task": {"kind": "summarize"}, "document": {"text": text}}
    )


@pytest.mark.parametrize(
    "name",
    ["submit", "submit_many", "result", "wait", "as_completed", "cancel", "close"],
)
def test_its_calls_are_those_of_the_producer(name: str) -> None:
    assert inspect.signature(getattr(FakeProducer, name)) == inspect.signature(
        getattr(Producer, name)
    )


def test_jobs_stay_queued_until_somebody_waits(producer: FakeProducer) -> None:
    assert producer.submit(job("a")) == Submission("a", Status.QUEUED, sent=True)
    queued = producer.result("a")
    assert queued is not None
    assert queued.status is Status.QUEUED

    result = producer.wait(["a"], timeout_s=1)["a"]

    assert result.output == SummarizeOutput(summary="of a")
    assert producer.result("a") == result
    assert producer.submit(job("a")) == Submission("a", Status.SUCCEEDED, sent=False)


def test_an_error_as_answer_fails_the_job(producer: FakeProducer) -> None:
    producer.submit(job("bad"))

    [result] = producer.as_completed(["bad"], timeout_s=1)

    assert result.status is Status.FAILED
    assert result.error is not None
    assert result.error.code is ErrorCode.INTERNAL


def test_without_an_answer_waiting_times_out_at_once(producer: FakeProducer) -> None:
    producer.submit_many([job("a"), job("slow")])

    with pytest.raises(WaitTimeoutError) as caught:
        producer.wait(["a", "slow", "unknown"], timeout_s=3600)

    assert caught.value.pending == ("slow", "unknown")
    assert set(caught.value.results) == {"a"}


def test_it_refuses_what_the_producer_refuses(producer: FakeProducer) -> None:
    producer.submit(job("a"))

    with pytest.raises(JobConflictError):
        producer.submit(job("a", "other content"))
    with pytest.raises(InvalidJobError):
        producer.submit({"job_id": "b"})
    with pytest.raises(UnknownJobError):
        producer.cancel("b")


def test_submit_many_reports_errors_in_place(producer: FakeProducer) -> None:
    submissions = producer.submit_many([job("a"), {"job_id": "b"}])

    assert [submission.sent for submission in submissions] == [True, False]
    assert isinstance(submissions[1].error, InvalidJobError)


def test_a_cancelled_job_is_never_answered(producer: FakeProducer) -> None:
    producer.submit(job("a"))

    assert producer.cancel("a") is Status.CANCELLED
    assert producer.wait(["a"], timeout_s=1)["a"].output is None


def test_a_finished_job_cannot_be_cancelled(producer: FakeProducer) -> None:
    producer.submit(job("a"))
    producer.wait(["a"], timeout_s=1)

    assert producer.cancel("a") is Status.SUCCEEDED


def test_tests_can_look_at_the_jobs_that_were_submitted(producer: FakeProducer) -> None:
    producer.submit(job("a"))

    assert producer.jobs["a"].tenant == "shop"
