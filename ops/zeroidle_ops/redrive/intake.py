"""Finds a plan's messages in the queue: takes what belongs to the plan, hides what does not.

Messages of others stay hidden until the run ends, or they would be received again and again. What
the ledger knows as sent and what SQS shows all the same is deleted on sight.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable

from zeroidle_ops.redrive.held import Held
from zeroidle_ops.redrive.index import PlanIndex
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.transfer import BATCH_ENTRIES, THREADS, Transfer

BUFFER_BYTES = 32 << 20


class Intake:
    """The letters of a plan that are at hand, oldest first."""

    def __init__(
        self,
        *,
        transfer: Transfer,
        index: PlanIndex,
        hide_s: int,
        began_ms: int,
        is_own_refailure: Callable[[Letter], bool],
        keep_on: Callable[[], bool],
    ) -> None:
        self._transfer = transfer
        self._index = index
        self._hide_s = hide_s
        self._began_ms = began_ms
        self._is_own_refailure = is_own_refailure
        self._keep_on = keep_on
        self._buffer: dict[int, Letter] = {}
        self._buffer_bytes = 0
        self._held = Held()
        self._newcomers: set[str] = set()

    @property
    def hidden(self) -> int:
        """Messages that this run keeps from others."""
        return len(self._buffer) + len(self._held)

    @property
    def newcomers(self) -> int:
        """Messages that have come into the queue since the run began, its own apart."""
        return len(self._newcomers)

    def fill(self, wanted: int) -> bool:
        """Receive until `wanted` letters are at hand; False when there are none at all.

        Between receives `keep_on` is asked: there may be much to wade through that is not ours.
        """
        while self._keep_on():
            missing = wanted - len(self._buffer)
            if self._buffer and (missing <= 0 or self._buffer_bytes >= BUFFER_BYTES):
                return True
            calls = max(1, min(THREADS, -(-missing // BATCH_ENTRIES)))
            if not self.look(calls=calls):
                break
        return bool(self._buffer)

    def look(self, *, calls: int = 1) -> bool:
        """Receive once; False when the queue shows nothing."""
        letters = self._transfer.receive(calls=calls, hide_s=self._hide_s, wait_s=1)
        late = [letter.receipt_handle for letter in letters if not self._sort(letter)]
        self._transfer.delete(late)
        return bool(letters)

    def _sort(self, letter: Letter) -> bool:
        """Keep the letter at hand or hidden; False when it was sent before."""
        place = self._index.place(letter)
        if place is not None and self._index.is_done(place):
            return False
        if place is not None and self._index.is_open(place):
            # A letter that came again has a new receipt handle; the old one may be void.
            before = self._buffer.get(place)
            self._buffer[place] = letter
            self._buffer_bytes += 0 if before else letter.size_bytes
            return True
        if not self._is_own_refailure(letter) and letter.sent_ms > self._began_ms:
            self._newcomers.add(letter.message_id)
        self.hold((letter,))
        return True

    def take(self, count: int, *, max_bytes: int = BUFFER_BYTES) -> list[tuple[int, Letter]]:
        """The oldest letters at hand, with their places in the plan."""
        by_age = sorted(self._buffer.items(), key=lambda item: item[1].sent_ms)
        taken: list[tuple[int, Letter]] = []
        for place, letter in by_age[:count]:
            max_bytes -= letter.size_bytes
            if taken and max_bytes < 0:
                break
            taken.append((place, letter))
        self._remove(taken)
        return taken

    def take_of_each(self, count: int) -> list[tuple[int, Letter]]:
        """Letters of every fingerprint in turn, the oldest of each first: a canary."""
        causes: dict[str, list[tuple[int, Letter]]] = defaultdict(list)
        for place, letter in sorted(self._buffer.items(), key=lambda item: -item[1].sent_ms):
            causes[letter.fingerprint].append((place, letter))
        taken: list[tuple[int, Letter]] = []
        while len(taken) < count and any(causes.values()):
            turn = [cause.pop() for cause in causes.values() if cause]
            taken += turn[: count - len(taken)]
        self._remove(taken)
        return taken

    def _remove(self, taken: Iterable[tuple[int, Letter]]) -> None:
        for place, letter in taken:
            del self._buffer[place]
            self._buffer_bytes -= letter.size_bytes

    def hold(self, letters: Iterable[Letter]) -> None:
        """Keep these hidden until the run ends."""
        self._held.add(letter.receipt_handle for letter in letters)

    def close(self) -> None:
        """Make all visible again that this run has not moved."""
        self._transfer.release([letter.receipt_handle for letter in self._buffer.values()])
        for receipts in self._held.drain():
            self._transfer.release(receipts)
