"""A document in, a result out: producer, queue, mapping, `awslambdaric`, the real model, the table.

And the same way in for everything that is wrong, beside jobs that are right.
"""

import hashlib
import json
import uuid
from pathlib import Path

import pytest

from zeroidle_contract import (
    Classify,
    ClassifyOutput,
    Complete,
    Document,
    ErrorCode,
    Extract,
    Job,
    Result,
    S3Document,
    Status,
    encode,
    job_key,
)
from zeroidle_contract.table import JobRow
from zeroidle_ops.demo import run_demo
from zeroidle_ops.samples import load_samples
from zeroidle_ops.stack.target import Target
from zeroidle_producer import Producer

pytestmark = [pytest.mark.emulator, pytest.mark.model]

SAMPLES = Path(__file__).parents[2] / "samples"
TIMEOUT_S = 240
REVIEW = Classify(labels=("positive", "negative"))


def a_job(**fields: object) -> Job:
    defaults = {"job_id": f"e2e-{uuid.uuid4().hex}", "task": REVIEW, "document": good_text()}
    return Job.model_validate(defaults | fields)


def good_text() -> Document:
    return Document(text="The kettle boils fast and looks lovely. I would buy it again.")


def send(stack: Target, body: str) -> None:
    """Publish past the producer library, as a faulty or hostile producer would."""
    stack.sqs.send_message(QueueUrl=stack.stack.queue_url, MessageBody=body)


def row(stack: Target, job_id: str) -> JobRow:
    item = stack.dynamodb.get_item(
        TableName=stack.stack.jobs_table_name, Key={"job_key": {"S": job_key(None, job_id)}}
    )["Item"]
    return JobRow.from_item(item)


def ended(stack: Target, *jobs: Job) -> dict[str, Result]:
    with stack.producer() as producer:
        return producer.wait([job.job_id for job in jobs], TIMEOUT_S)


def dead_letter(stack: Target, error_code: str) -> str:
    """The body of the one dead letter with this code, which is then gone."""
    for _ in range(TIMEOUT_S):
        answer = stack.sqs.receive_message(
            QueueUrl=stack.stack.dead_letter_queue_url,
            MessageAttributeNames=["All"],
            WaitTimeSeconds=1,
            VisibilityTimeout=1,
        )
        for message in answer.get("Messages", []):
            if message["MessageAttributes"]["error_code"]["StringValue"] == error_code:
                stack.sqs.delete_message(
                    QueueUrl=stack.stack.dead_letter_queue_url,
                    ReceiptHandle=message["ReceiptHandle"],
                )
                return message["Body"]
    pytest.fail(f"no dead letter with code {error_code}")


@pytest.mark.timeout(TIMEOUT_S + 60)
def test_documents_of_every_task_come_back_as_the_contract_promises(stack: Target) -> None:
    by_set = {sample.set_name: sample for sample in load_samples(SAMPLES)}

    with stack.producer() as producer:
        report = run_demo(producer, list(by_set.values()), timeout_s=TIMEOUT_S)

    assert {o.sample.set_name: o.problem for o in report.outcomes} == dict.fromkeys(by_set, "")
    for outcome in report.outcomes:
        result = outcome.result
        assert result.model is not None
        assert result.model.quantisation == "Q4_0"
        # A letter whose personal data all has a shape needs no model.
        assert result.usage.prompt_tokens > 0 or outcome.sample.set_name == "letters"
        assert result.gb_seconds > 0


