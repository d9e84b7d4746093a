"""The native move task, for unfiltered bulk: SQS moves everything, at up to 500 messages a second.

It cannot filter, archive, or tell good from bad, and its cancellation brings nothing back. The
destination is always named: messages that the consumer itself sent to the dead-letter queue have
no source that SQS could know.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from zeroidle_ops.lock import Lock
from zeroidle_ops.redrive.errors import MoveTaskError
from zeroidle_ops.redrive.queues import Route
from zeroidle_producer.clock import Clock

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ListMessageMoveTasksResultEntryTypeDef

MOST_PER_S = 500
POLL_S = 1.0

_REFUSALS = {
    "UnsupportedOperation": "a move task already runs on this queue, or the queue cannot have one",
    "AWS.SimpleQueueService.UnsupportedOperation": "a move task already runs on this queue, or "
    "the queue cannot have one",
    "InvalidAction": "this endpoint has no move tasks",
    "UnknownOperationException": "this endpoint has no move tasks",
}


@dataclass(frozen=True, kw_only=True)
class MoveTask:
    """A move task as it stands. `to_move` is SQS's estimate at its start."""

    status: str
    moved: int
    to_move: int | None
    reason: str | None = None

    @property
    def is_over(self) -> bool:
        """True when nothing moves any more."""
        return self.status not in {"RUNNING", "CANCELLING"}


@dataclass(frozen=True, kw_only=True)
class NativeMove:
    """Starts, follows and cancels the move task of one route."""

    sqs: "SQSClient"
    route: Route
    clock: Clock
    lock: Lock

    def run(
        self,
        *,
        rate_per_s: int,
        on_progress: Callable[[MoveTask], None],
        should_stop: Callable[[], bool],
    ) -> MoveTask:
        """Move everything; a stop cancels the task. What was moved stays moved.

        Raises:
            MoveTaskError: it did not start, or SQS gave up.
        """
        if not 1 <= rate_per_s <= MOST_PER_S:
            raise MoveTaskError(f"a move task's rate is 1 to {MOST_PER_S} a second")
        handle = self._start(rate_per_s)
        is_cancelled = False
        while not (task := self._look()).is_over:
            on_progress(task)
            if should_stop() and not is_cancelled:
                is_cancelled = self._cancel(handle)
            self.clock.sleep(POLL_S)
            self.lock.renew()
        if task.status == "FAILED":
            raise MoveTaskError(f"SQS gave up after {task.moved} messages: {task.reason}")
        return task

    def _start(self, rate_per_s: int) -> str:
        try:
            return self.sqs.start_message_move_task(
                SourceArn=self.route.source.arn,
                DestinationArn=self.route.destination.arn,
                MaxNumberOfMessagesPerSecond=rate_per_s,
            )["TaskHandle"]
        except ClientError as error:
            code = error.response.get("Error", {}).get("Code", "")
            if code not in _REFUSALS:
                raise
            raise MoveTaskError(f"the move task did not start: {_REFUSALS[code]}") from None

    def _look(self) -> MoveTask:
        found = self.sqs.list_message_move_tasks(SourceArn=self.route.source.arn, MaxResults=1)
        return _parse(found["Results"][0])

    def _cancel(self, handle: str) -> bool:
        try:
            self.sqs.cancel_message_move_task(TaskHandle=handle)
        except self.sqs.exceptions.ResourceNotFoundException:
            return True  # it ended by itself just now
        return True


def _parse(raw: "ListMessageMoveTasksResultEntryTypeDef") -> MoveTask:
    return MoveTask(
        status=raw.get("Status", "RUNNING"),
        moved=raw.get("ApproximateNumberOfMessagesMoved", 0),
        to_move=raw.get("ApproximateNumberOfMessagesToMove"),
        reason=raw.get("FailureReason"),
    )
