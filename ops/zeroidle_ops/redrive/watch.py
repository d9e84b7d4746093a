"""Watches what becomes of redriven jobs: a sample of their rows, and messages that come back.

All of the canary is watched, then as many as room is left for. A re-failure is told from older
ones by the row's mark, which changes with every claim and failure, and in the dead-letter queue by
the attribute `redrive_plan`, which the consumer keeps.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Protocol

from zeroidle_contract import Status
from zeroidle_ops.redrive.archive import Archived
from zeroidle_ops.redrive.letter import Letter
from zeroidle_ops.redrive.rows import Standing
from zeroidle_producer.clock import Clock

SAMPLE = 500
"""Jobs watched at once: five reads a window."""


class Rows(Protocol):
    """Where jobs stand."""

    def read(
        self, job_keys: Iterable[str | None], *, with_error: bool = False
    ) -> dict[str, Standing]:
        """The rows there are."""
        ...


@dataclass(frozen=True, kw_only=True)
class _Watched:
    mark: str | None
    fingerprint: str
    sent_s: float


class Watch:
    """What is known of a run's own messages."""

    def __init__(self, *, rows: Rows, plan_id: str, clock: Clock) -> None:
        self._rows = rows
        self._plan_id = plan_id
        self._clock = clock
        self._pending: dict[str, _Watched] = {}
        self._waiting: set[str] = set()
        self._returned_ids: set[str] = set()
        self.sent = 0
        self.succeeded = 0
        self.refailed = Counter[str]()
        self.returned = Counter[str]()

    @property
    def settled(self) -> int:
        """Watched jobs that have ended."""
        return self.succeeded + self.refailed.total()

    @property
    def pending(self) -> int:
        """Watched jobs that have not."""
        return len(self._pending)

    @property
    def failed_again(self) -> int:
        """The best count of re-failures there is."""
        return max(self.refailed.total(), self.returned.total())

    def note_sent(self, archived: Iterable[Archived]) -> None:
        """These were sent just now."""
        now_s = self._clock.monotonic_s()
        for one in archived:
            self.sent += 1
            key = one.letter.job_key
            if key is not None and len(self._pending) < SAMPLE:
                self._pending[key] = _Watched(
                    mark=one.mark, fingerprint=one.letter.fingerprint, sent_s=now_s
                )
                self._waiting.add(key)

    def note_seen(self, letter: Letter) -> bool:
        """True when a letter in the dead-letter queue is this plan's own re-failure."""
        if letter.redrive_plan != self._plan_id:
            return False
        if letter.message_id not in self._returned_ids:
            self._returned_ids.add(letter.message_id)
            self.returned[letter.fingerprint] += 1
        return True

    def look(self) -> None:
        """Read the rows of all that are pending."""
        rows = self._rows.read(self._pending, with_error=True)
        for key, watched in list(self._pending.items()):
            row = rows.get(key)
            if row is None or (row.mark == watched.mark and not row.status.is_terminal):
                continue
            self._waiting.discard(key)
            if row.status.is_terminal:
                self.succeeded += 1
                del self._pending[key]
            elif row.status is Status.FAILED:
                self.refailed[row.fingerprint or watched.fingerprint] += 1
                del self._pending[key]

    def longest_wait_s(self) -> float:
        """How long the oldest watched message has waited for a consumer to take it."""
        sent_s = [self._pending[key].sent_s for key in self._waiting if key in self._pending]
        return self._clock.monotonic_s() - min(sent_s) if sent_s else 0.0
