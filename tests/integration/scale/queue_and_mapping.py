"""What the tests of scaling ask of a stack's queue and mapping."""

from typing import Any

from zeroidle_ops.stack.target import Target


def send(target: Target, count: int) -> None:
    for first in range(0, count, 10):
        target.sqs.send_message_batch(
            QueueUrl=target.stack.queue_url,
            Entries=[{"Id": str(n), "MessageBody": "{}"} for n in range(first, first + 10)],
        )


def mapping(target: Target) -> Any:
    return target.lambda_.get_event_source_mapping(UUID=target.stack.event_source_mapping_id)


def limit(target: Target) -> int:
    value: int = mapping(target)["ScalingConfig"]["MaximumConcurrency"]
    return value
