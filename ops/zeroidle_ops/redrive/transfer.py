"""Moves messages: receives, hides, shows, sends and deletes them in batches, several calls at once.

Knows nothing of plans. What SQS refuses entry by entry is reported entry by entry.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from zeroidle_contract.codec import TRACE_HEADER
from zeroidle_ops.redrive.letter import Attribute, Letter, unpack
from zeroidle_ops.redrive.queues import Route

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        MessageSystemAttributeValueTypeDef,
        SendMessageBatchRequestEntryTypeDef,
    )

THREADS = 8
"""Calls under way at once; boto3's clients keep 10 connections."""

BATCH_ENTRIES = 10
BATCH_BYTES = 1 << 20
SEND_ATTEMPTS = 3

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class Outgoing:
    """A message to send. `ticket` is the caller's own name for it."""

    ticket: int
    body: str
    attributes: Mapping[str, Attribute]
    trace_header: str | None
    size_bytes: int


class Transfer:
    """The calls on one route's two queues."""

    def __init__(self, *, sqs: "SQSClient", route: Route, pool: Executor) -> None:
        self._sqs = sqs
        self.route = route
        self._pool = pool

    def receive(self, *, calls: int, hide_s: int, wait_s: int = 1) -> list[Letter]:
        """Up to `calls` x 10 letters, hidden from others for `hide_s`.

        Nothing when the queue has as many in flight as it may.
        """
        batches = self._pool.map(lambda _: self._receive(hide_s, wait_s), range(calls))
        return [letter for batch in batches for letter in batch]

    def _receive(self, hide_s: int, wait_s: int) -> list[Letter]:
        try:
            answer = self._sqs.receive_message(
                QueueUrl=self.route.source.url,
                MaxNumberOfMessages=BATCH_ENTRIES,
                VisibilityTimeout=hide_s,
                WaitTimeSeconds=wait_s,
                MessageSystemAttributeNames=["All"],
                MessageAttributeNames=["All"],
            )
        except self._sqs.exceptions.OverLimit:
            return []
        return [Letter.from_message(message) for message in answer.get("Messages", ())]

    def release(self, receipt_handles: Iterable[str]) -> None:
        """Make messages visible again at once. One that SQS refuses comes back by itself."""
        for _ in self._each_batch(receipt_handles, self._release):
            pass

    def _release(self, receipts: Sequence[str]) -> None:
        self._sqs.change_message_visibility_batch(
            QueueUrl=self.route.source.url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": receipt, "VisibilityTimeout": 0}
                for index, receipt in enumerate(receipts)
            ],
        )

    def delete(self, receipt_handles: Iterable[str]) -> int:
        """Delete messages; the number that SQS has taken."""
        return sum(self._each_batch(receipt_handles, self._delete))

    def _delete(self, receipts: Sequence[str]) -> int:
        answer = self._sqs.delete_message_batch(
            QueueUrl=self.route.source.url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": receipt}
                for index, receipt in enumerate(receipts)
            ],
        )
        return len(answer.get("Successful", ()))

    def send(self, messages: Iterable[Outgoing], *, to_url: str) -> set[int]:
        """Send messages; the tickets of those that SQS has taken."""
        batches = list(split(messages))
        sent = self._pool.map(lambda batch: self._send(batch, to_url), batches)
        return {ticket for batch in sent for ticket in batch}

    def _send(self, batch: Sequence[Outgoing], to_url: str) -> set[int]:
        """SendMessageBatch answers 200 even when entries failed: these are sent again."""
        taken: set[int] = set()
        for _ in range(SEND_ATTEMPTS):
            answer = self._sqs.send_message_batch(
                QueueUrl=to_url,
                Entries=[
                    _entry(index, message)
                    for index, message in enumerate(batch)
                    if index not in taken
                ],
            )
            taken |= {int(entry["Id"]) for entry in answer.get("Successful", ())}
            if len(taken) == len(batch) or all(e["SenderFault"] for e in answer.get("Failed", ())):
                break
        return {batch[index].ticket for index in taken}

    def _each_batch(self, items: Iterable[str], call: Callable[[Sequence[str]], T]) -> Iterator[T]:
        return self._pool.map(call, list(_in_batches(items)))


def _in_batches(items: Iterable[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    for item in items:
        batch.append(item)
        if len(batch) == BATCH_ENTRIES:
            yield batch
            batch = []
    if batch:
        yield batch


def split(messages: Iterable[Outgoing]) -> Iterator[list[Outgoing]]:
    """Batches within SQS's limits, in the order given."""
    batch: list[Outgoing] = []
    size_bytes = 0
    for message in messages:
        if batch and (len(batch) == BATCH_ENTRIES or size_bytes + message.size_bytes > BATCH_BYTES):
            yield batch
            batch, size_bytes = [], 0
        batch.append(message)
        size_bytes += message.size_bytes
    if batch:
        yield batch


def _entry(index: int, message: Outgoing) -> "SendMessageBatchRequestEntryTypeDef":
    attributes: Any = {name: unpack(value) for name, value in message.attributes.items()}
    return {
        "Id": str(index),
        "MessageBody": message.body,
        "MessageAttributes": attributes,
        "MessageSystemAttributes": _trace(message.trace_header),
    }


def _trace(
    header: str | None,
) -> "dict[Literal['AWSTraceHeader'], MessageSystemAttributeValueTypeDef]":
    return {} if header is None else {TRACE_HEADER: {"DataType": "String", "StringValue": header}}
