"""Time as the producer needs it, so that tests need none."""

import time
from datetime import UTC, datetime
from typing import Protocol


class Clock(Protocol):
    """The time of day, a time that never jumps, and a pause."""

    def now(self) -> datetime:
        """The time of day, with its zone."""
        ...

    def monotonic_s(self) -> float:
        """Seconds since any fixed moment."""
        ...

    def sleep(self, seconds: float) -> None:
        """Pause this thread."""
        ...


class SystemClock:
    """The computer's own clock."""

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """Seconds since an arbitrary moment."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Pause this thread."""
        time.sleep(seconds)
