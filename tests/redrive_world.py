"""What redrive tests act on: dead letters with rows, and a consumer that does what it is told.

The consumer claims and ends jobs as the real one does, in as few lines as that takes: terminal
rows are acknowledged, a claim grows the fence, a failure goes to the dead-letter queue with the
message's own attributes.
"""

import gzip
import json
import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from emulator import Emulator, StackResources
from zeroidle_contract import ErrorCode, Job, JobError, Stack, Status, decode, encode, fingerprint
from zeroidle_contract import table as t
from zeroidle_ops.redrive import Pace, Redrive

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

TRACE = "Root=1-67000000-0123456789abcdef01234567;Parent=0123456789abcdef;Sampled=1"
QUICK = Pace(rate_per_s=10_000, canary=0)
"""Without canary or ramp: for tests that are not about them."""


def make_ops_table(dynamodb: "DynamoDBClient") -> str:
    name = f"test-ops-{uuid.uuid4().hex[:12]}"
    dynamodb.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
        ],
        KeySchema=[
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
    )
    return name


def make_job(job_id: str, *, tenant: str | None = "acme", text: str = "a letter") -> Job:
    return Job.model_validate(
        {
            "job_id": job_id,
            "tenant": tenant,
            "task": {"kind": "summarize"},
            "document": {"text": text},
        }
    )


