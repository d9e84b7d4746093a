"""The two queues of a redrive: from which dead-letter queue to which queue. Refuses what is unfit.

Only asks; the messages themselves move in `transfer`.
"""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from zeroidle_ops.redrive.errors import QueueRefusedError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient


@dataclass(frozen=True, kw_only=True)
class Queue:
    """A queue as it stands now. SQS's counts are approximate."""

    url: str
    arn: str
    retention_s: int
    visible: int
    in_flight: int

    @property
    def name(self) -> str:
        """The last part of its ARN."""
        return self.arn.rsplit(":", maxsplit=1)[-1]

    @property
    def depth(self) -> int:
        """All its messages."""
        return self.visible + self.in_flight


@dataclass(frozen=True, kw_only=True)
class Route:
    """From a dead-letter queue back to the queue it serves."""

    source: Queue
    destination: Queue


def find_route(sqs: "SQSClient", *, source_url: str, destination_url: str) -> Route:
    """Look at both queues.

    Raises:
        QueueRefusedError: one does not exist or is FIFO, or the source is not the destination's
            dead-letter queue.
    """
    destination, policy = _describe(sqs, destination_url, "destination")
    source, _ = _describe(sqs, source_url, "dead-letter queue")
    target = json.loads(policy or "{}").get("deadLetterTargetArn")
    if target != source.arn:
        whose = f"which is {target.rsplit(':', 1)[-1]!r}" if target else "it has none"
        raise QueueRefusedError(
            f"{source.name!r} is not the dead-letter queue of {destination.name!r} ({whose}); "
            "messages go back only to the queue that they came from"
        )
    return Route(source=source, destination=destination)


def refresh(sqs: "SQSClient", queue: Queue) -> Queue:
    """The queue with its counts of now."""
    return _describe(sqs, queue.url, "queue")[0]


def _describe(sqs: "SQSClient", url: str, role: str) -> tuple[Queue, str | None]:
    try:
        attributes = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    except sqs.exceptions.QueueDoesNotExist:
        raise QueueRefusedError(
            f"the {role} {url} does not exist; check its URL and the region"
        ) from None
    queue = Queue(
        url=url,
        arn=attributes["QueueArn"],
        retention_s=int(attributes["MessageRetentionPeriod"]),
        visible=int(attributes["ApproximateNumberOfMessages"]),
        in_flight=int(attributes["ApproximateNumberOfMessagesNotVisible"]),
    )
    if queue.arn.endswith(".fifo"):
        raise QueueRefusedError(
            f"the {role} {queue.name!r} is a FIFO queue: a scan would block its message groups, "
            "and sending again in parallel would break the order that it exists for"
        )
    return queue, attributes.get("RedrivePolicy")
