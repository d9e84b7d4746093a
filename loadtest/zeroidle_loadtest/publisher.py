"""Publishes jobs: as producers do, with a row each, or as messages alone. Knows no schedule."""

from collections.abc import Sequence
from typing import Protocol

from zeroidle_contract import Job, encode
from zeroidle_loadtest.errors import DeniedError
from zeroidle_producer import InvalidJobError, NotSentError, Producer, ProducerError
from zeroidle_producer.outbox import Message, Outbox, split

MOST_AT_ONCE = 10
"""SQS's batch."""

_HOPELESS = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AWS.SimpleQueueService.NonExistentQueue",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "InvalidClientTokenId",
        "UnrecognizedClientException",
        "ExpiredToken",
        "ExpiredTokenException",
        "SignatureDoesNotMatch",
    }
)


class Publisher(Protocol):
    """Takes jobs."""

    def publish(self, jobs: Sequence[Job]) -> list[str | None]:
        """Publish; for each job None when it was taken, else why not.

        Raises:
            DeniedError: no later attempt can succeed.
        """
        ...


class RowsAndMessages:
    """As the producer library does it."""

    def __init__(self, producer: Producer) -> None:
        self._producer = producer

    def publish(self, jobs: Sequence[Job]) -> list[str | None]:
        """A row, then a message, for each."""
        if len(jobs) == 1:
            try:
                self._producer.submit(jobs[0])
            except ProducerError as error:
                return [_reason(error)]
            return [None]
        submissions = self._producer.submit_many(jobs)
        return [None if one.error is None else _reason(one.error) for one in submissions]


class MessagesAlone:
    """Messages without rows, for rates that one process could not write rows at."""

    def __init__(self, outbox: Outbox) -> None:
        self._outbox = outbox

    def publish(self, jobs: Sequence[Job]) -> list[str | None]:
        """A message for each."""
        return [
            None if refusal is None else _checked(refusal.reason)
            for batch in split(Message(job.job_id, encode(job)) for job in jobs)
            for refusal in self._outbox.send_batch(batch)
        ]


def _reason(error: ProducerError) -> str:
    if isinstance(error, NotSentError):
        return _checked(error.reason)
    return error.code if isinstance(error, InvalidJobError) else type(error).__name__


def _checked(reason: str) -> str:
    if reason in _HOPELESS:
        raise DeniedError(
            f"AWS refuses to publish ({reason}); use credentials that hold the stack's "
            "ProducerPolicy, and check that the stack still stands"
        )
    return reason
