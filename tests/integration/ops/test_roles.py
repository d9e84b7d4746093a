"""Each role of the stack runs its command on the emulator, which enforces IAM; and nothing else."""

import hashlib
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime

import pytest
from assumed_role import AssumedRole, role_arn
from botocore.exceptions import ClientError

from zeroidle_contract import Classify, Document, Job
from zeroidle_ops.forget import forget
from zeroidle_ops.jobs import read_failures
from zeroidle_ops.redrive import Redrive
from zeroidle_ops.stack.local import LocalStack
from zeroidle_ops.stack.target import Target
from zeroidle_ops.story.reading import read_job
from zeroidle_ops.watch_handler import METRIC, look

pytestmark = pytest.mark.emulator


@pytest.fixture
def acting(target: Target) -> Iterator[Callable[[str], Target]]:
    made: list[Target] = []

    def act(role: str) -> Target:
        made.append(AssumedRole(target, role_arn(target, f"{role}Role")).target)
        return made[-1]

    yield act
    for one in made:
        one.close()


def a_job(text: str = "a document") -> Job:
    return Job(
        job_id=uuid.uuid4().hex,
        task=Classify(labels=("a", "b")),
        document=Document(text=text),
    )


def test_a_producer_publishes_also_through_the_bucket_and_reads_results(
    acting: Callable[[str], Target],
) -> None:
    small, large = a_job(), a_job("a large document " * 10_000)
    with acting("Producer").producer() as producer:
        submissions = producer.submit_many([small, large])
        results = producer.wait([small.job_id], timeout_s=30)

    assert [one.error for one in submissions] == [None, None]
    assert small.job_id in results


def test_an_operator_reads_jobs_and_failures(
    acting: Callable[[str], Target], target: Target
) -> None:
    job = a_job()
    with target.producer() as producer:
        producer.submit(job)
        producer.wait([job.job_id], timeout_s=30)

    story = read_job(acting("Operator"), job.job_id, tenant=None, now=datetime.now(UTC))
    assert story.result.job_id == job.job_id
    assert story.unreadable == {}
    read_failures(acting("Operator"))


def test_redrive_inspects_plans_and_discards(
    acting: Callable[[str], Target], target: Target
) -> None:
    body = "not a job " + hashlib.sha256(b"x").hexdigest()
    target.sqs.send_message(QueueUrl=target.stack.dead_letter_queue_url, MessageBody=body)
    acted = acting("Redrive")
    redrive = Redrive(
        stack=acted.stack, operator="test", sqs=acted.sqs, dynamodb=acted.dynamodb, s3=acted.s3
    )

    plan = redrive.plan(where="message_id != ''", reason="a test")
    outcome = redrive.discard(plan.plan_id)

    assert outcome.is_complete


def test_a_job_is_forgotten(acting: Callable[[str], Target], target: Target) -> None:
    job = a_job("a large document " * 10_000)
    with target.producer() as producer:
        producer.submit(job)

    assert forget(acting("Forget"), job.job_id, tenant=None, now=datetime.now(UTC)).objects == 1


@pytest.mark.parametrize("role", ["Producer", "Operator", "Forget", "ScaleOperator"])
def test_only_redrive_takes_dead_letters(acting: Callable[[str], Target], role: str) -> None:
    acted = acting(role)
    names = acted.stack

    with pytest.raises(ClientError, match="AccessDenied"):
        acted.sqs.receive_message(QueueUrl=names.dead_letter_queue_url)


@pytest.mark.parametrize("role", ["Operator", "Exporter", "Redrive", "Forget", "ScaleOperator"])
def test_only_producers_and_the_function_read_documents(
    acting: Callable[[str], Target], role: str
) -> None:
    acted = acting(role)
    names = acted.stack

    with pytest.raises(ClientError, match="AccessDenied"):
        acted.s3.get_object(Bucket=names.bucket_name, Key="tenants/-/documents/a/b.txt")


def test_the_watch_tells_how_long_the_oldest_dead_letter_has(
    running: LocalStack, target: Target
) -> None:
    url = target.stack.dead_letter_queue_url
    environ = {
        "ZEROIDLE_QUEUE_URL": target.stack.queue_url,
        "ZEROIDLE_DEAD_LETTER_QUEUE_URL": url,
        "ZEROIDLE_DEAD_LETTER_QUEUE_ARN": target.stack.dead_letter_queue_arn,
        "ZEROIDLE_OPS_TABLE": target.stack.ops_table_name,
    }
    target.sqs.send_message(QueueUrl=url, MessageBody="a dead letter")

    line = look(environ, sqs=target.sqs, dynamodb=target.dynamodb)

    assert line is not None
    assert line["seen"] >= 1
    assert 1_209_600 - 300 < line[METRIC] <= 1_209_600
