"""How a run stands, and how it ended: values that are shown, stored nowhere."""

from collections.abc import Mapping
from dataclasses import dataclass

from zeroidle_ops.redrive.chunk import Purpose, State


@dataclass(frozen=True, kw_only=True)
class Progress:
    """How a run stands."""

    phase: str
    rate_per_s: float
    moved: int
    skipped: int
    refailed: int
    remaining: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a run ended. `dropped` were already done (or discarded); `kept` stay in the queue."""

    plan_id: str
    purpose: Purpose
    state: State
    reason: str
    recovered_chunks: int
    sent: int
    dropped: int
    kept: Mapping[str, int]
    refailed: Mapping[str, int]
    unsettled: int
    remaining: int
    seconds: float
    fingerprint: str | None = None

    @property
    def is_complete(self) -> bool:
        """True when nothing of the plan is left in the queue."""
        return self.state is State.DONE and not self.kept
