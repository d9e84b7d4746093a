"""Execution environments of the function: which invocation meets a warm one.

Lambda documents no idle time; it is an assumption, and stated in docs/simulation.md. The one that
was used last is taken first, so that a surplus is left to expire.
"""

from collections import deque

IDLE_S = 600.0
"""How long an idle environment is kept warm."""


class Environments:
    """A pool. An environment that nobody uses costs nothing, so only the warm idle are kept."""

    def __init__(self, *, idle_s: float = IDLE_S) -> None:
        self._idle_s = idle_s
        self._idle_since: deque[float] = deque()
        self.cold_starts = 0

    def take(self, now_s: float) -> bool:
        """Whether the environment that is taken is warm; if not, a new one is started."""
        while self._idle_since and now_s - self._idle_since[0] > self._idle_s:
            self._idle_since.popleft()
        if self._idle_since:
            self._idle_since.pop()
            return True
        self.cold_starts += 1
        return False

    def give_back(self, now_s: float) -> None:
        """It is idle from now on."""
        self._idle_since.append(now_s)
