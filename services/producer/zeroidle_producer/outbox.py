"""Sends messages in batches: splits by SQS's limits, sends again only the entries that failed.

Knows nothing of jobs beyond their id, and nothing of the jobs table.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random
from typing import TYPE_CHECKING, Literal

from botocore.exceptions import BotoCoreError, ClientError

from zeroidle_contract.codec import TRACE_HEADER
from zeroidle_producer.clock import Clock
from zeroidle_producer.intake import MESSAGE_BYTES

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        MessageSystemAttributeValueTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

BATCH_ENTRIES = 10
BATCH_BYTES = MESSAGE_BYTES
"""SQS has one limit for a message and for a whole batch."""

SEND_ATTEMPTS = 5
BACKOFF_S = 0.1


@dataclass(frozen=True)
class Message:
    """One message to send."""

    job_id: str
    body: str
    trace_header: str | None = None

    @property
    def size_bytes(self) -> int:
        """What counts towards SQS's limits; the trace header too, to be on the safe side."""
        return len(self.body.encode()) + len(self.trace_header or "")


@dataclass(frozen=True)
class Refusal:
    """Why a message was not sent: AWS's error code or an exception's name, and the exception."""

    reason: str
    cause: Exception | None = None


def split(messages: Iterable[Message]) -> Iterator[list[Message]]:
    """Batches within SQS's limits, in the order given.

    Each message must itself be within `BATCH_BYTES`.
    """
    batch: list[Message] = []
    batch_bytes = 0
    for message in messages:
        size_bytes = message.size_bytes
        if batch and (len(batch) == BATCH_ENTRIES or batch_bytes + size_bytes > BATCH_BYTES):
            yield batch
            batch, batch_bytes = [], 0
        batch.append(message)
        batch_bytes += size_bytes
    if batch:
        yield batch


class Outbox:
    """The queue's entrance."""

    def __init__(self, *, sqs: "SQSClient", queue_url: str, clock: Clock, random: Random) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._clock = clock
        self._random = random

    def send(self, message: Message) -> Refusal | None:
        """Send one message; None when SQS has taken it. boto3 has retried what can be retried."""
        try:
            self._sqs.send_message(
                QueueUrl=self._queue_url,
                MessageBody=message.body,
                MessageSystemAttributes=_system_attributes(message),
            )
        except (BotoCoreError, ClientError) as error:
            return Refusal(reason_of(error), error)
        return None

    def send_batch(self, batch: Sequence[Message]) -> list[Refusal | None]:
        """Send one batch of `split`; None for each message that SQS has taken.

        SendMessageBatch answers 200 even when entries failed. Those that failed for SQS's own
        reasons are sent again, `SEND_ATTEMPTS` times in all, after a pause of a random part of
        `BACKOFF_S` x 2^n; those that are the sender's fault are not. Errors of the whole call
        have already been retried by boto3.
        """
        refusals: list[Refusal | None] = [None] * len(batch)
        waiting = list(range(len(batch)))
        for attempt in range(SEND_ATTEMPTS):
            if attempt:
                self._clock.sleep(self._random.uniform(0, BACKOFF_S * 2**attempt))
            entries = [_entry(index, batch[index]) for index in waiting]
            try:
                response = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
            except (BotoCoreError, ClientError) as error:
                for index in waiting:
                    refusals[index] = Refusal(reason_of(error), error)
                return refusals
            taken = {int(entry["Id"]) for entry in response.get("Successful", ())}
            failed = {int(entry["Id"]): entry for entry in response.get("Failed", ())}
            for index in waiting:
                if index in taken:
                    refusals[index] = None
                else:
                    code = failed[index]["Code"] if index in failed else "no answer"
                    refusals[index] = Refusal(code)
            waiting = [
                index
                for index in waiting
                if index not in taken and not (index in failed and failed[index]["SenderFault"])
            ]
            if not waiting:
                break
        return refusals


def _entry(index: int, message: Message) -> "SendMessageBatchRequestEntryTypeDef":
    return {
        "Id": str(index),
        "MessageBody": message.body,
        "MessageSystemAttributes": _system_attributes(message),
    }


def _system_attributes(
    message: Message,
) -> "dict[Literal['AWSTraceHeader'], MessageSystemAttributeValueTypeDef]":
    if message.trace_header is None:
        return {}
    return {TRACE_HEADER: {"DataType": "String", "StringValue": message.trace_header}}


def reason_of(error: BotoCoreError | ClientError) -> str:
    """AWS's error code, or the name of boto3's error: short, and never a request's content."""
    if isinstance(error, ClientError):
        return error.response.get("Error", {}).get("Code", "unknown error")
    return type(error).__name__
