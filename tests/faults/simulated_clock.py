"""One clock for emulator, environments and harness: it stands still until somebody advances it.

The moment lies in a file of eight bytes that all processes map. Each process may be off by some
seconds (`skew_s`), as computers are.
"""

import fcntl
import mmap
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

START_S = 1_800_000_000
MICRO = 1_000_000


class SimulatedClock:
    """Fits the clocks of producer and consumer. `now` and `now_ms` are skewed, `true_s` is not."""

    def __init__(self, path: Path, *, skew_s: float = 0.0) -> None:
        self._skew_s = skew_s
        self._lock = threading.Lock()
        self._file = os.open(path, os.O_RDWR)
        self._mapped = mmap.mmap(self._file, 8)
        self._moment = memoryview(self._mapped).cast("q")

    @staticmethod
    def create(path: Path) -> None:
        """The file, at the beginning of time."""
        path.write_bytes((START_S * MICRO).to_bytes(8, "little"))

    def close(self) -> None:
        self._moment.release()
        self._mapped.close()
        os.close(self._file)

    @property
    def true_s(self) -> float:
        """What every process agrees on."""
        return self._moment[0] / MICRO

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.true_s + self._skew_s, UTC)

    def now_ms(self) -> int:
        return round((self.true_s + self._skew_s) * 1000)

    def monotonic_s(self) -> float:
        return self.true_s

    def sleep(self, seconds: float) -> None:
        with self._exclusively():
            self._moment[0] += round(seconds * MICRO)

    def advance_to(self, true_s: float) -> None:
        """Go on to a moment, unless it is past."""
        with self._exclusively():
            self._moment[0] = max(self._moment[0], round(true_s * MICRO))

    @contextmanager
    def _exclusively(self) -> Iterator[None]:
        """Against this process's threads by the lock, against other processes by the file's."""
        with self._lock:
            fcntl.flock(self._file, fcntl.LOCK_EX)
            try:
                yield
            finally:
                fcntl.flock(self._file, fcntl.LOCK_UN)
