"""One job's story as values, and what they say is to be done. Knows no AWS and no terminal.

A part that could not be read is absent, and why stands in `unreadable`.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from zeroidle_contract import EXPLANATIONS, Explanation, JobRow, Result, Status
from zeroidle_contract.trace import TraceHeader
from zeroidle_ops.redrive.letter import MOVED_BY_SQS
from zeroidle_ops.story.history import Event


@dataclass(frozen=True, kw_only=True)
class FoundLetter:
    """The job's message in the dead-letter queue."""

    code: str
    redrive_count: int
    expires_at: datetime


@dataclass(frozen=True, kw_only=True)
class DeadLetterLook:
    """What a bounded look into the dead-letter queue showed of the job.

    `queue_keeps_s` is how long the queue itself keeps a message.
    """

    found: FoundLetter | None
    seen: int
    messages: int
    queue_keeps_s: int

    @property
    def is_surely_absent(self) -> bool:
        """True when all dead letters were seen, and it was none of them."""
        return self.found is None and self.seen >= self.messages


@dataclass(frozen=True, kw_only=True)
class JobStory:
    """One job, as of `at`."""

    row: JobRow
    result: Result
    at: datetime
    log_group: str = ""
    events: tuple[Event, ...] = ()
    is_history_partial: bool = False
    dead_letter: DeadLetterLook | None = None
    unreadable: Mapping[str, str] = field(default_factory=dict)

    @property
    def explanation(self) -> Explanation | None:
        """What the job's error means and what usually fixes it."""
        return EXPLANATIONS[self.result.error.code] if self.result.error else None

    @property
    def ended_at(self) -> datetime | None:
        """When it ended, if it has."""
        return self.result.completed_at or self.row.completed_at

    @property
    def took_s(self) -> float | None:
        """From its submission to its end, or until now."""
        if self.row.submitted_at is None:
            return None
        return ((self.ended_at or self.at) - self.row.submitted_at).total_seconds()

    @property
    def lease_ends_at(self) -> datetime | None:
        """Until when an invocation has the job to itself."""
        ends_ms = self.row.lease_expires_at_ms
        if self.row.status is not Status.RUNNING or ends_ms is None:
            return None
        return datetime.fromtimestamp(ends_ms / 1000, UTC)

    @property
    def request_id(self) -> str | None:
        """The invocation that has, or last had, the job."""
        if self.row.lease_owner is not None:
            return self.row.lease_owner.split("/", maxsplit=1)[0]
        return self.events[-1].request_id if self.events else None

    @property
    def producer_trace_id(self) -> str | None:
        """The trace that the producer submitted it in."""
        header = TraceHeader.parse(self.row.trace_header)
        return header.trace_id if header is not None else None

    @property
    def invocation_trace_ids(self) -> tuple[str, ...]:
        """The traces of the invocations that its history names, the first one first."""
        return tuple(dict.fromkeys(event.trace_id for event in self.events if event.trace_id))


def next_step(story: JobStory, *, stack_option: str) -> str | None:
    """What is to be done about the job now; None when it is done.

    Args:
        story: the job.
        stack_option: how commands name the stack, `--stack prod`.
    """
    status = story.row.status
    letter = story.dead_letter.found if story.dead_letter else None
    if status is Status.SUCCEEDED:
        return None
    if status is Status.CANCELLED:
        return "Nothing: a cancelled job never runs. To have it done, submit it under a new id."
    if letter is not None and (status is not Status.FAILED or letter.code == MOVED_BY_SQS):
        return (
            "SQS gave its message up, unheard: it lies in the dead-letter queue. "
            f"`zeroidle redrive reconcile {stack_option}` marks such jobs as failed; then redrive."
        )
    if status is Status.RUNNING:
        return _of_running(story)
    return _of_queued(story) if status is Status.QUEUED else _of_failed(story, stack_option)


def _of_running(story: JobStory) -> str:
    ends = story.lease_ends_at
    if ends is None or ends > story.at:
        return "Wait: an invocation works on it. If that dies, the job comes back after the lease."
    return (
        "Wait some minutes: its invocation ended without a word (crash, timeout), and the message "
        "comes back by itself. Why it ended: docs/runbook/errors.md."
    )


def _of_queued(story: JobStory) -> str:
    look = story.dead_letter
    if look is not None and story.took_s is not None and story.took_s > look.queue_keeps_s:
        return (
            f"Submit it again: it is older than the {look.queue_keeps_s / 86_400:g} days that the "
            "queue keeps a message, unless it was redriven."
        )
    last = story.events[-1] if story.events else None
    if last is not None and last.visibility_s is not None:
        again = last.at + timedelta(seconds=last.visibility_s)
        if again > story.at:
            return f"Wait: its message can be seen again at {again:%H:%M:%S} UTC."
    return "Wait for its turn. If that takes too long: docs/runbook/queue-age.md."


def _of_failed(story: JobStory, stack_option: str) -> str:
    look = story.dead_letter
    if look is not None and look.found is not None:
        return (
            "When the cause is gone: `zeroidle redrive plan "
            f"--where \"job_id == '{story.row.job_id}'\" --reason … {stack_option}`, "
            "then apply the plan."
        )
    if look is not None and look.is_surely_absent:
        return (
            "Its message is not in the dead-letter queue: redriven and under way, discarded, or "
            "expired. When the cause is gone, submit the document again."
        )
    return f"Whether its message can be redriven: `zeroidle redrive inspect {stack_option}`."
