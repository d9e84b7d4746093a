"""What the benchmark acts on: queues on LocalStack, tables and bucket on the local emulator."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

import boto3

from zeroidle_contract import ErrorCode, Job, JobError, Stack, Status, encode, fingerprint
from zeroidle_contract import table as t
from zeroidle_ops.redrive.redrive import Redrive
from zeroidle_ops.stack.emulator import REGION, ROOT_KEY

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

TEXT = "The parcel came late, and the lid was broken. Please send another one. " * 12
"""A document of 0.85 KB: a body of about 1 KB."""


@dataclass(frozen=True, kw_only=True)
class BenchWorld:
    """Endpoints and names; the clients are made where they are used, also in child processes."""

    sqs_url: str
    aws_url: str
    stack: Stack

    def to_json(self) -> str:
        """To hand to a child process."""
        return json.dumps(
            {"sqs_url": self.sqs_url, "aws_url": self.aws_url, "stack": self.stack.model_dump()}
        )

    @classmethod
    def from_json(cls, text: str) -> Self:
        """What a parent process handed over."""
        raw = json.loads(text)
        return cls(
            sqs_url=raw["sqs_url"], aws_url=raw["aws_url"], stack=Stack.model_validate(raw["stack"])
        )

    @property
    def sqs(self) -> "SQSClient":
        """A new client of the queues."""
        return _session().client("sqs", endpoint_url=self.sqs_url)

    @property
    def dynamodb(self) -> "DynamoDBClient":
        """A new client of the tables."""
        return _session().client("dynamodb", endpoint_url=self.aws_url)

    @property
    def s3(self) -> "S3Client":
        """A new client of the bucket."""
        return _session().client("s3", endpoint_url=self.aws_url)

    def redrive(self) -> Redrive:
        """The library under test."""
        return Redrive(
            stack=self.stack, operator="bench", sqs=self.sqs, dynamodb=self.dynamodb, s3=self.s3
        )


def _session() -> boto3.session.Session:
    return boto3.session.Session(
        aws_access_key_id=ROOT_KEY, aws_secret_access_key=ROOT_KEY, region_name=REGION
    )


def make_world(sqs_url: str, aws_url: str, name: str) -> BenchWorld:
    """Fresh queues, tables and bucket."""
    session = _session()
    sqs = session.client("sqs", endpoint_url=sqs_url)
    dlq_url = sqs.create_queue(QueueName=f"{name}-dlq")["QueueUrl"]
    dlq_arn = _arn(sqs, dlq_url)
    policy = json.dumps({"deadLetterTargetArn": dlq_arn, "maxReceiveCount": 50})
    queue_url = sqs.create_queue(QueueName=name, Attributes={"RedrivePolicy": policy})["QueueUrl"]
    dynamodb = session.client("dynamodb", endpoint_url=aws_url)
    _create_table(dynamodb, f"{name}-jobs", t.JOB_KEY)
    _create_table(dynamodb, f"{name}-ops", "pk", "sk")
    session.client("s3", endpoint_url=aws_url).create_bucket(Bucket=name)
    return BenchWorld(
        sqs_url=sqs_url,
        aws_url=aws_url,
        stack=Stack(
            queue_url=queue_url,
            queue_arn=_arn(sqs, queue_url),
            dead_letter_queue_url=dlq_url,
            dead_letter_queue_arn=dlq_arn,
            jobs_table_name=f"{name}-jobs",
            ops_table_name=f"{name}-ops",
            bucket_name=name,
            function_name="-",
            alias_name="-",
            alias_arn="-",
            event_source_mapping_id="-",
            log_group_name="-",
        ),
    )


def _arn(sqs: "SQSClient", url: str) -> str:
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    return answer["Attributes"]["QueueArn"]


def _create_table(dynamodb: "DynamoDBClient", name: str, *keys: str) -> None:
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": key, "AttributeType": "S"} for key in keys],
        KeySchema=[
            {"AttributeName": key, "KeyType": "HASH" if index == 0 else "RANGE"}
            for index, key in enumerate(keys)
        ],
    )


def fill(world: BenchWorld, count: int, *, with_rows: bool) -> None:
    """Dead letters as the consumer leaves them; with their rows, where the redrive reads them."""
    sqs, dynamodb = world.sqs, world.dynamodb
    code, message = ErrorCode.INTERNAL, "an error of the benchmark"
    error = JobError(
        code=code, message=message, retryable=True, fingerprint=fingerprint(code, message)
    )
    for start in range(0, count, 50):
        jobs = list(_jobs(start, min(start + 50, count)))
        for batch in (jobs[first : first + 10] for first in range(0, len(jobs), 10)):
            _send(sqs, world.stack.dead_letter_queue_url, batch, error)
        if with_rows:
            _record(dynamodb, world.stack.jobs_table_name, jobs[:25], error)
            _record(dynamodb, world.stack.jobs_table_name, jobs[25:], error)


def _jobs(start: int, end: int) -> Iterator[Job]:
    for number in range(start, end):
        yield Job.model_validate(
            {
                "job_id": f"bench-{number}",
                "task": {"kind": "summarize"},
                "document": {"text": TEXT},
            }
        )


def _send(sqs: "SQSClient", url: str, jobs: list[Job], error: JobError) -> None:
    sqs.send_message_batch(
        QueueUrl=url,
        Entries=[
            {
                "Id": str(index),
                "MessageBody": encode(job),
                "MessageAttributes": {
                    "error_code": {"DataType": "String", "StringValue": error.code},
                    "fingerprint": {"DataType": "String", "StringValue": error.fingerprint},
                    "job_id": {"DataType": "String", "StringValue": job.job_id},
                },
            }
            for index, job in enumerate(jobs)
        ],
    )


def _record(dynamodb: "DynamoDBClient", table: str, jobs: list[Job], error: JobError) -> None:
    if not jobs:
        return
    requests: list[Any] = [
        {
            "PutRequest": {
                "Item": {
                    **t.queued_item(job, expires_at=4_000_000_000),
                    t.STATUS: {"S": Status.FAILED},
                    t.ERROR: {"S": error.model_dump_json()},
                }
            }
        }
        for job in jobs
    ]
    dynamodb.batch_write_item(RequestItems={table: requests})
