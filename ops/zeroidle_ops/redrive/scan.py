"""Reads a whole dead-letter queue once and leaves every message visible again.

SQS has no listing: the only way to see a message is to receive it, and the only way not to see it
again at once is to keep it hidden until the scan is over. At most 120,000 messages may be hidden;
a deeper queue is seen in part, and says so (docs/adr/0010-redrive.md).
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zeroidle_ops.redrive.held import Held
from zeroidle_ops.redrive.index import short_hash
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.queues import refresh
from zeroidle_ops.redrive.transfer import BATCH_ENTRIES, THREADS, Transfer

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

SCAN_HIDE_S = 900
"""How long a crashed scan keeps messages hidden, at worst."""

SCAN_LIMIT = 110_000
"""Messages that a scan hides at most: SQS's 120,000 less room for others."""

_EMPTY_ANSWERS = 5


@dataclass(kw_only=True)
class Scan:
    """One pass over the queue. `is_partial` is known at its end."""

    sqs: "SQSClient"
    transfer: Transfer
    hide_s: int = SCAN_HIDE_S
    limit: int = SCAN_LIMIT
    should_stop: Callable[[], bool] = lambda: False
    seen: int = field(default=0, init=False)
    is_partial: bool = field(default=False, init=False)

    def batches(self) -> Generator[list[Letter]]:
        """Every letter once, in no order. All are visible again when the iterator is closed."""
        held, ids = Held(), set[int]()
        try:
            calls = max(1, min(THREADS, self.transfer.route.source.visible // BATCH_ENTRIES))
            empty = 0
            while empty < _EMPTY_ANSWERS:
                if self.should_stop() or len(held) >= self.limit:
                    self.is_partial = True
                    return
                letters = self.transfer.receive(calls=calls, hide_s=self.hide_s)
                held.add(letter.receipt_handle for letter in letters)
                by_id = {short_hash(letter.message_id): letter for letter in letters}
                fresh = [letter for key, letter in by_id.items() if key not in ids]
                ids.update(by_id)
                self.seen = len(ids)
                if fresh:
                    yield fresh
                # Towards the end many calls at once would only wait for nothing.
                calls = THREADS if len(letters) > THREADS * BATCH_ENTRIES // 2 else 1
                empty = 0 if letters else empty + 1
                if empty > 1 and self._is_drained():
                    return
            self.is_partial = self._left() > 0
        finally:
            for receipts in held.drain():
                self.transfer.release(receipts)

    def _is_drained(self) -> bool:
        return self._left() == 0

    def _left(self) -> int:
        return refresh(self.sqs, self.transfer.route.source).visible
