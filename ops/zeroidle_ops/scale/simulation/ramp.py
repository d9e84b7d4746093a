"""Lambda's own law for the number of batches that a standard queue's mapping reads at once.

Documented: five at the start, up to 300 more a minute while messages are available, 1,250 at most;
back to five when traffic is low. Assumed: the growth is even (five a second), and traffic is low
once no message has waited for a minute.
"""

START = 5
PER_S = 5
MOST = 1250
QUIET_S = 60.0


class Ramp:
    """Asked once a second. Knows nothing of MaximumConcurrency, which caps it elsewhere."""

    def __init__(self, *, start: int = START, per_s: int = PER_S, most: int = MOST) -> None:
        self._start = start
        self._per_s = per_s
        self.most = most
        self._waited_at_s = 0.0
        self.granted = start

    def tick(self, now_s: float, *, waiting: int, busy: int, cap: int) -> None:
        """A second has passed: `waiting` visible messages, `busy` batches under way."""
        if waiting:
            self._waited_at_s = now_s
            # What a cap holds back is not granted: a raised cap is met by the ramp again.
            if busy >= self.granted and self.granted < cap:
                self.granted = min(self.most, self.granted + self._per_s)
        elif now_s - self._waited_at_s >= QUIET_S:
            self.granted = max(self._start, min(self.granted, busy))
