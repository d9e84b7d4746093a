"""Reads a stack into snapshots. A part that cannot be read is left out and named, never fatal.

Cheap parts are read each time. What costs money or disturbs (CloudWatch's metrics, receives on the
dead-letter queue, control-plane calls) is read at most once in its period and remembered between.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, Final, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from zeroidle_contract import ContractError
from zeroidle_contract.prices import Prices
from zeroidle_ops.errors import is_denied
from zeroidle_ops.observe.cloudwatch import read_activity
from zeroidle_ops.observe.function_log import fill_in
from zeroidle_ops.observe.limits import read_limits
from zeroidle_ops.observe.peek import count, is_redriving, peek
from zeroidle_ops.observe.scaler import read_scaler
from zeroidle_ops.observe.snapshot import (
    Activity,
    DeadLetters,
    Decision,
    LeftOut,
    QueueLevel,
    Snapshot,
    Source,
)
from zeroidle_ops.observe.spend import spend
from zeroidle_ops.redrive.errors import RedriveError
from zeroidle_ops.scale.memory import Diary
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import Clock

PERIODS_S: Final[Mapping[Source, float]] = {
    Source.QUEUE: 0,
    Source.DEAD_LETTERS: 60,
    Source.LIMITS: 15,
    Source.ACTIVITY: 30,
    Source.DECISIONS: 5,
    Source.SCALER: 30,
}
"""How old a part may be at most."""

DECISIONS_READ: Final = 3


T = TypeVar("T")


class Observer:
    """Reads one stack, again and again. Not for several threads at once."""

    def __init__(
        self,
        *,
        target: Target,
        prices: Prices,
        clock: Clock,
        periods_s: Mapping[Source, float] = PERIODS_S,
    ) -> None:
        self._target = target
        self._prices = prices
        self._clock = clock
        self._periods_s = periods_s
        self._kept: dict[Source, Any] = {}
        self._read_at_s: dict[Source, float] = {}
        self._unreadable: dict[Source, str] = {}
        self._failed_reads = dict.fromkeys(Source, 0)

    @property
    def failed_reads(self) -> Mapping[Source, int]:
        """How many reads of each source have failed so far, however often they were looked at."""
        return dict(self._failed_reads)

    def look(self) -> Snapshot:
        """The stack now."""
        activity = self._part(Source.ACTIVITY, self._activity)
        limits = self._part(
            Source.LIMITS, lambda: read_limits(self._target.lambda_, self._target.stack)
        )
        return Snapshot(
            stack_name=self._target.stack_name,
            at=self._clock.now(),
            queue=self._part(Source.QUEUE, self._queue),
            dead_letters=self._part(Source.DEAD_LETTERS, self._dead_letters),
            limits=limits,
            activity=activity,
            spend=spend(activity, limits, self._prices) if activity and limits else None,
            decisions=self._part(Source.DECISIONS, self._decisions),
            scaler=self._part(Source.SCALER, lambda: read_scaler(self._target)),
            unreadable=dict(self._unreadable),
        )

    def _part(self, source: Source, read: Callable[[], T]) -> T | None:
        now_s = self._clock.monotonic_s()
        due_s = self._read_at_s.get(source, float("-inf")) + self._periods_s[source]
        if now_s >= due_s:
            # What failed is read again after its period, too: a broken stack is not hammered.
            self._read_at_s[source] = now_s
            try:
                self._kept[source] = read()
                self._unreadable.pop(source, None)
            except (BotoCoreError, ClientError, ContractError, RedriveError) as error:
                self._kept.pop(source, None)
                self._unreadable[source] = _reason(error)
                self._failed_reads[source] += 1
        found: T | None = self._kept.get(source)
        return found

    def _activity(self) -> Activity:
        stack, now = self._target.stack, self._clock.now()
        found = read_activity(self._target.cloudwatch, stack, now=now)
        # A stack at rest has no metrics either; then its log is short, and soon read.
        return (
            found if found.jobs is not None else fill_in(found, self._target.logs, stack, now=now)
        )

    def _queue(self) -> QueueLevel:
        attributes = self._target.sqs.get_queue_attributes(
            QueueUrl=self._target.stack.queue_url,
            AttributeNames=[
                "ApproximateNumberOfMessages",
                "ApproximateNumberOfMessagesNotVisible",
                "ApproximateNumberOfMessagesDelayed",
            ],
        )["Attributes"]
        return QueueLevel(
            waiting=int(attributes["ApproximateNumberOfMessages"]),
            in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
            delayed=int(attributes["ApproximateNumberOfMessagesDelayed"]),
        )

    def _decisions(self) -> tuple[Decision, ...]:
        diary = Diary(
            dynamodb=self._target.dynamodb,
            table=self._target.stack.ops_table_name,
            mapping_id=self._target.stack.event_source_mapping_id,
        )
        return tuple(
            Decision(
                at=datetime.fromisoformat(entry.at),
                target=entry.target,
                cause=entry.cause,
                reason=entry.reason,
            )
            for entry in diary.read(DECISIONS_READ)
        )

    def _dead_letters(self) -> DeadLetters:
        sqs, stack = self._target.sqs, self._target.stack
        if is_redriving(self._target.dynamodb, stack, now=self._clock.now()):
            before: DeadLetters | None = self._kept.get(Source.DEAD_LETTERS)
            return _as_seen(before, count(sqs, stack, left_out=LeftOut.REDRIVE))
        try:
            return peek(sqs, stack, now_s=self._now_s)
        except ClientError as error:
            if error.operation_name != "ReceiveMessage" or not is_denied(error):
                raise
            return count(sqs, stack, left_out=LeftOut.NOT_ALLOWED)

    def _now_s(self) -> float:
        now: datetime = self._clock.now()
        return now.timestamp()


def _as_seen(before: DeadLetters | None, now: DeadLetters) -> DeadLetters:
    """The number of now with the causes of before, which an empty queue has no more."""
    if before is None or now.messages == 0:
        return now
    return replace(
        now, seen=before.seen, by_cause=before.by_cause, expires_in_s=before.expires_in_s
    )


def _reason(error: Exception) -> str:
    """What kind of error: its message may hold names that are no business of a metric."""
    if isinstance(error, ClientError):
        return str(error.response.get("Error", {}).get("Code", "unknown"))
    return type(error).__name__
