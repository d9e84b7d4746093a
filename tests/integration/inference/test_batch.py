"""Batches from a real queue through real table, bucket and dead-letter queue, with a fast engine.

The mapping between queue and function is played here, strictly as AWS documents it.
"""

import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest
from integration.inference.dynamo_table import DynamoTable
from unit.inference.service.batch_contract import deleted_by_lambda
from unit.inference.service.service_fakes import FakeEngine
from unit.inference.service.service_world import make_job, one_wave

from zeroidle_contract import Job, Status, encode
from zeroidle_inference import telemetry
from zeroidle_inference.clock import SystemClock
from zeroidle_inference.documents import Documents
from zeroidle_inference.engine.errors import GrammarError, PromptTooLongError
from zeroidle_inference.loading import Loading
from zeroidle_inference.runner import Runner
from zeroidle_inference.service import Service
from zeroidle_inference.sqs import SqsQueue
from zeroidle_inference.telemetry.tracing import Tracer
from zeroidle_inference.telemetry.witness import Witness

if TYPE_CHECKING:
    from emulator import Emulator, StackResources

pytestmark = pytest.mark.emulator

TRACE = "Root=1-67891233-abcdef012345678912345678;Sampled=1"


class FastClock(SystemClock):
    def advance_s(self, seconds: float) -> None:
        """The fake engine's steps take no time."""


class Context:
    aws_request_id = "request-1"
    memory_limit_in_mb = 1024

    def get_remaining_time_in_millis(self) -> int:
        return 30_000


class Stack:
    """A queue with its consumer."""

    def __init__(
        self, emulator: "Emulator", resources: "StackResources", executor: ThreadPoolExecutor
    ) -> None:
        self.sqs, self.s3, self.resources = emulator.sqs, emulator.s3, resources
        self.table = DynamoTable(emulator, resources)
        self.table.clock = FastClock()  # type: ignore[assignment]
        self.store = self.table.store_with(emulator.dynamodb)
        self.engine = FakeEngine(self.table.clock)
        self.queue = SqsQueue(
            sqs=emulator.sqs,
            queue_url=resources.queue_url,
            dead_letter_queue_url=resources.dead_letter_queue_url,
        )
        self._executor = executor
        self.service = Service(
            environment_id="e",
            loading=Loading(lambda: self.engine),
            make_runner=self._make_runner,
            queue=self.queue,
            clock=self.table.clock,
            rng=random.Random(1),  # noqa: S311 - jitter
            log=telemetry.Log(telemetry.configure()),
            open_witness=self._open_witness,
        )

    def _open_witness(self, log: telemetry.Log) -> Witness:
        return Witness(
            tracer=Tracer(None),
            header=None,
            clock=self.table.clock,
            log=log,
            function_name="consumer",
        )

    def _make_runner(self, engine: Any) -> Runner:
        return Runner(
            engine=engine,
            store=self.store,
            queue=self.queue,
            documents=Documents(self.table.outputs),
            start_task=one_wave,
            prompt_version="p1",
            max_attempts=3,
            executor=self._executor,
            clock=self.table.clock,
            rng=random.Random(1),  # noqa: S311 - jitter
            log=telemetry.Log(telemetry.configure()),
        )

    def send(self, body: Job | str, **attributes: str) -> None:
        self.sqs.send_message(
            QueueUrl=self.resources.queue_url,
            MessageBody=encode(body) if isinstance(body, Job) else body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
            MessageSystemAttributes={
                "AWSTraceHeader": {"DataType": "String", "StringValue": TRACE}
            },
        )

    def deliver(self) -> int:
        """One batch, as the mapping would: receive, invoke, delete. Returns what came back."""
        received = self.sqs.receive_message(
            QueueUrl=self.resources.queue_url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])
        records = [_to_record(message) for message in received]
        response = self.service.handle({"Records": records}, Context())
        handles = {record["messageId"]: record["receiptHandle"] for record in records}
        deleted = deleted_by_lambda(response, list(handles))
        for message_id in deleted:
            self.sqs.delete_message(
                QueueUrl=self.resources.queue_url, ReceiptHandle=handles[message_id]
            )
        return len(records) - len(deleted)

    def dead_letters(self) -> list[Any]:
        return self.sqs.receive_message(
            QueueUrl=self.resources.dead_letter_queue_url,
            MaxNumberOfMessages=10,
            MessageAttributeNames=["All"],
            MessageSystemAttributeNames=["All"],
        ).get("Messages", [])

    def dead_letter_codes(self) -> list[str]:
        return sorted(
            letter["MessageAttributes"]["error_code"]["StringValue"]
            for letter in self.dead_letters()
        )


def _to_record(message: Any) -> dict[str, Any]:
    return {
        "messageId": message["MessageId"],
        "receiptHandle": message["ReceiptHandle"],
        "body": message["Body"],
        "attributes": message["Attributes"],
        "messageAttributes": {
            name: {"stringValue": value["StringValue"], "dataType": value["DataType"]}
            for name, value in message.get("MessageAttributes", {}).items()
        },
    }