@dataclass(frozen=True, kw_only=True)
class World:
    """Clients and names."""

    sqs: "SQSClient"
    dynamodb: "DynamoDBClient"
    s3: "S3Client"
    stack: Stack

    @classmethod
    def on(cls, emulator: Emulator, resources: StackResources, ops_table: str) -> "World":
        return cls(
            sqs=emulator.sqs,
            dynamodb=emulator.dynamodb,
            s3=emulator.s3,
            stack=Stack(
                queue_url=resources.queue_url,
                queue_arn=resources.queue_arn,
                dead_letter_queue_url=resources.dead_letter_queue_url,
                dead_letter_queue_arn=resources.dead_letter_queue_arn,
                jobs_table_name=resources.jobs_table,
                ops_table_name=ops_table,
                bucket_name=resources.bucket,
                function_name="-",
                alias_name="-",
                alias_arn="-",
                event_source_mapping_id="-",
                log_group_name="-",
            ),
        )

    def redrive(self, operator: str = "alice", **options: Any) -> Redrive:
        return Redrive(
            stack=self.stack,
            operator=operator,
            sqs=self.sqs,
            dynamodb=self.dynamodb,
            s3=self.s3,
            **{"hide_s": 5, **options},
        )

    def fail(
        self,
        jobs: Iterable[Job],
        *,
        code: ErrorCode = ErrorCode.INTERNAL,
        message: str = "boom",
        attributes: dict[str, str] | None = None,
    ) -> None:
        """Rows as failed and messages in the dead-letter queue, as the consumer leaves them."""
        error = job_error(code, message)
        added = {"error_code": error.code, "fingerprint": error.fingerprint, **(attributes or {})}
        failed = list(jobs)
        self.put_rows([(job, Status.FAILED, error, 1) for job in failed])
        for job in failed:
            self.sqs.send_message(
                QueueUrl=self.stack.dead_letter_queue_url,
                MessageBody=encode(job),
                MessageAttributes={
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in {**added, "job_id": job.job_id}.items()
                },
                MessageSystemAttributes={
                    "AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}
                },
            )

    def put_row(
        self, job: Job, status: Status, *, error: JobError | None = None, fence: int = 1
    ) -> None:
        self.put_rows([(job, status, error, fence)])

    def put_rows(self, rows: list[tuple[Job, Status, JobError | None, int]]) -> None:
        items = [row_item(*row) for row in rows]
        for start in range(0, len(items), 25):
            self.dynamodb.batch_write_item(
                RequestItems={
                    self.stack.jobs_table_name: [
                        {"PutRequest": {"Item": item}} for item in items[start : start + 25]
                    ]
                }
            )

    def row(self, job: Job) -> t.JobRow:
        return self.rows([job])[job.key]

    def rows(self, jobs: Iterable[Job]) -> dict[str, t.JobRow]:
        table = self.stack.jobs_table_name
        keys = list(dict.fromkeys(job.key for job in jobs))
        calls = (keys[start : start + 100] for start in range(0, len(keys), 100))
        found = [
            item
            for call in calls
            for item in self.dynamodb.batch_get_item(
                RequestItems={table: {"Keys": [{t.JOB_KEY: {"S": key}} for key in call]}}
            )["Responses"][table]
        ]
        return {row.job_key: row for row in map(t.JobRow.from_item, found)}

    def depth(self, url: str | None = None) -> tuple[int, int]:
        """Visible and hidden messages, of the dead-letter queue unless told otherwise."""
        attributes = self.sqs.get_queue_attributes(
            QueueUrl=url or self.stack.dead_letter_queue_url, AttributeNames=["All"]
        )["Attributes"]
        return (
            int(attributes["ApproximateNumberOfMessages"]),
            int(attributes["ApproximateNumberOfMessagesNotVisible"]),
        )

    def receive(self, url: str | None = None) -> Iterator[Any]:
        """All messages of the main queue (or another), deleted as they come."""
        return (message for batch in self._receive(url) for message in batch)

    def _receive(self, url: str | None) -> Iterator[list[Any]]:
        queue = url or self.stack.queue_url
        while messages := self.sqs.receive_message(
            QueueUrl=queue,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages"):
            self.sqs.delete_message_batch(
                QueueUrl=queue,
                Entries=[
                    {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                    for index, message in enumerate(messages)
                ],
            )
            yield list(messages)

    def consume(self, *, fails: Callable[[Job], str | None] = lambda _: None) -> Counter[str]:
        """Run every job that is in the queue; how often each id was run to its end.

        `fails` gives the message of a job's error, or None for one that succeeds.
        """
        runs = Counter[str]()
        for batch in self._receive(None):
            # Twins in one batch are one job, as the runner has it.
            messages = {decode(message["Body"]).key: message for message in batch}
            jobs = [decode(message["Body"]) for message in messages.values()]
            rows = self.rows(jobs)
            ended: list[tuple[Job, Status, JobError | None, int]] = []
            for job in jobs:
                row = rows[job.key]
                if row.status.is_terminal:
                    continue
                runs[job.job_id] += 1
                problem = fails(job)
                if problem is None:
                    ended.append((job, Status.SUCCEEDED, None, row.fence + 1))
                    continue
                error = job_error(ErrorCode.INTERNAL, problem)
                ended.append((job, Status.FAILED, error, row.fence + 1))
                self._send_dead_letter(messages[job.key], error)
            self.put_rows(ended)
        return runs

    def _send_dead_letter(self, message: Any, error: JobError) -> None:
        self.sqs.send_message(
            QueueUrl=self.stack.dead_letter_queue_url,
            MessageBody=message["Body"],
            MessageAttributes={
                **message.get("MessageAttributes", {}),
                "error_code": {"DataType": "String", "StringValue": error.code},
                "fingerprint": {"DataType": "String", "StringValue": error.fingerprint},
            },
        )

    @contextmanager
    def sent_batches(self) -> Iterator[list[Any]]:
        """The parameters of every SendMessageBatch in this block."""
        seen: list[Any] = []

        def note(params: Any, **_: object) -> None:
            seen.append(params)

        event = "before-parameter-build.sqs.SendMessageBatch"
        self.sqs.meta.events.register(event, note)
        try:
            yield seen
        finally:
            self.sqs.meta.events.unregister(event, note)

    def archived_job_ids(self, plan_id: str) -> list[str]:
        """The job ids of all archived bodies, read without the library."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.stack.bucket_name, Prefix=f"redrive/archive/{plan_id}/"
        )
        return [
            json.loads(json.loads(line)["letter"]["body"])["job_id"]
            for page in pages
            for entry in page.get("Contents", [])
            for line in gzip.decompress(
                self.s3.get_object(Bucket=self.stack.bucket_name, Key=entry["Key"])["Body"].read()
            ).splitlines()
        ]


def row_item(job: Job, status: Status, error: JobError | None, fence: int) -> dict[str, Any]:
    item = {
        **t.queued_item(job, expires_at=4_000_000_000),
        t.STATUS: {"S": status.value},
        t.FENCE: {"N": str(fence)},
        t.ATTEMPTS: {"N": "1"},
        t.COMMITS: {"N": "1" if status in {Status.FAILED, Status.SUCCEEDED} else "0"},
    }
    if error is not None:
        item[t.ERROR_CODE] = {"S": error.code.value}
        item[t.ERROR] = {"S": error.model_dump_json()}
        item[t.FAILED_AT] = {"S": t.iso(datetime.now(UTC))}
    return item


def job_error(code: ErrorCode, message: str) -> JobError:
    return JobError(
        code=code, message=message, retryable=True, fingerprint=fingerprint(code, message)
    )
