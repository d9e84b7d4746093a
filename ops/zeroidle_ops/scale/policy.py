"""What is wanted of scaling: bounds, budget, and how careful to be. Checked when it is made."""

import math
from dataclasses import dataclass
from typing import Final

from zeroidle_ops.scale.errors import PolicyError

API_LEAST: Final = 2
API_MOST: Final = 1000
"""What the API allows as a mapping's MaximumConcurrency."""


@dataclass(frozen=True, kw_only=True)
class Policy:
    """What is wanted. The defaults are meant to be kept; docs/scaling.md says when not to.

    Attributes:
        least: never fewer, but for a pause.
        most: never more.
        drain_target_s: in which time a backlog shall be worked off.
        budget_usd_per_hour: for invocations, by the clock's hour; None for no budget.
        stale_after_s: older data is not acted on.
        deadband: smaller changes, as a share of the limit, are not made.
        lower_after_s: a limit stands so long before demand lowers it.
        settle_s: a shrink is given so long to be seen before the next; less than a tick of a
            minute, which a schedule may begin some seconds early.
        freeze_s: no growth so long after a fault.
        recover_s: slow start so long after a fault or a resume.
        shrink: factor on throttles and on slow invocations.
        slow_factor: slow is this many times the usual.
        storm_share: failures above this share of what ends are a storm.
        storm_least_per_s: fewer failures a second than this are no storm, whatever their share.
        storm_shrink: factor in a storm.
        pause_at_share: pause in a storm of this share; None never to.
        ramp_horizon_s: how far ahead of AWS's own ramp a target may be.
    """

    least: int = API_LEAST
    most: int = API_MOST
    drain_target_s: float = 300.0
    budget_usd_per_hour: float | None = None
    stale_after_s: float = 180.0
    deadband: float = 0.1
    lower_after_s: float = 180.0
    settle_s: float = 45.0
    freeze_s: float = 120.0
    recover_s: float = 600.0
    shrink: float = 0.7
    slow_factor: float = 1.5
    storm_share: float = 0.3
    storm_least_per_s: float = 0.05
    storm_shrink: float = 0.25
    pause_at_share: float | None = None
    ramp_horizon_s: float = 120.0

    def __post_init__(self) -> None:
        """Report all that cannot be, together. Raises PolicyError."""
        shares = {"storm_share": self.storm_share, "deadband": self.deadband}
        factors = {"shrink": self.shrink, "storm_shrink": self.storm_shrink}
        if self.pause_at_share is not None:
            shares["pause_at_share"] = self.pause_at_share
        waits = {
            "stale_after_s": self.stale_after_s,
            "drain_target_s": self.drain_target_s,
            "ramp_horizon_s": self.ramp_horizon_s,
        }
        checks = [
            (self.least >= API_LEAST, f"least is {self.least}, AWS allows {API_LEAST} or more"),
            (self.most <= API_MOST, f"most is {self.most}, AWS allows {API_MOST} at most"),
            (self.least <= self.most, f"least ({self.least}) is above most ({self.most})"),
            (self.slow_factor > 1, f"slow_factor is {self.slow_factor:g}, it must be above 1"),
            (
                self.budget_usd_per_hour is None or 0 < self.budget_usd_per_hour < math.inf,
                "budget_usd_per_hour must be above 0",
            ),
            *((0 <= v <= 1, f"{name} is {v:g}, it must be 0 to 1") for name, v in shares.items()),
            *(
                (0 < v < 1, f"{name} is {v:g}, it must be between 0 and 1")
                for name, v in factors.items()
            ),
            *((0 < v < math.inf, f"{name} must be above 0") for name, v in waits.items()),
        ]
        mistakes = [mistake for is_right, mistake in checks if not is_right]
        if mistakes:
            raise PolicyError("the policy cannot be: " + "; ".join(mistakes))
