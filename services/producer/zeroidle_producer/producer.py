"""The producer's client: publishes jobs and brings their results.

Puts intake, jobs table, bucket and queue together; each lives in its own module. What a model does
with a job is not known here.
"""

from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, ThreadPoolExecutor
from itertools import islice
from random import Random
from types import TracebackType
from typing import TYPE_CHECKING, Self

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from zeroidle_contract import (
    INLINE_LIMIT_BYTES,
    ClaimCheck,
    Document,
    Job,
    JobRow,
    Result,
    Stack,
    Status,
    encode,
    job_key,
)
from zeroidle_producer.clock import Clock, SystemClock
from zeroidle_producer.errors import (
    JobConflictError,
    NotSentError,
    ProducerError,
    UnknownJobError,
    WaitTimeoutError,
)
from zeroidle_producer.intake import JobLike, accept, job_id_of, text_for_s3, valid_tenant
from zeroidle_producer.outbox import Message, Outbox, Refusal, reason_of, split
from zeroidle_producer.rows import JobRows
from zeroidle_producer.submission import Submission
from zeroidle_producer.tracing import lambda_trace_header, well_formed
from zeroidle_producer.waiting import ended_rows

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

THREADS = 8
"""Calls under way at once in `submit_many`; boto3's clients keep 10 connections."""

CHUNK_JOBS = 200
"""Jobs that `submit_many` holds in memory at once."""


