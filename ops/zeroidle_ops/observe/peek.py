"""A bounded look into the dead-letter queue that leaves every message where it was.

SQS lists nothing: a message must be received to be seen, and is hidden meanwhile. So the look is
short (a few receives), hides for seconds, shows all again at its end, and is left out while an
operator's redrive holds the queue's lock. The failures index would cost no receives, but knows
neither what SQS itself moved nor what never was a job, and its rows outlive their messages.
"""

import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import datetime
from typing import TYPE_CHECKING, Final

from zeroidle_contract import Stack
from zeroidle_ops.lock import lock_key
from zeroidle_ops.observe.snapshot import Cause, DeadLetters
from zeroidle_ops.redrive.queues import find_route
from zeroidle_ops.redrive.scan import Scan
from zeroidle_ops.redrive.transfer import THREADS, Transfer

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

SEEN_AT_MOST: Final = 400
HIDE_S: Final = 10
"""How long a crashed look hides messages, at worst."""

LOOK_S: Final = 5.0
"""How long a look may take; it must be over well before messages show again by themselves."""


def is_redriving(dynamodb: "DynamoDBClient", stack: Stack, *, now: datetime) -> bool:
    """True while an operator's redrive works on the queue: a look would take messages from it."""
    held = dynamodb.get_item(
        TableName=stack.ops_table_name, Key=lock_key(stack.dead_letter_queue_arn)
    ).get("Item")
    return held is not None and int(held["lease_ends_ms"]["N"]) > now.timestamp() * 1000


def peek(sqs: "SQSClient", stack: Stack, *, now_s: Callable[[], float] = time.time) -> DeadLetters:
    """Look. Counts are exact up to `SEEN_AT_MOST` messages, a sample beyond."""
    route = find_route(sqs, source_url=stack.dead_letter_queue_url, destination_url=stack.queue_url)
    causes: Counter[Cause] = Counter()
    oldest_ms: int | None = None
    ends = time.monotonic() + LOOK_S
    is_partial = route.source.in_flight > 0
    if route.source.visible > 0:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="zeroidle-peek") as pool:
            scan = Scan(
                sqs=sqs,
                transfer=Transfer(sqs=sqs, route=route, pool=pool),
                hide_s=HIDE_S,
                limit=SEEN_AT_MOST,
                should_stop=lambda: time.monotonic() > ends,
            )
            with closing(scan.batches()) as batches:
                for letter in (letter for batch in batches for letter in batch):
                    causes[Cause(code=letter.code, fingerprint=letter.fingerprint)] += 1
                    oldest_ms = min(oldest_ms or letter.sent_ms, letter.sent_ms)
            is_partial = is_partial or scan.is_partial
    retention_s = route.source.retention_s
    return DeadLetters(
        messages=route.source.depth,
        seen=causes.total(),
        is_partial=is_partial,
        by_cause=dict(causes),
        expires_in_s=None if oldest_ms is None else oldest_ms / 1000 + retention_s - now_s(),
    )
