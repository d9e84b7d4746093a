"""From a request that was published to its record, whatever became of it."""

from dataclasses import dataclass

from zeroidle_contract import JobRow, Status
from zeroidle_loadtest.record import RequestRecord
from zeroidle_loadtest.timeline import Timeline


@dataclass(slots=True)
class Published:
    """A request under way. `publish_ms` is None while the publishing call runs."""

    job_id: str
    task: str
    sample: str
    intended_ms: float
    sent_ms: float
    document_bytes: int = 0
    publish_ms: float | None = None


class Ends:
    """Writes the records of one worker's requests."""

    def __init__(self, *, worker: int, timeline: Timeline) -> None:
        self._worker = worker
        self._timeline = timeline

    def of_row(self, request: Published, row: JobRow) -> RequestRecord:
        """A request whose job has ended."""
        result = row.to_result()
        has_succeeded = row.status == Status.SUCCEEDED
        completed_at = result.completed_at or row.completed_at
        timings, usage = result.timings, result.usage
        return RequestRecord(
            **self._begun(request),
            outcome="succeeded" if has_succeeded else "failed",
            error_code=None if has_succeeded else _code(row),
            completed_ms=self._timeline.at_ms(completed_at) if completed_at else None,
            queued_ms=timings.queued_ms,
            cold_start_ms=timings.cold_start_ms,
            prefill_ms=timings.prefill_ms,
            decode_ms=timings.decode_ms,
            commit_ms=timings.commit_ms,
            prompt_tokens=usage.prompt_tokens,
            cached_tokens=usage.cached_tokens,
            forced_tokens=usage.forced_tokens,
            sampled_tokens=usage.sampled_tokens,
            gb_seconds=result.gb_seconds,
            attempts=row.attempts,
            invocation=_invocation(row.lease_owner),
        )

    def refused(self, request: Published, reason: str) -> RequestRecord:
        """A request that could not be published."""
        return RequestRecord(
            **self._begun(request),
            outcome="failed",
            error_code="not_sent",
            error_detail=reason,
            completed_ms=request.sent_ms + (request.publish_ms or 0.0),
        )

    def unresolved(self, request: Published) -> RequestRecord:
        """A request that has not come back in time."""
        return RequestRecord(**self._begun(request), outcome="unresolved")

    def _begun(self, request: Published) -> dict[str, object]:
        publish_ms = request.publish_ms
        if publish_ms is None:  # cut off while it was being published
            publish_ms = self._timeline.now_ms() - request.sent_ms
        return {
            "job_id": request.job_id,
            "task": request.task,
            "sample": request.sample,
            "worker": self._worker,
            "intended_ms": round(request.intended_ms, 3),
            "sent_ms": round(request.sent_ms, 3),
            "publish_ms": round(publish_ms, 3),
            "document_bytes": request.document_bytes,
        }


def _code(row: JobRow) -> str:
    return row.error.code.value if row.error is not None else row.status.value


def _invocation(lease_owner: str | None) -> str | None:
    """A lease is owned by `<invocation>/<message>`."""
    return None if lease_owner is None else lease_owner.partition("/")[0]
