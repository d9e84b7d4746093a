"""A producer for other teams' tests: the same calls, in memory, answered by a function of theirs.

producer = FakeProducer(lambda job: SummarizeOutput(summary="short"))
producer.submit({"job_id": "a", "task": {"kind": "summarize"}, "document": {"text": "long"}})
assert producer.wait(["a"], timeout_s=1)["a"].output.summary == "short"
"""

from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from typing import Self

from zeroidle_contract import INLINE_LIMIT_BYTES, Job, JobError, Output, Result, Status
from zeroidle_producer.errors import (
    JobConflictError,
    ProducerError,
    UnknownJobError,
    WaitTimeoutError,
)
from zeroidle_producer.intake import JobLike, accept, job_id_of, text_for_s3, valid_tenant
from zeroidle_producer.submission import Submission


class FakeProducer:
    """Holds jobs until somebody waits for them, then answers each with `answer`.

    Args:
        answer: gives a job's output, or its error, or None to leave the job queued.
        tenant: as `Producer` has it.
    """

    def __init__(
        self, answer: Callable[[Job], Output | JobError | None], *, tenant: str | None = None
    ) -> None:
        self._answer = answer
        self._tenant = valid_tenant(tenant)
        self._results: dict[str, Result] = {}
        self.jobs: dict[str, Job] = {}
        """Every job accepted so far, by id."""

    def __enter__(self) -> Self:
        """As `Producer`: nothing to open."""
        return self

    def __exit__(self, *_: object) -> None:
        """As `Producer`: nothing to close."""

    def submit(self, job: JobLike) -> Submission:
        """As `Producer.submit`."""
        accepted = accept(job, tenant=self._tenant)
        text_for_s3(accepted, inline_limit_bytes=INLINE_LIMIT_BYTES)
        standing = self.jobs.setdefault(accepted.job_id, accepted)
        result = self._results.setdefault(
            accepted.job_id, Result(job_id=accepted.job_id, status=Status.QUEUED)
        )
        if standing.content_sha256() != accepted.content_sha256():
            raise JobConflictError(accepted.job_id, result.status)
        return Submission(accepted.job_id, result.status, sent=result.status == Status.QUEUED)

    def submit_many(
        self, jobs: Iterable[JobLike], *, on_progress: Callable[[int], None] | None = None
    ) -> list[Submission]:
        """As `Producer.submit_many`."""
        submissions: list[Submission] = []
        for job in jobs:
            try:
                submissions.append(self.submit(job))
            except ProducerError as error:
                status = error.status if isinstance(error, JobConflictError) else None
                submissions.append(Submission(job_id_of(job), status, sent=False, error=error))
            if on_progress is not None:
                on_progress(len(submissions))
        return submissions

    def result(self, job_id: str) -> Result | None:
        """As `Producer.result`; jobs stay queued until they are waited for."""
        return self._results.get(job_id)

    def wait(self, job_ids: Iterable[str], timeout_s: float) -> dict[str, Result]:
        """As `Producer.wait`, but never pauses."""
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
        """As `Producer.as_completed`, but never pauses: what stays queued times out at once."""
        pending: list[str] = []
        for job_id in dict.fromkeys(job_ids):
            result = self._run(job_id)
            if result is None:
                pending.append(job_id)
            else:
                yield result
        if pending:
            raise WaitTimeoutError(timeout_s=timeout_s, pending=tuple(pending), results={})

    def cancel(self, job_id: str) -> Status:
        """As `Producer.cancel`."""
        result = self._results.get(job_id)
        if result is None:
            raise UnknownJobError(job_id)
        if not result.status.is_terminal:
            result = Result(job_id=job_id, status=Status.CANCELLED, completed_at=datetime.now(UTC))
            self._results[job_id] = result
        return result.status

    def close(self) -> None:
        """As `Producer.close`."""

    def _run(self, job_id: str) -> Result | None:
        result = self._results.get(job_id)
        if result is None or result.status != Status.QUEUED:
            return result
        answer = self._answer(self.jobs[job_id])
        if answer is None:
            return None
        failed = isinstance(answer, JobError)
        self._results[job_id] = Result(
            job_id=job_id,
            status=Status.FAILED if failed else Status.SUCCEEDED,
            output=None if failed else answer,
            error=answer if failed else None,
            attempts=1,
            completed_at=datetime.now(UTC),
        )
        return self._results[job_id]
