"""A bounded look into the dead-letter queue that leaves every message where it was.

SQS lists nothing: a message must be received to be seen, and is hidden meanwhile. So the look is
short (a few receives without waiting), hides for seconds, shows all again at its end, and is left
out while an operator's redrive holds the queue's lock. The failures index would cost no receives,
but knows neither what SQS itself moved nor what never was a job, and its rows outlive their
messages.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

from zeroidle_contract import Stack
from zeroidle_ops.lock import lock_key
from zeroidle_ops.observe.snapshot import Cause, DeadLetters, LeftOut
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.queues import Queue, Route, find_route
from zeroidle_ops.redrive.transfer import BATCH_ENTRIES, THREADS, Transfer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

ROUNDS: Final = 5
"""Rounds of receives, of up to 80 messages each."""

HIDE_S: Final = 10
"""How long a crashed look hides messages, at worst; a round takes tenths of a second."""


def is_redriving(dynamodb: "DynamoDBClient", stack: Stack, *, now: datetime) -> bool:
    """True while an operator's redrive works on the queue: a look would take messages from it."""
    held = dynamodb.get_item(
        TableName=stack.ops_table_name, Key=lock_key(stack.dead_letter_queue_arn)
    ).get("Item")
    return held is not None and int(held["lease_ends_ms"]["N"]) > now.timestamp() * 1000


@dataclass(frozen=True, kw_only=True)
class Seen:
    """The letters that a look has shown, each once, and the queues as they stood."""

    route: Route
    letters: tuple[Letter, ...]


def see_letters(sqs: "SQSClient", stack: Stack) -> Seen:
    """Look. All letters up to about 400, a sample beyond."""
    route = find_route(sqs, source_url=stack.dead_letter_queue_url, destination_url=stack.queue_url)
    letters: dict[str, Letter] = {}
    if route.source.visible > 0:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="zeroidle-peek") as pool:
            transfer = Transfer(sqs=sqs, route=route, pool=pool)
            try:
                for received in _rounds(transfer, route.source):
                    letters.update((letter.message_id, letter) for letter in received)
            finally:
                transfer.release(letter.receipt_handle for letter in letters.values())
    return Seen(route=route, letters=tuple(letters.values()))


def peek(sqs: "SQSClient", stack: Stack, *, now_s: Callable[[], float]) -> DeadLetters:
    """Look, and count by cause."""
    seen = see_letters(sqs, stack)
    queue = seen.route.source
    oldest_ms = min((letter.sent_ms for letter in seen.letters), default=None)
    return DeadLetters(
        messages=queue.depth,
        seen=len(seen.letters),
        is_partial=len(seen.letters) < queue.depth,
        by_cause=Counter(
            Cause(code=letter.code, fingerprint=letter.fingerprint) for letter in seen.letters
        ),
        expires_in_s=None if oldest_ms is None else oldest_ms / 1000 + queue.retention_s - now_s(),
    )


def count(sqs: "SQSClient", stack: Stack, *, left_out: LeftOut) -> DeadLetters:
    """The number alone, which disturbs nobody, and why there is no more."""
    route = find_route(sqs, source_url=stack.dead_letter_queue_url, destination_url=stack.queue_url)
    return DeadLetters(
        messages=route.source.depth,
        seen=None,
        is_partial=route.source.depth > 0,
        by_cause={},
        expires_in_s=None,
        left_out=left_out,
    )


def _rounds(transfer: Transfer, queue: Queue) -> Iterator[Iterable[Letter]]:
    seen = 0
    for _ in range(ROUNDS):
        calls = max(1, min(THREADS, -(-(queue.visible - seen) // BATCH_ENTRIES)))
        # Without waiting, SQS asks a part of its servers only: an empty answer is not the end.
        received = transfer.receive(calls=calls, hide_s=HIDE_S, wait_s=0)
        seen += len(received)
        yield received
        if seen >= queue.visible:
            return
