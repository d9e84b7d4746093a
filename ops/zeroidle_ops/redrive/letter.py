"""A dead letter: one message of the dead-letter queue, and what its body and attributes tell.

Knows SQS's message shape and the contract's codec; calls nothing.
"""

import base64
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, Final

from zeroidle_contract import InvalidRecordError, Job, decode
from zeroidle_contract.codec import (
    ATTRIBUTE_ERROR_CODE,
    ATTRIBUTE_FINGERPRINT,
    ATTRIBUTE_JOB_ID,
    ATTRIBUTE_REDRIVE_COUNT,
    ATTRIBUTE_REDRIVE_PLAN,
    TRACE_HEADER,
)
from zeroidle_contract.job import NO_TENANT

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

MOVED_BY_SQS: Final = "moved_by_sqs"
"""Stands for the error code of a message that SQS itself moved: its consumer never spoke."""

UNKNOWN: Final = "unknown"

ATTRIBUTES_PER_MESSAGE = 10

Attribute = Mapping[str, str]
"""`{"t": data type, "v": text}`, or `{"t": data type, "b": base64}`."""


@dataclass(frozen=True, kw_only=True)
class Letter:
    """One received message.

    `sent_ms` is when it first entered any queue: its retention runs from there.
    """

    message_id: str
    receipt_handle: str
    body: str
    attributes: Mapping[str, Attribute]
    sent_ms: int
    receive_count: int
    trace_header: str | None = None
    moved_by_sqs: bool = False

    @classmethod
    def from_message(cls, message: "MessageTypeDef") -> "Letter":
        """A letter from what ReceiveMessage returns."""
        system: Any = message.get("Attributes", {})
        return cls(
            message_id=message["MessageId"],
            receipt_handle=message["ReceiptHandle"],
            body=message["Body"],
            attributes={
                name: _pack(value) for name, value in message.get("MessageAttributes", {}).items()
            },
            sent_ms=int(system.get("SentTimestamp", "0")),
            receive_count=int(system.get("ApproximateReceiveCount", "1")),
            trace_header=system.get(TRACE_HEADER),
            moved_by_sqs="DeadLetterQueueSourceArn" in system,
        )

    def attribute(self, name: str) -> str | None:
        """A text attribute's value."""
        return self.attributes.get(name, {}).get("v")

    @property
    def code(self) -> str:
        """Why it is here. A message that SQS moved may carry the code of an earlier failure."""
        if self.moved_by_sqs:
            return MOVED_BY_SQS
        return self.attribute(ATTRIBUTE_ERROR_CODE) or UNKNOWN

    @property
    def fingerprint(self) -> str:
        """Equal for failures of one cause."""
        if self.moved_by_sqs:
            return MOVED_BY_SQS
        return self.attribute(ATTRIBUTE_FINGERPRINT) or UNKNOWN

    @property
    def redrive_count(self) -> int:
        """How often it was redriven before."""
        value = self.attribute(ATTRIBUTE_REDRIVE_COUNT) or "0"
        return int(value) if value.isdecimal() else 0

    @property
    def redrive_plan(self) -> str | None:
        """The plan that redrove it last."""
        return self.attribute(ATTRIBUTE_REDRIVE_PLAN)

    @cached_property
    def job(self) -> Job | None:
        """The job in the body; None for a body that is no valid job."""
        return self._decoded[0]

    @cached_property
    def job_key(self) -> str | None:
        """The jobs-table key, where it can be read."""
        return self._decoded[1]

    @cached_property
    def _decoded(self) -> tuple[Job | None, str | None]:
        try:
            job = decode(self.body)
        except InvalidRecordError as error:
            return None, error.job_key
        return job, job.key

    @property
    def job_id(self) -> str | None:
        """The job's id, from the body or from what the consumer could still read."""
        if self.job_key is not None:
            return self.job_key.split("/", maxsplit=1)[1]
        return self.attribute(ATTRIBUTE_JOB_ID)

    @property
    def tenant(self) -> str | None:
        """Whose job it is."""
        if self.job_key is None or self.job_key.startswith(f"{NO_TENANT}/"):
            return None
        return self.job_key.split("/", maxsplit=1)[0]

    @property
    def task(self) -> str | None:
        """The kind of task."""
        return self.job.task.kind if self.job is not None else None

    @cached_property
    def body_sha256(self) -> str:
        """Identifies the body."""
        return hashlib.sha256(self.body.encode()).hexdigest()

    @cached_property
    def size_bytes(self) -> int:
        """What counts towards SQS's limits, and bounds what is held in memory."""
        attributes = sum(
            len(name) + sum(len(part) for part in value.values())
            for name, value in self.attributes.items()
        )
        return len(self.body.encode()) + attributes + len(self.trace_header or "")

    def redriven(self, plan_id: str) -> Mapping[str, Attribute] | None:
        """The attributes to send it with: its own, the plan and the count of redrives.

        None when it has no room for these two: a message holds at most ten attributes.
        """
        attributes = {
            **self.attributes,
            ATTRIBUTE_REDRIVE_PLAN: {"t": "String", "v": plan_id},
            ATTRIBUTE_REDRIVE_COUNT: {"t": "Number", "v": str(self.redrive_count + 1)},
        }
        return attributes if len(attributes) <= ATTRIBUTES_PER_MESSAGE else None


def _pack(value: Mapping[str, Any]) -> Attribute:
    if "BinaryValue" in value:
        return {"t": value["DataType"], "b": base64.b64encode(value["BinaryValue"]).decode()}
    return {"t": value["DataType"], "v": value.get("StringValue", "")}


def unpack(attribute: Attribute) -> dict[str, Any]:
    """An attribute as SendMessage wants it."""
    if "b" in attribute:
        return {"DataType": attribute["t"], "BinaryValue": base64.b64decode(attribute["b"])}
    return {"DataType": attribute["t"], "StringValue": attribute["v"]}
