"""Where claiming threads hand their jobs over to the engine loop."""

import threading

from zeroidle_inference.attempt import Claimed


class Inbox:
    """Takes a known number of reports, each with a job or without."""

    def __init__(self, expected: int) -> None:
        self._condition = threading.Condition()
        self._missing = expected
        self._claimed: list[Claimed] = []
        self._is_closed = False

    @property
    def is_exhausted(self) -> bool:
        """True when nothing lies here and nothing more will come."""
        with self._condition:
            return self._missing == 0 and not self._claimed

    def put(self, claimed: Claimed | None) -> bool:
        """Report a claim; None when it gave no job. False when nobody takes it any more."""
        with self._condition:
            self._missing -= 1
            if claimed is not None and not self._is_closed:
                self._claimed.append(claimed)
            self._condition.notify()
            return not self._is_closed

    def take(self) -> list[Claimed]:
        """All jobs that lie here."""
        with self._condition:
            taken, self._claimed = self._claimed, []
            return taken

    def wait(self, timeout_s: float) -> None:
        """Wait for a job, or for the last report."""
        with self._condition:
            self._condition.wait_for(lambda: self._claimed or not self._missing, timeout_s)

    def close(self) -> list[Claimed]:
        """Refuse what comes from now on, and take what lies here."""
        with self._condition:
            self._is_closed = True
        return self.take()