class Producer:
    """Publishes one tenant's jobs and brings their results. Safe to share between threads.

    Args:
        queue_url: the queue, as `jobs_table` and `bucket` an output of the stack.
        jobs_table: the jobs table's name.
        bucket: the stack's bucket.
        sqs: low-level client of boto3, as `dynamodb` and `s3`.
        dynamodb: low-level client.
        s3: low-level client.
        tenant: whose jobs these are. Jobs without a tenant get it, jobs of another are refused.
        inline_limit_bytes: documents above this (as UTF-8) travel through S3.
        trace_header: called once per job in the caller's thread; what it returns goes with the
            message as X-Ray trace header, if it is one. By default the header of the Lambda
            invocation under way.
        clock: the time, for tests.
        random: the jitter of pauses, for tests.
    """

    def __init__(
        self,
        *,
        queue_url: str,
        jobs_table: str,
        bucket: str,
        sqs: "SQSClient",
        dynamodb: "DynamoDBClient",
        s3: "S3Client",
        tenant: str | None = None,
        inline_limit_bytes: int = INLINE_LIMIT_BYTES,
        trace_header: Callable[[], str | None] = lambda_trace_header,
        clock: Clock | None = None,
        random: Random | None = None,
    ) -> None:
        self._tenant = valid_tenant(tenant)
        self._clients = (sqs, dynamodb, s3)
        self._clock = clock or SystemClock()
        random = random or Random()  # noqa: S311 -- jitter, not a secret
        self._rows = JobRows(dynamodb=dynamodb, table=jobs_table, clock=self._clock, random=random)
        self._outbox = Outbox(sqs=sqs, queue_url=queue_url, clock=self._clock, random=random)
        self._claim_check = ClaimCheck(s3=s3, bucket=bucket)
        self._inline_limit_bytes = inline_limit_bytes
        self._trace_header = trace_header

    @classmethod
    def from_stack(
        cls,
        name: str,
        *,
        tenant: str | None = None,
        session: boto3.session.Session | None = None,
        trace_header: Callable[[], str | None] = lambda_trace_header,
    ) -> Self:
        """A producer for a deployed stack, found by its name.

        Raises:
            StackNotFoundError: there is none of that name, or it is not zeroidle's.
        """
        session = session or boto3.session.Session()
        config = Config(retries={"mode": "standard", "max_attempts": 5})
        cloudformation = session.client("cloudformation", config=config)
        try:
            stack = Stack.read(cloudformation, name)
        finally:
            cloudformation.close()
        return cls(
            queue_url=stack.queue_url,
            jobs_table=stack.jobs_table_name,
            bucket=stack.bucket_name,
            sqs=session.client("sqs", config=config),
            dynamodb=session.client("dynamodb", config=config),
            s3=session.client("s3", config=config),
            tenant=tenant,
            trace_header=trace_header,
        )

    def close(self) -> None:
        """Close the clients' connections."""
        for client in self._clients:
            client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def submit(self, job: JobLike) -> Submission:
        """Publish one job: record it as queued, store a large document, send the message.

        Submitting the same content again is safe. While the job is still queued it is sent again,
        because nobody can know whether the first send happened (this process may have died between
        row and message), and the consumer drops twins. Once it is running or has ended nothing is
        sent, and the `Submission` says how it stands.

        Raises:
            InvalidJobError: the consumer could never run it.
            JobConflictError: other content stands under its id, and was left untouched.
            NotSentError: AWS did not take it; submitting again is safe.
        """
        recorded = self._record(accept(job, tenant=self._tenant), well_formed(self._trace_header))
        if isinstance(recorded, Submission):
            return recorded
        refusal = self._outbox.send(recorded)
        if refusal is not None:
            raise _not_sent(recorded, refusal) from refusal.cause
        return Submission(recorded.job_id, Status.QUEUED, sent=True)

    def submit_many(
        self, jobs: Iterable[JobLike], *, on_progress: Callable[[int], None] | None = None
    ) -> list[Submission]:
        """Publish many jobs, each as `submit` does; one `Submission` a job, in the order given.

        Nothing is raised for a single job: its `Submission.error` says what went wrong. `jobs` may
        be a generator; `CHUNK_JOBS` of them are in memory at once. Rows are written by `THREADS`
        threads, messages sent in batches. `on_progress` gets the number of jobs done so far.
        """
        submissions: list[Submission] = []
        remaining = iter(jobs)
        with ThreadPoolExecutor(THREADS, thread_name_prefix="zeroidle-submit") as pool:
            while chunk := list(islice(remaining, CHUNK_JOBS)):
                submissions += self._submit_chunk(chunk, pool)
                if on_progress is not None:
                    on_progress(len(submissions))
        return submissions

    def _submit_chunk(self, chunk: list[JobLike], pool: Executor) -> list[Submission]:
        headers = [well_formed(self._trace_header) for _ in chunk]
        recorded = list(pool.map(self._try_record, chunk, headers))
        batches = list(split(entry for entry in recorded if isinstance(entry, Message)))
        sent = (
            _outcome(message, refusal)
            for batch, refusals in zip(
                batches, pool.map(self._outbox.send_batch, batches), strict=True
            )
            for message, refusal in zip(batch, refusals, strict=True)
        )
        return [entry if isinstance(entry, Submission) else next(sent) for entry in recorded]

    def _try_record(self, job: JobLike, trace_header: str | None) -> Submission | Message:
        try:
            return self._record(accept(job, tenant=self._tenant), trace_header)
        except ProducerError as error:
            status = error.status if isinstance(error, JobConflictError) else None
            return Submission(job_id_of(job), status, sent=False, error=error)

    def _record(self, job: Job, trace_header: str | None) -> Submission | Message:
        """The message to send, or the submission where there is nothing to send.

        The row comes first, so that a conflicting or finished job leaves nothing in the bucket; the
        document comes before the message, so that no consumer looks for it in vain.
        """
        text = text_for_s3(job, inline_limit_bytes=self._inline_limit_bytes)
        step = "recording it in the jobs table"
        try:
            standing = self._rows.record(job, trace_header=trace_header)
            if standing is not None:
                if standing.content_sha256 != job.content_sha256():
                    raise JobConflictError(job.job_id, standing.status)
                if standing.status != Status.QUEUED:
                    return Submission(job.job_id, standing.status, sent=False)
            if text is not None:
                step = "storing its document in S3"
                claim = self._claim_check.put_document(job.tenant, job.job_id, text)
                job = job.model_copy(update={"document": Document(s3=claim)})
        except (BotoCoreError, ClientError) as error:
            raise NotSentError(job.job_id, step, reason_of(error)) from error
        return Message(job.job_id, encode(job), trace_header)

    def result(self, job_id: str) -> Result | None:
        """A job's result, or its state so far (`status`); None for an unknown id."""
        row = self._rows.read(job_key(self._tenant, job_id))
        return None if row is None else self._result_of(row)

    def wait(self, job_ids: Iterable[str], timeout_s: float) -> dict[str, Result]:
        """The results of all these jobs, by id in the order given, once all have ended.

        Raises:
            WaitTimeoutError: with the results there are, and the ids still pending.
        """
        ids = list(job_ids)
        results: dict[str, Result] = {}
        try:
            for result in self.as_completed(ids, timeout_s):
                results[result.job_id] = result
        except WaitTimeoutError as error:
            error.results.update(results)
            raise
        return {job_id: results[job_id] for job_id in ids}

    def as_completed(self, job_ids: Iterable[str], timeout_s: float) -> Iterator[Result]:
        """Each job's result once, as it ends: succeeded, failed or cancelled.

        An id that is not known counts as pending: another process may be about to submit it.

        Raises:
            WaitTimeoutError: after `timeout_s`, with the ids still pending.
        """
        rows = ended_rows(
            {job_key(self._tenant, job_id): job_id for job_id in job_ids},
            read_many=self._rows.read_many,
            clock=self._clock,
            timeout_s=timeout_s,
        )
        return map(self._result_of, rows)

    def cancel(self, job_id: str) -> Status:
        """Cancel a job that is queued, running or failed; the state that stands afterwards.

        A run under way loses its right to commit. A job that has succeeded stays so.

        Raises:
            UnknownJobError: no job stands under this id.
        """
        status = self._rows.cancel(job_key(self._tenant, job_id))
        if status is None:
            raise UnknownJobError(job_id)
        return status

    def _result_of(self, row: JobRow) -> Result:
        if row.result_s3 is None:
            return row.to_result()
        return Result.model_validate_json(self._claim_check.get(self._tenant, row.result_s3))


def _not_sent(message: Message, refusal: Refusal) -> NotSentError:
    return NotSentError(message.job_id, "sending it to the queue", refusal.reason)


def _outcome(message: Message, refusal: Refusal | None) -> Submission:
    if refusal is None:
        return Submission(message.job_id, Status.QUEUED, sent=True)
    error = _not_sent(message, refusal)
    error.__cause__ = refusal.cause
    return Submission(message.job_id, Status.QUEUED, sent=False, error=error)
