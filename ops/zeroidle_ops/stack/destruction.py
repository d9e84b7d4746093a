"""Takes a stack away: not while a queue holds messages, and never what holds data."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from zeroidle_ops.errors import DeploymentError, NothingToDeployError
from zeroidle_ops.stack import change_set
from zeroidle_ops.stack.target import Target

_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_QUEUES: Final = ("Queue", "DeadLetterQueue")
KEPT: Final = ("JobsTable", "OpsTable", "Bucket", "Repository", "Key")
"""What the template retains; the bucket's policy, too, which goes with the bucket."""

_GONE: Final = frozenset({change_set.ABSENT, "DELETE_COMPLETE"})


@dataclass(frozen=True, kw_only=True)
class Held:
    """How many messages each queue holds, waiting or under way; about right, as SQS counts."""

    queue: int
    dead_letter_queue: int

    @property
    def total(self) -> int:
        """Both."""
        return self.queue + self.dead_letter_queue


def held_messages(target: Target) -> Held:
    """What would be lost with the stack's queues.

    Raises:
        NothingToDeployError: there is no stack.
    """
    if change_set.describe(target.cloudformation, target.stack_name) is None:
        raise NothingToDeployError(f"there is no stack {target.stack_name!r}")
    urls = _physical_names(target, _QUEUES)
    queue, dead = (_count(target, urls[name]) if name in urls else 0 for name in _QUEUES)
    return Held(queue=queue, dead_letter_queue=dead)


def destroy(
    target: Target, *, lose_messages: bool, timeout_s: float, tell: Callable[[str], None]
) -> None:
    """Delete the stack. Tables, bucket, key and image repository stay.

    Raises:
        NothingToDeployError: there is no stack.
        DeploymentError: a queue holds messages, or something could not be deleted.
    """
    held = held_messages(target)
    if held.total and not lose_messages:
        raise DeploymentError(
            f"the queue holds {held.queue} messages and the dead-letter queue "
            f"{held.dead_letter_queue}; let them be worked off (`zeroidle redrive`), or lose them "
            "with --lose-messages"
        )
    target.cloudformation.delete_stack(StackName=target.stack_name)
    status = change_set.await_end(
        target.cloudformation, target.stack_name, timeout_s=timeout_s, tell=tell
    )
    if status not in _GONE:
        raise DeploymentError(
            f"stack {target.stack_name!r} is {status}: its events say what could not be deleted; "
            "mend that and run this again"
        )


def kept_names(target: Target) -> list[str]:
    """What stays: it holds data, or what opens it, and is removed by hand."""
    return list(_physical_names(target, KEPT).values())


def _physical_names(target: Target, logical_ids: Sequence[str]) -> dict[str, str]:
    """What there is of these. By resource: a stack that was never created has no outputs."""
    pages = target.cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=target.stack_name
    )
    found = {
        resource["LogicalResourceId"]: resource.get("PhysicalResourceId", "")
        for page in pages
        for resource in page["StackResourceSummaries"]
        if resource["ResourceStatus"] != "DELETE_COMPLETE"
    }
    return {name: found[name] for name in logical_ids if found.get(name)}


def _count(target: Target, url: str) -> int:
    attributes = target.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))
    return sum(int(attributes["Attributes"][name]) for name in _COUNTS)
