"""A runner among test doubles, and the records that tests feed to it."""

import io
import json
import random
from collections.abc import Generator, Sequence
from dataclasses import replace
from typing import Any

from unit.inference.service.service_fakes import (
    FakeClock,
    FakeEngine,
    FakeQueue,
    FakeStore,
    InlineExecutor,
)

from zeroidle_contract import ClaimCheck, Job, JobRow, Output, Status, SummarizeOutput, Task, encode
from zeroidle_contract.trace import TraceHeader
from zeroidle_inference import telemetry
from zeroidle_inference.documents import Documents
from zeroidle_inference.engine.request import Answer, ChatMessage, Generate, Prompt, Request
from zeroidle_inference.invocation import Invocation
from zeroidle_inference.records import MessageAttribute, Record
from zeroidle_inference.runner import Runner
from zeroidle_inference.telemetry.tracing import Span
from zeroidle_inference.telemetry.witness import Witness

INVOCATION_TRACE = "Root=1-6f000000-0123456789abcdef01234567;Parent=53995c3f42cd8ad8;Sampled=1"
MAX_TOKENS = 100
MAX_ATTEMPTS = 3


def make_job(job_id: str, text: str = "a text", **fields: Any) -> Job:
    return Job.model_validate(
        {
            "job_id": job_id,
            "task": {"kind": "summarize"},
            "document": {"text": text},
            "submitted_at": "2027-01-15T07:59:50Z",
            **fields,
        }
    )


def make_record(
    body: Job | str,
    *,
    message_id: str | None = None,
    receives: int = 1,
    attributes: dict[str, MessageAttribute] | None = None,
) -> Record:
    """A record of a job, whose message id is the job's id if it is not given."""
    if isinstance(body, Job):
        message_id = message_id or body.job_id
        body = encode(body)
    return Record(
        message_id=message_id or "m",
        receipt_handle=f"receipt-{message_id}",
        body=body,
        receive_count=receives,
        trace_header="Root=1-67891233-abcdef012345678912345678;Sampled=1",
        attributes=attributes or {},
    )


def request(document: str | None) -> Generate:
    prompt = Prompt((ChatMessage("user", "Summarise:"),), document)
    return Generate(prompt, max_tokens=MAX_TOKENS)


def one_wave(
    task: Task, document: str | None, model: Any
) -> Generator[Sequence[Request], Sequence[Answer], Output]:
    answers = yield [request(document)]
    return SummarizeOutput(summary=answers[0].text)  # type: ignore[union-attr]


class FakeS3:
    """Objects in a dictionary."""

    class exceptions:  # noqa: N801 - as boto3 names it
        class NoSuchKey(Exception):  # noqa: N818 - as S3 names it
            pass

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}
        self.reads: list[str] = []

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        self.reads.append(Key)
        if Key not in self.objects:
            raise self.exceptions.NoSuchKey
        return {"Body": io.BytesIO(self.objects[Key])}


class FakeTracer:
    """Keeps what would be sent. `error` is raised instead."""

    def __init__(self) -> None:
        self.spans: list[Span] = []
        self.error: Exception | None = None

    def begin(self, header: TraceHeader | None) -> "FakeTracer | None":
        return self if header is not None and header.is_sampled else None

    def send(self, span: Span) -> None:
        if self.error is not None:
            raise self.error
        self.spans.append(span)

    def named(self, name: str) -> list[Span]:
        return [span for span in self.spans if span.name == name]


class World:
    """Everything a batch touches."""

    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeStore(self.clock)
        self.queue = FakeQueue()
        self.engine = FakeEngine(self.clock)
        self.s3 = FakeS3()
        self.claim_check = ClaimCheck(s3=self.s3, bucket="bucket")  # type: ignore[arg-type]
        self.start_task: Any = one_wave
        self.timeout_s = 60.0
        self.remaining_s: float | None = None
        self.model_wait_s = 0.0
        self.requests = 0
        self.tracer = FakeTracer()
        self.trace_header: str | None = INVOCATION_TRACE
        self._stream = io.StringIO()
        self.log = telemetry.Log(telemetry.configure(self._stream))

    def runner(self) -> Runner:
        return Runner(
            engine=self.engine,
            store=self.store,
            queue=self.queue,
            documents=Documents(self.claim_check),
            start_task=self.start_task,
            prompt_version="p1",
            max_attempts=MAX_ATTEMPTS,
            executor=InlineExecutor(),
            clock=self.clock,
            rng=random.Random(1),  # noqa: S311 - jitter
            log=self.log,
        )

    def invocation(self) -> Invocation:
        """An invocation that begins now, less the time it waited for the model."""
        self.requests += 1
        remaining_s = self.timeout_s if self.remaining_s is None else self.remaining_s
        return Invocation(
            request_id=f"request-{self.requests}",
            deadline_ms=self.clock.now_ms() + round(remaining_s * 1000),
            started_s=self.clock.monotonic_s() - self.model_wait_s,
            deadline_s=self.clock.monotonic_s() + remaining_s,
            timeout_s=self.timeout_s,
            memory_mb=2048,
            model_wait_s=self.model_wait_s,
        )

    def witness(self) -> Witness:
        self.last_witness = Witness(
            tracer=self.tracer,  # type: ignore[arg-type]
            header=TraceHeader.parse(self.trace_header),
            clock=self.clock,
            log=self.log,
            function_name="consumer",
        )
        return self.last_witness

    def run(self, *records: Record) -> list[str]:
        """The ids that SQS must keep."""
        return self.runner().run(records, self.invocation(), self.witness())

    def row(self, job_id: str) -> JobRow:
        return self.store.rows[f"-/{job_id}"]

    def lines(self, action: str) -> list[dict[str, Any]]:
        """The log lines of an action."""
        lines = [json.loads(line) for line in self.log_text().splitlines()]
        return [line for line in lines if line["action"] == action]

    def log_text(self) -> str:
        return self._stream.getvalue()

    def dead_letter_codes(self) -> dict[str, str]:
        """Code by message id."""
        return {
            record.message_id: attributes["error_code"]
            for record, attributes in self.queue.dead_letters
        }


def claim_elsewhere(world: World, job: Any, *, lease_s: float = 30, owner: str = "other") -> Any:
    """Another holder's claim."""
    return world.store.claim(
        job,
        owner=owner,
        lease_expires_at_ms=world.clock.now_ms() + round(lease_s * 1000),
        trace_header=None,
    )


def replace_status(world: World, key: str, status: Status) -> Any:
    """The row with another status."""
    return replace(world.store.rows[key], status=status)
