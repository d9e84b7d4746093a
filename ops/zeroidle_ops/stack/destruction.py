"""Takes a stack away: not while a queue holds messages, and never what holds data."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from zeroidle_contract import StackNotFoundError
from zeroidle_ops.errors import DeploymentError, NothingToDeployError
from zeroidle_ops.stack import change_set
from zeroidle_ops.stack.target import Target

_COUNTS: Final = (
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
)
_QUEUES: Final = ("Queue", "DeadLetterQueue")
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
    # By resource, not by output: a stack that was never created has no outputs.
    urls = dict.fromkeys(_QUEUES, "")
    pages = target.cloudformation.get_paginator("list_stack_resources").paginate(
        StackName=target.stack_name
    )
    for page in pages:
        for resource in page["StackResourceSummaries"]:
            gone = resource["ResourceStatus"] == "DELETE_COMPLETE"
            if resource["LogicalResourceId"] in urls and not gone:
                urls[resource["LogicalResourceId"]] = resource.get("PhysicalResourceId", "")
    queue, dead = (_count(target, url) if url else 0 for url in urls.values())
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
    """What stays: it holds data, and is removed by hand."""
    try:
        names = target.stack
    except StackNotFoundError:
        return []
    return [names.jobs_table_name, names.ops_table_name, names.bucket_name]


def _count(target: Target, url: str) -> int:
    attributes = target.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(_COUNTS))
    return sum(int(attributes["Attributes"][name]) for name in _COUNTS)
