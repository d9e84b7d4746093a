"""What lies in a dead-letter queue: grouped by cause, with what expires first and what to do."""

import heapq
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime

from zeroidle_contract import EXPLANATIONS, ErrorCode, Explanation
from zeroidle_ops.redrive.facts import Sighting
from zeroidle_ops.redrive.letter import MOVED_BY_SQS, UNKNOWN

HOUR_S = 3600
DAY_S = 24 * HOUR_S
AGES = (("< 1 h", HOUR_S), ("< 1 d", DAY_S), ("< 3 d", 3 * DAY_S), ("< 7 d", 7 * DAY_S))
OLDER = "older"
SHOWN = 5

_OTHERS = {
    MOVED_BY_SQS: Explanation(
        "SQS itself moved the message: it was received as often as the queue allows, and no "
        "consumer said why.",
        "Look for throttles and outages at that time; `zeroidle redrive reconcile` marks the "
        "rows; then redrive.",
        retryable=True,
    ),
    UNKNOWN: Explanation(
        "The message carries no error code: it had no room for one, or is not this consumer's.",
        "`zeroidle job JOB` tells what the row knows.",
        retryable=True,
    ),
}


def explanation(code: str) -> Explanation:
    """What a code means, what usually fixes it, and whether the same job can succeed later."""
    if code in set(ErrorCode):
        return EXPLANATIONS[ErrorCode(code)]
    return _OTHERS.get(code, _OTHERS[UNKNOWN])


def age_name(age_s: int) -> str:
    """The age group of a message."""
    return next((name for name, limit_s in AGES if age_s < limit_s), OLDER)


@dataclass(frozen=True, kw_only=True)
class Cause:
    """What messages are grouped by."""

    code: str
    fingerprint: str
    task: str | None
    tenant: str | None


@dataclass(kw_only=True)
class Group:
    """The messages of one cause."""

    cause: Cause
    count: int = 0
    already_done: int = 0
    redriven_before: int = 0
    ages: Counter[str] = field(default_factory=Counter)
    first_sent_ms: int = 0
    example_job_id: str | None = None
    example_text: str | None = None

    def add(self, sighting: Sighting, *, with_text: bool) -> None:
        """Count one message."""
        letter = sighting.letter
        if self.count == 0 or letter.sent_ms < self.first_sent_ms:
            self.first_sent_ms = letter.sent_ms
            self.example_job_id = letter.job_id
            self.example_text = _text(sighting) if with_text else None
        self.count += 1
        self.already_done += sighting.is_done
        self.redriven_before += letter.redrive_count > 0
        self.ages[age_name(sighting.age_s)] += 1


@dataclass(frozen=True, order=True, kw_only=True)
class Expiring:
    """A message and the moment at which SQS deletes it."""

    expires_at: datetime
    message_id: str
    job_id: str | None
    code: str


@dataclass(frozen=True, kw_only=True)
class Inspection:
    """A dead-letter queue's content. `is_partial` when not all of it could be seen."""

    queue: str
    messages: int
    is_partial: bool
    groups: tuple[Group, ...]
    expiring_first: tuple[Expiring, ...]


def inspect(
    batches: Iterable[Iterable[Sighting]], *, retention_s: int, with_text: bool
) -> tuple[tuple[Group, ...], tuple[Expiring, ...]]:
    """Groups, the largest first, and the messages that expire first."""
    groups: dict[Cause, Group] = {}
    first: list[tuple[int, str, str | None, str]] = []
    for sighting in (one for batch in batches for one in batch):
        letter = sighting.letter
        cause = Cause(
            code=letter.code,
            fingerprint=letter.fingerprint,
            task=letter.task,
            tenant=letter.tenant,
        )
        groups.setdefault(cause, Group(cause=cause)).add(sighting, with_text=with_text)
        heapq.heappush(first, (-letter.sent_ms, letter.message_id, letter.job_id, letter.code))
        if len(first) > SHOWN:
            heapq.heappop(first)
    expiring = sorted(
        Expiring(
            expires_at=moment(-minus_ms + retention_s * 1000),
            message_id=message_id,
            job_id=job_id,
            code=code,
        )
        for minus_ms, message_id, job_id, code in first
    )
    return tuple(sorted(groups.values(), key=lambda group: -group.count)), tuple(expiring)


def moment(at_ms: int) -> datetime:
    """Milliseconds since the epoch as a time of day."""
    return datetime.fromtimestamp(at_ms / 1000, UTC)


def _text(sighting: Sighting) -> str:
    job = sighting.letter.job
    if job is None:
        return sighting.letter.body
    if job.document is None:
        return ""
    return job.document.text or f"(in S3: {job.document.s3.key if job.document.s3 else ''})"