@pytest.fixture
def stack(emulator: "Emulator", resources: "StackResources") -> Iterator[Stack]:
    with ThreadPoolExecutor(8) as executor:
        yield Stack(emulator, resources, executor)


def test_ten_jobs_are_done_by_one_batch(stack: Stack) -> None:
    jobs = [make_job(f"j{index}", f"text {index}") for index in range(10)]
    for job in jobs:
        stack.send(job)
    while stack.engine.log == [] or stack.table.row(jobs[-1]) is None:
        assert stack.deliver() == 0
    rows = [stack.table.row(job) for job in jobs]
    assert {(row.status, row.commits, row.attempts) for row in rows if row} == {
        (Status.SUCCEEDED, 1, 1)
    }
    assert stack.dead_letters() == []


def test_every_kind_of_bad_input_ends_with_its_code_and_its_batch_mates_succeed(
    stack: Stack,
) -> None:
    def refuse(request: Any) -> None:
        if request.prompt.document == "no grammar":
            raise GrammarError("this schema has no grammar")
        if request.prompt.document == "too long":
            raise PromptTooLongError("5000 tokens, 4096 fit")

    stack.engine.refuse = refuse
    put = stack.table.outputs.put_document
    missing = put(None, "missing", "a text")
    stack.s3.delete_object(Bucket=stack.resources.bucket, Key=missing.key)
    altered = put(None, "altered", "a text")
    stack.s3.put_object(Bucket=stack.resources.bucket, Key=altered.key, Body=b"b text")
    foreign = put("other", "foreign", "a text")
    for body in (
        "this is no JSON",
        '{"job_id": "t", "task": {"kind": "fly"}, "document": {"text": "x"}}',
        '{"job_id": "e", "task": {"kind": "summarize"}, "document": {"text": " "}}',
        make_job("grammar", "no grammar"),
        make_job("long", "too long"),
        make_job("missing", document={"s3": missing.model_dump()}),
        make_job("altered", document={"s3": altered.model_dump()}),
        make_job("foreign", document={"s3": foreign.model_dump()}),
        make_job("good-1"),
        make_job("good-2"),
    ):
        stack.send(body)
    assert stack.deliver() == 0
    assert stack.dead_letter_codes() == [
        "document_forbidden",
        "document_hash_mismatch",
        "document_missing",
        "document_too_long",
        "empty_document",
        "invalid_json",
        "invalid_schema",
        "unknown_task",
    ]
    for job_id in ("good-1", "good-2"):
        row = stack.table.row(make_job(job_id))
        assert row is not None
        assert row.status is Status.SUCCEEDED
    for job_id in ("t", "e", "grammar", "long", "missing", "altered", "foreign"):
        row = stack.table.row(make_job(job_id))
        assert row is not None
        assert row.status is Status.FAILED


def test_a_dead_letter_is_the_message_with_its_attributes_and_its_trace(stack: Stack) -> None:
    stack.send("this is no JSON", origin="batch 7")
    stack.deliver()
    [letter] = stack.dead_letters()
    assert letter["Body"] == "this is no JSON"
    assert {name: value["StringValue"] for name, value in letter["MessageAttributes"].items()} == {
        "origin": "batch 7",
        "error_code": "invalid_json",
        "fingerprint": letter["MessageAttributes"]["fingerprint"]["StringValue"],
    }
    assert letter["Attributes"]["AWSTraceHeader"] == TRACE


def test_a_job_that_comes_back_is_seen_again_and_then_succeeds(stack: Stack) -> None:
    job = make_job("a")
    other = stack.store.claim(
        job,
        owner="other",
        lease_expires_at_ms=stack.table.clock.now_ms() + 300_000,
        trace_header=None,
    )
    stack.send(job)
    assert stack.deliver() == 1
    assert stack.deliver() == 0  # it is hidden while the other one holds it
    stack.store.release(other, spend_attempt=False)  # type: ignore[arg-type]
    row = stack.table.row(job)
    assert row is not None
    assert (row.status, row.attempts) == (Status.QUEUED, 0)


def test_a_redelivered_job_that_succeeded_costs_no_inference(stack: Stack) -> None:
    job = make_job("a")
    stack.send(job)
    stack.deliver()
    inferred = list(stack.engine.log)
    stack.send(job)
    assert stack.deliver() == 0
    assert stack.engine.log == inferred
    row = stack.table.row(job)
    assert row is not None
    assert row.commits == 1


def test_a_document_in_s3_is_read_and_inferred(stack: Stack) -> None:
    claim = stack.table.outputs.put_document(None, "a", "a long text")
    stack.send(make_job("a", document={"s3": claim.model_dump()}))
    assert stack.deliver() == 0
    assert stack.engine.log[0] == "submit a long text"
