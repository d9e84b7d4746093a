"""Hands out requests when they are due. Several senders may ask at once; one of them waits.

The waiting one sleeps to the absolute moment of the next request, takes all that are due by then,
and leaves the next wait to another. So lateness never adds up, and a sender that is held up delays
no one but what it already took.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass

from zeroidle_loadtest.timeline import Timeline

LONGEST_SLEEP_S = 0.5
"""How long a stop may go unnoticed."""


@dataclass(frozen=True, slots=True)
class Due:
    """A request whose time has come."""

    number: int
    intended_ms: float


GATHER_MS = 5.0
"""The price in lateness of fuller batches, paid only where requests are closer than this."""


class Pacer:
    """One worker's schedule: numbers and moments in seconds, ascending."""

    def __init__(self, schedule: Iterator[tuple[int, float]], *, timeline: Timeline) -> None:
        self._schedule = schedule
        self._timeline = timeline
        self._turn = threading.Lock()
        self._next = _first(schedule)
        self._is_stopped = False
        self.taken = 0
        """How many were handed out."""

    @property
    def is_over(self) -> bool:
        """True when there is nothing more to hand out."""
        return self._next is None or self._is_stopped

    def stop(self) -> None:
        """Hand out nothing more."""
        self._is_stopped = True

    def take(self, most: int) -> list[Due]:
        """Wait until something is due, and take what is; empty at the end."""
        with self._turn:
            while self._next is not None and not self._is_stopped:
                wait_s = (self._next.intended_ms - self._timeline.now_ms()) / 1000
                if wait_s <= 0:
                    return self._due(most)
                self._timeline.clock.sleep(min(wait_s, LONGEST_SLEEP_S))
            return []

    def _due(self, most: int) -> list[Due]:
        """What is due, and what will be within `GATHER_MS`: at high rates one call carries it."""
        due, until_ms = list[Due](), self._timeline.now_ms() + GATHER_MS
        while self._next is not None and self._next.intended_ms <= until_ms and len(due) < most:
            due.append(self._next)
            self._next = _first(self._schedule)
        self.taken += len(due)
        early_ms = due[-1].intended_ms - self._timeline.now_ms()
        if early_ms > 0:
            self._timeline.clock.sleep(early_ms / 1000)
        return due


def _first(schedule: Iterator[tuple[int, float]]) -> Due | None:
    found = next(schedule, None)
    return None if found is None else Due(found[0], found[1] * 1000)
