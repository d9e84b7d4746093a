"""A stack at one moment, as values. Knows neither AWS nor how it is shown.

A part that could not be read is None and its source stands in `unreadable`; a number that nobody
measured is None, never 0.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

WINDOW_S: Final = 300
"""Activity is counted over the last five minutes: CloudWatch's points lag by one or two."""


SCALER_STALE_S: Final = 600
"""Ten ticks of the scale controller, one a minute."""


class Source(StrEnum):
    """Where parts of a snapshot come from, each read and failing by itself."""

    QUEUE = "queue"
    DEAD_LETTERS = "dead_letters"
    LIMITS = "limits"
    ACTIVITY = "activity"
    DECISIONS = "decisions"
    SCALER = "scaler"


@dataclass(frozen=True, kw_only=True)
class QueueLevel:
    """Messages in the queue. SQS's counts are approximate."""

    waiting: int
    in_flight: int
    delayed: int


@dataclass(frozen=True, order=True, kw_only=True)
class Cause:
    """Why messages are dead letters."""

    code: str
    fingerprint: str


class LeftOut(StrEnum):
    """Why nobody looked at the dead letters themselves."""

    NOT_ALLOWED = "not_allowed"
    """This role may not receive."""

    REDRIVE = "redrive"
    """A redrive is under way, and a look would take messages from it."""


@dataclass(frozen=True, kw_only=True)
class DeadLetters:
    """The dead-letter queue: how many now, and what a bounded look at them showed.

    `by_cause` counts the `seen` messages. `expires_in_s` is the time until SQS deletes the oldest
    of them; with `is_partial` an older one may not have been seen. With `left_out` there was no
    look: what it would show is from the last one before, and `seen` is None without such.
    """

    messages: int
    seen: int | None
    is_partial: bool
    by_cause: Mapping[Cause, int]
    expires_in_s: float | None
    left_out: LeftOut | None = None


@dataclass(frozen=True, kw_only=True)
class Limits:
    """What bounds the function's concurrency, and what it is made of."""

    mapping_state: str
    maximum: int | None
    reserved: int | None
    provisioned: int
    account: int
    account_unreserved: int
    batch_size: int
    timeout_s: int
    memory_gb: float
    architecture: str

    @property
    def is_reading(self) -> bool:
        """True when the queue's mapping hands out messages."""
        return self.mapping_state in {"Enabled", "Enabling", "Updating", "Creating"}

    @property
    def binding(self) -> int:
        """The concurrency that the queue can reach at most."""
        ours = self.account_unreserved if self.reserved is None else self.reserved
        return ours if self.maximum is None else min(self.maximum, ours)


class Told(StrEnum):
    """Who told what the function did."""

    CLOUDWATCH = "cloudwatch"
    LOG = "log"


@dataclass(frozen=True, kw_only=True)
class Activity:
    """What the function did within the window. Counts are sums over `window_s`.

    `failed` counts jobs that were given up, `jobs` all that left an invocation.
    """

    told_by: Told = Told.CLOUDWATCH

    window_s: int
    invocations: float | None
    errors: float | None
    throttles: float | None
    busy_s: float | None
    longest_s: float | None
    concurrent: float | None
    oldest_age_s: float | None
    jobs: float | None
    failed: float | None
    returned: float | None
    queue_wait_p95_s: float | None
    dependency_down: float | None

    @property
    def jobs_per_minute(self) -> float | None:
        """Throughput, of jobs that left an invocation."""
        return None if self.jobs is None else self.jobs * 60 / self.window_s

    @property
    def in_use(self) -> float | None:
        """Environments busy at once: as counted, or on average where nobody counts."""
        if self.concurrent is not None:
            return self.concurrent
        return None if self.busy_s is None else self.busy_s / self.window_s


@dataclass(frozen=True, kw_only=True)
class Decision:
    """What the controller or an operator decided; `target` is None where the limit stayed."""

    at: datetime
    target: int | None
    cause: str
    reason: str


@dataclass(frozen=True, kw_only=True)
class Scaler:
    """The scale controller: whether the stack's schedule calls it, and its last tick (None: never).

    Without a schedule somebody may still run it, for as long as they like.
    """

    is_scheduled: bool
    ticked_at: datetime | None

    def is_stale(self, now: datetime) -> bool:
        """True when it should have looked at the stack, and has not."""
        return self.is_scheduled and (
            self.ticked_at is None or (now - self.ticked_at).total_seconds() > SCALER_STALE_S
        )


@dataclass(frozen=True, kw_only=True)
class Spend:
    """Dollars an hour at the rate of the window, at list prices, by what they are paid for."""

    compute_usd_per_h: float
    requests_usd_per_h: float
    provisioned_usd_per_h: float

    @property
    def usd_per_h(self) -> float:
        """All of it."""
        return self.compute_usd_per_h + self.requests_usd_per_h + self.provisioned_usd_per_h


@dataclass(frozen=True, kw_only=True)
class Snapshot:
    """A stack at one moment."""

    stack_name: str
    at: datetime
    queue: QueueLevel | None = None
    dead_letters: DeadLetters | None = None
    limits: Limits | None = None
    activity: Activity | None = None
    spend: Spend | None = None
    decisions: tuple[Decision, ...] | None = None
    scaler: Scaler | None = None
    unreadable: Mapping[Source, str] = field(default_factory=dict)
