"""One invocation of the function: who it is, what it may use, and when it must be done."""

from dataclasses import dataclass

from zeroidle_inference.lease import LEASE_SKEW_MS

LEAST_MARGIN_S = 1.0
MOST_MARGIN_S = 10.0
MARGIN_SHARE = 0.1


@dataclass(frozen=True, slots=True, kw_only=True)
class Invocation:
    """What Lambda says of this call.

    `deadline_ms` is on the wall clock (for leases, which others read), `started_s` and
    `deadline_s` are the same interval on the monotonic clock. `timeout_s` is the function's full
    timeout. `model_wait_s` is how long this call waited for the model to load.
    """

    request_id: str
    deadline_ms: int
    started_s: float
    deadline_s: float
    timeout_s: float
    memory_mb: int
    model_wait_s: float = 0.0

    @property
    def lease_expires_at_ms(self) -> int:
        """When the leases of this invocation end, on the wall clock."""
        return self.deadline_ms + LEASE_SKEW_MS

    @property
    def margin_s(self) -> float:
        """The time kept for aborting a step, committing and giving back."""
        return min(MOST_MARGIN_S, max(LEAST_MARGIN_S, self.timeout_s * MARGIN_SHARE))

    @property
    def stop_s(self) -> float:
        """When inference stops."""
        return self.deadline_s - self.margin_s

    @property
    def usable_s(self) -> float:
        """What a whole invocation leaves for inference."""
        return self.timeout_s - self.margin_s
