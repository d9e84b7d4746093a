"""A run's time: milliseconds after its start, on a clock that never jumps.

Anchored once to the time of day, so that moments of the function's clock can be placed on it. A
time of day that moves against it afterwards is reported, never followed.
"""

from dataclasses import dataclass
from datetime import UTC, datetime

from zeroidle_producer.clock import Clock


@dataclass(frozen=True, kw_only=True)
class Timeline:
    """The start, on both clocks."""

    clock: Clock
    started_unix_ms: float
    started_monotonic_s: float

    @classmethod
    def beginning(cls, started_unix_ms: float, *, clock: Clock) -> "Timeline":
        """A run that begins (or began) at this time of day."""
        ahead_ms = started_unix_ms - unix_ms(clock.now())
        return cls(
            clock=clock,
            started_unix_ms=started_unix_ms,
            started_monotonic_s=clock.monotonic_s() + ahead_ms / 1000,
        )

    @property
    def started_at(self) -> datetime:
        """The start."""
        return datetime.fromtimestamp(self.started_unix_ms / 1000, UTC)

    def now_ms(self) -> float:
        """Now."""
        return (self.clock.monotonic_s() - self.started_monotonic_s) * 1000

    def moment(self, at_ms: float) -> datetime:
        """A moment of the run as time of day."""
        return datetime.fromtimestamp((self.started_unix_ms + at_ms) / 1000, UTC)

    def at_ms(self, moment: datetime) -> float:
        """A time of day as moment of the run."""
        return unix_ms(moment) - self.started_unix_ms

    def jump_ms(self) -> float:
        """How far the time of day has moved against the clock that never jumps."""
        return self.at_ms(self.clock.now()) - self.now_ms()


def unix_ms(moment: datetime) -> float:
    """Milliseconds since 1970."""
    return moment.timestamp() * 1000
