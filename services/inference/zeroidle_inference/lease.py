"""A lease: the right to work on one job, until a moment, under a fence that only grows.

A claim either gives a `Lease` or says why not (`Refused`). Every later write of the holder names
the fence; a holder that was overtaken is refused and learns what became of the job.
"""

from dataclasses import dataclass
from enum import StrEnum

LEASE_SKEW_MS = 5_000
"""A lease outlives its invocation's deadline by this much, so that clocks may differ by it."""


class Refusal(StrEnum):
    """Why a write to a job's row was refused."""

    SUCCEEDED = "succeeded"
    CANCELLED = "cancelled"
    HELD = "held"
    CONFLICT = "conflict"
    LOST = "lost"

    @property
    def is_final(self) -> bool:
        """True when the job needs no more work: its messages can be acknowledged."""
        return self in {Refusal.SUCCEEDED, Refusal.CANCELLED}


@dataclass(frozen=True, slots=True)
class Refused:
    """A refused write. `lease_expires_at_ms` says until when another holder has the job."""

    reason: Refusal
    lease_expires_at_ms: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Lease:
    """The right to work on a job. `attempts` counts this one."""

    job_key: str
    job_id: str
    tenant: str | None
    owner: str
    fence: int
    attempts: int
    expires_at_ms: int