def test_a_resubmitted_job_that_succeeded_is_not_inferred_again(stack: Target) -> None:
    job = a_job()
    with stack.producer() as producer:
        producer.submit(job)
        first = producer.wait([job.job_id], TIMEOUT_S)[job.job_id]
    send(stack, encode(job))  # a delivery twice
    mate = a_job()
    send(stack, encode(mate))
    ended(stack, mate)

    again = row(stack, job.job_id)

    assert again.result == first
    assert (again.attempts, again.commits) == (1, 1)


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (ErrorCode.INVALID_JSON, "{this is not JSON"),
        (
            ErrorCode.UNKNOWN_TASK,
            json.dumps({"job_id": "u", "task": {"kind": "dream"}, "document": {"text": "t"}}),
        ),
    ],
)
def test_a_message_that_is_no_job_is_dead_lettered_and_its_batch_mate_succeeds(
    stack: Target, code: ErrorCode, body: str
) -> None:
    mate = a_job()
    send(stack, body)
    send(stack, encode(mate))

    assert ended(stack, mate)[mate.job_id].status is Status.SUCCEEDED
    assert dead_letter(stack, code) == body


def missing_object() -> Document:
    return Document(s3=S3Document(key="tenants/-/documents/none.txt", sha256="0" * 64, bytes=9))


def foreign_object() -> Document:
    return Document(s3=S3Document(key="tenants/other/documents/a.txt", sha256="0" * 64, bytes=9))


@pytest.mark.parametrize(
    ("code", "fields"),
    [
        (ErrorCode.EMPTY_DOCUMENT, {"document": Document(text=" \n")}),
        (
            ErrorCode.INVALID_SCHEMA,
            {"task": Extract(json_schema={"type": "string", "pattern": "(?=a)b"})},
        ),
        (ErrorCode.DOCUMENT_TOO_LONG, {"document": Document(text="far too long " * 6000)}),
        (
            ErrorCode.OUTPUT_TRUNCATED,
            {"task": Complete(json_schema={"type": "string", "minLength": 400}, max_tokens=8)},
        ),
        (ErrorCode.DOCUMENT_MISSING, {"document": missing_object()}),
        (ErrorCode.DOCUMENT_FORBIDDEN, {"document": foreign_object()}),
    ],
)
def test_a_job_that_cannot_succeed_fails_with_its_code_and_its_batch_mate_succeeds(
    stack: Target, code: ErrorCode, fields: dict[str, object]
) -> None:
    bad, mate = a_job(**fields), a_job()
    send(stack, encode(bad))
    send(stack, encode(mate))

    results = ended(stack, bad, mate)

    assert results[mate.job_id].status is Status.SUCCEEDED
    error = results[bad.job_id].error
    assert error is not None
    assert error.code is code
    assert Job.model_validate_json(dead_letter(stack, code)).job_id == bad.job_id


def test_an_object_that_was_changed_fails_by_its_hash(stack: Target) -> None:
    text, key = b"The kettle leaks.", "tenants/-/documents/changed.txt"
    stack.s3.put_object(Bucket=stack.stack.bucket_name, Key=key, Body=b"The kettle sings.")
    claim = S3Document(key=key, sha256=hashlib.sha256(text).hexdigest(), bytes=len(text))
    bad = a_job(document=Document(s3=claim))
    send(stack, encode(bad))

    error = ended(stack, bad)[bad.job_id].error

    assert error is not None
    assert error.code is ErrorCode.DOCUMENT_HASH_MISMATCH


def test_a_large_text_travels_through_the_bucket(stack: Target) -> None:
    job = a_job(document=Document(text="I love it. " * 30))
    names = stack.stack
    producer = Producer(
        queue_url=names.queue_url,
        jobs_table=names.jobs_table_name,
        bucket=names.bucket_name,
        sqs=stack.sqs,
        dynamodb=stack.dynamodb,
        s3=stack.s3,
        inline_limit_bytes=100,
    )
    producer.submit(job)
    result = producer.wait([job.job_id], TIMEOUT_S)[job.job_id]

    stored = stack.s3.list_objects_v2(
        Bucket=names.bucket_name, Prefix=f"tenants/-/documents/{job.job_id}/"
    )
    assert stored["KeyCount"] == 1
    assert isinstance(result.output, ClassifyOutput)
