"""SQS records as Lambda hands them over, and the jobs they carry.

Knows the event's shape and the contract's codec; touches neither queue nor table.
"""

import base64
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from zeroidle_contract import InvalidRecordError, Job, decode
from zeroidle_contract.codec import TRACE_HEADER
from zeroidle_contract.trace import TraceHeader


@dataclass(frozen=True, slots=True)
class MessageAttribute:
    """One attribute that the sender put on the message."""

    data_type: str
    value: str | bytes

    @property
    def size_bytes(self) -> int:
        """What type and value count towards the message's size."""
        value = self.value.encode() if isinstance(self.value, str) else self.value
        return len(self.data_type.encode()) + len(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """One received message."""

    message_id: str
    receipt_handle: str
    body: str
    trace_header: str | None = None
    receive_count: int = 1
    sent_ms: int | None = None
    attributes: Mapping[str, MessageAttribute] = field(default_factory=dict)

    @property
    def trace_id(self) -> str | None:
        """The producer's X-Ray trace id, from the trace header."""
        header = TraceHeader.parse(self.trace_header)
        return header.trace_id if header is not None else None


@dataclass(frozen=True, slots=True)
class Delivery:
    """A job with the records that carry it: one, or several when SQS delivered twins."""

    job: Job
    records: tuple[Record, ...]

    @property
    def is_repeated(self) -> bool:
        """True when one of the messages was received before."""
        return any(record.receive_count > 1 for record in self.records)


@dataclass(frozen=True, slots=True)
class InvalidRecord:
    """A record that can never become a job, and why."""

    record: Record
    error: InvalidRecordError


def parse_event(event: Mapping[str, Any]) -> list[Record]:
    """The records of an SQS event."""
    return [_parse_record(raw) for raw in event["Records"]]


def _parse_record(raw: Mapping[str, Any]) -> Record:
    system = raw.get("attributes", {})
    return Record(
        message_id=raw["messageId"],
        receipt_handle=raw["receiptHandle"],
        body=raw["body"],
        trace_header=system.get(TRACE_HEADER),
        receive_count=int(system.get("ApproximateReceiveCount", "1")),
        sent_ms=int(system["SentTimestamp"]) if "SentTimestamp" in system else None,
        attributes={
            name: _parse_attribute(value)
            for name, value in raw.get("messageAttributes", {}).items()
        },
    )


def _parse_attribute(raw: Mapping[str, Any]) -> MessageAttribute:
    binary = raw.get("binaryValue")
    if binary is not None:
        return MessageAttribute(raw["dataType"], base64.b64decode(binary))
    return MessageAttribute(raw["dataType"], raw.get("stringValue") or "")


def read_jobs(records: Iterable[Record]) -> tuple[list[Delivery], list[InvalidRecord]]:
    """Decode all records and put twins together.

    Twins have the same key and the same content. Records of the same key with other content stay
    apart: which of them is the job is for the table to say. Deliveries come with the most often
    received first, so that a job that was returned for lack of time gets it now.
    """
    twins: dict[tuple[str, str], list[tuple[Job, Record]]] = {}
    invalid: list[InvalidRecord] = []
    for record in records:
        try:
            job = decode(record.body)
        except InvalidRecordError as error:
            invalid.append(InvalidRecord(record, error))
        else:
            twins.setdefault((job.key, job.content_sha256()), []).append((job, record))
    deliveries = [
        Delivery(group[0][0], tuple(record for _, record in group)) for group in twins.values()
    ]
    deliveries.sort(key=lambda delivery: -max(r.receive_count for r in delivery.records))
    return deliveries, invalid
