"""The jobs of a seed, what the played engine makes of each, and how each may end.

A document's first word says how it behaves, its second whose it is: that is all that the engine
knows of a job.
"""

import json
import random
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum

from zeroidle_contract import Document, ErrorCode, Job, Status, Summarize, encode

S3_DOCUMENT_BYTES = 2_000
"""Above this the producer of the harness sends documents through S3."""


class Kind(StrEnum):
    """How a job behaves."""

    GOOD = "good"
    LONG = "long"
    """Two waves of requests."""
    LARGE = "large"
    """The document lies in S3, and so does the result."""
    CURABLE = "curable"
    """Fails until its cause is gone, then succeeds when it is redriven."""
    BROKEN = "broken"
    """Every attempt raises."""
    REFUSED = "refused"
    """Can never succeed, and the engine says so."""
    CRASHER = "crasher"
    """Kills its process, as an out-of-memory kill would."""
    LATE = "late"
    """Its own deadline is over."""
    CANCELLED = "cancelled"
    """The producer cancels it."""
    NO_JSON = "no-json"
    NO_TASK = "no-task"
    """Not from our producer: straight into the queue."""


INNOCENT = frozenset({Kind.GOOD, Kind.LONG, Kind.LARGE, Kind.CANCELLED})
"""Jobs that no fault may bring into the dead-letter queue."""

SUCCEEDED, FAILED, CANCELLED = Status.SUCCEEDED, Status.FAILED, Status.CANCELLED
INTERNAL, EXHAUSTED = ErrorCode.INTERNAL, ErrorCode.ATTEMPTS_EXHAUSTED

ENDS: dict[Kind, tuple[frozenset[Status | None], frozenset[ErrorCode]]] = {
    Kind.GOOD: (frozenset({SUCCEEDED}), frozenset()),
    Kind.LONG: (frozenset({SUCCEEDED}), frozenset()),
    Kind.LARGE: (frozenset({SUCCEEDED}), frozenset()),
    Kind.CURABLE: (frozenset({SUCCEEDED, FAILED}), frozenset({INTERNAL, EXHAUSTED})),
    Kind.BROKEN: (frozenset({FAILED}), frozenset({INTERNAL, EXHAUSTED})),
    Kind.REFUSED: (frozenset({FAILED}), frozenset({ErrorCode.DOCUMENT_TOO_LONG, EXHAUSTED})),
    Kind.CRASHER: (frozenset({FAILED}), frozenset({EXHAUSTED})),
    Kind.LATE: (frozenset({FAILED}), frozenset({ErrorCode.DEADLINE_PASSED})),
    Kind.CANCELLED: (frozenset({CANCELLED, SUCCEEDED}), frozenset()),
    Kind.NO_JSON: (frozenset({None}), frozenset({ErrorCode.INVALID_JSON})),
    Kind.NO_TASK: (frozenset({FAILED}), frozenset({ErrorCode.UNKNOWN_TASK})),
}
"""By kind: the states its row may be left in, and the codes that its dead letters may have."""

SHARES = {
    Kind.LONG: 0.05,
    Kind.LARGE: 0.01,
    Kind.CURABLE: 0.01,
    Kind.BROKEN: 0.005,
    Kind.REFUSED: 0.01,
    Kind.CRASHER: 0.001,
    Kind.LATE: 0.005,
    Kind.CANCELLED: 0.005,
    Kind.NO_JSON: 0.005,
    Kind.NO_TASK: 0.005,
}
"""The rest is good."""

STEPS = {Kind.LONG: 6}
USUAL_STEPS = 4
"""Engine steps that a job takes."""


@dataclass(frozen=True)
class Planned:
    """One job as planned; `job` is None where the message never was one."""

    name: str
    kind: Kind
    body: str
    job: Job | None

    @property
    def steps(self) -> int:
        return STEPS.get(self.kind, USUAL_STEPS)


def plan(seed: int, jobs: int, now: datetime) -> list[Planned]:
    """The jobs of a seed in the order of sending: at least one of each kind."""
    rng = random.Random(seed)  # noqa: S311 - a plan
    kinds = [kind for kind, share in SHARES.items() for _ in range(max(1, round(share * jobs)))]
    kinds += [Kind.GOOD] * (jobs - len(kinds))
    rng.shuffle(kinds)
    return [_planned(f"s{seed}-{index:05}", kind, now) for index, kind in enumerate(kinds)]


def _planned(name: str, kind: Kind, now: datetime) -> Planned:
    if kind is Kind.NO_JSON:
        return Planned(name, kind, f"{name} is no JSON", None)
    if kind is Kind.NO_TASK:
        body = f'{{"job_id":"{name}","task":{{"kind":"fly"}},"document":{{"text":"x"}}}}'
        return Planned(name, kind, body, None)
    text = f"{kind} {name}"
    job = Job(
        job_id=name,
        task=Summarize(),
        document=Document(text=text.ljust(2 * S3_DOCUMENT_BYTES) if kind is Kind.LARGE else text),
        deadline=now - timedelta(hours=1) if kind is Kind.LATE else None,
        submitted_at=now.astimezone(UTC),
    )
    return Planned(name, kind, encode(job), job)


def name_in(body: str) -> str:
    """The job's name in a message of a plan."""
    try:
        return str(json.loads(body)["job_id"])
    except ValueError:
        return body.split(maxsplit=1)[0]
