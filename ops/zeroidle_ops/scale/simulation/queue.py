"""A standard SQS queue, as far as scaling can tell: visible, in flight, hidden for a while.

Exact for each message's time, without one event a message: those that are due are moved when
somebody looks. Order is first in, first out; SQS promises less. The limits of 120,000 in flight
and of retention are not modelled: no scenario comes near.
"""

import heapq
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass


@dataclass(slots=True)
class Job:
    """A job in its message: when it was sent, and the storm that it belongs to (-1 for none)."""

    sent_s: float
    storm: int = -1
    attempts: int = 0


class Queue:
    """Messages by state. Times are seconds of the simulation and never go back."""

    def __init__(self, arrivals: Iterable[Job]) -> None:
        self._arrivals: Iterator[Job] = iter(arrivals)
        self._next = next(self._arrivals, None)
        self._hidden: list[tuple[float, int, Job]] = []
        self._returns = 0
        self.visible: deque[Job] = deque()
        self.in_flight = 0
        self.sent = 0

    def look(self, now_s: float) -> int:
        """The number of visible messages; those that came due by now are among them."""
        while self._next is not None and self._next.sent_s <= now_s:
            self.visible.append(self._next)
            self.sent += 1
            self._next = next(self._arrivals, None)
        while self._hidden and self._hidden[0][0] <= now_s:
            self.visible.append(heapq.heappop(self._hidden)[2])
        return len(self.visible)

    def next_due_s(self) -> float | None:
        """When the next message becomes visible; None if none will."""
        times = [self._hidden[0][0]] if self._hidden else []
        if self._next is not None:
            times.append(self._next.sent_s)
        return min(times, default=None)

    def receive(self, most: int) -> list[Job]:
        """Up to so many visible messages; they are in flight then."""
        taken = [self.visible.popleft() for _ in range(min(most, len(self.visible)))]
        self.in_flight += len(taken)
        return taken

    def delete(self, count: int = 1) -> None:
        """That many messages in flight are done with."""
        self.in_flight -= count

    def give_back(self, job: Job, *, visible_at_s: float) -> None:
        """A message in flight is seen again from then on."""
        self.in_flight -= 1
        self._returns += 1
        heapq.heappush(self._hidden, (visible_at_s, self._returns, job))

    @property
    def hidden(self) -> int:
        """Messages that were given back and are not visible yet; SQS counts them as in flight."""
        return len(self._hidden)

    @property
    def backlog(self) -> int:
        """All that is not done with."""
        return len(self.visible) + self.in_flight + len(self._hidden)

    def unfinished(self) -> Iterator[Job]:
        """The jobs that wait, visible or hidden."""
        yield from self.visible
        yield from (job for _, _, job in self._hidden)
