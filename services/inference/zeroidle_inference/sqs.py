"""The jobs queue and its dead-letter queue in SQS."""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from zeroidle_inference.dependency import guard
from zeroidle_inference.records import MessageAttribute, Record

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import (
        MessageAttributeValueTypeDef,
        MessageSystemAttributeValueTypeDef,
    )

ENTRIES_PER_CALL = 10
TRIES = 3
"""Of a call for the entries that SQS could not serve; botocore tries each call several times."""

ATTRIBUTES_PER_MESSAGE = 10
MESSAGE_LIMIT_BYTES = 1 << 20


class SqsQueue:
    """`Queue` on SQS."""

    def __init__(self, *, sqs: "SQSClient", queue_url: str, dead_letter_queue_url: str) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._dead_letter_queue_url = dead_letter_queue_url

    def change_visibility(self, visibilities_s: Iterable[tuple[Record, int]]) -> None:
        """Hide each message for so many seconds from now.

        SQS answers 200 even when it refused entries. Those that it could not serve are asked again;
        what it still refuses is let be: that message comes back later, not never.
        """
        waiting = list(visibilities_s)
        for start in range(0, len(waiting), ENTRIES_PER_CALL):
            entries = waiting[start : start + ENTRIES_PER_CALL]
            for _ in range(TRIES):
                entries = self._change_visibility(entries)
                if not entries:
                    break

    def _change_visibility(self, entries: Sequence[tuple[Record, int]]) -> list[tuple[Record, int]]:
        """The entries that SQS could not serve, through no fault of ours."""
        with guard("sqs"):
            answer = self._sqs.change_message_visibility_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {
                        "Id": str(index),
                        "ReceiptHandle": record.receipt_handle,
                        "VisibilityTimeout": seconds,
                    }
                    for index, (record, seconds) in enumerate(entries)
                ],
            )
        return [
            entries[int(failed["Id"])]
            for failed in answer.get("Failed", ())
            if not failed["SenderFault"]
        ]

    def send_dead_letter(self, record: Record, attributes: Mapping[str, str]) -> None:
        """Send the message to the dead-letter queue, with its own attributes and its trace.

        Of `attributes` those are added, in their order, that SQS's limits leave room for.
        """
        with guard("sqs"):
            self._sqs.send_message(
                QueueUrl=self._dead_letter_queue_url,
                MessageBody=record.body,
                MessageAttributes={
                    name: _to_sqs(attribute)
                    for name, attribute in fit_attributes(record, attributes).items()
                },
                MessageSystemAttributes=_trace(record),
            )


def fit_attributes(record: Record, added: Mapping[str, str]) -> dict[str, MessageAttribute]:
    """The record's own attributes and as many of the added ones as a message can hold.

    A message holds at most 10 attributes; their names, types and values count, with the body,
    towards its 1 MiB.
    """
    fitted = dict(record.attributes)
    for name, value in added.items():
        candidate = {**fitted, name: MessageAttribute("String", value)}
        size = len(record.body.encode()) + sum(
            len(key.encode()) + attribute.size_bytes for key, attribute in candidate.items()
        )
        if len(candidate) <= ATTRIBUTES_PER_MESSAGE and size <= MESSAGE_LIMIT_BYTES:
            fitted = candidate
    return fitted


def _to_sqs(attribute: MessageAttribute) -> "MessageAttributeValueTypeDef":
    if isinstance(attribute.value, bytes):
        return {"DataType": attribute.data_type, "BinaryValue": attribute.value}
    return {"DataType": attribute.data_type, "StringValue": attribute.value}


def _trace(record: Record) -> dict[Literal["AWSTraceHeader"], "MessageSystemAttributeValueTypeDef"]:
    if record.trace_header is None:
        return {}
    return {"AWSTraceHeader": {"DataType": "String", "StringValue": record.trace_header}}
