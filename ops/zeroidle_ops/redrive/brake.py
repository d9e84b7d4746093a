"""The brake: decides from what was seen whether a run goes on, goes slower, waits or stops.

`decide` is pure. It answers three questions in this order: do redriven jobs fail again, does the
dead-letter queue fill from elsewhere, do redriven jobs wait too long for a consumer.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How fast a run goes, and what makes it stop. `canary` 0 goes without one."""

    rate_per_s: float = 50.0
    canary: int = 10
    settle_s: float = 900.0
    window_s: float = 10.0
    max_refailed_share: float = 0.1
    least_refailed: int = 2
    max_inflow_per_s: float = 5.0
    max_wait_s: float = 300.0
    patience_s: float = 1800.0
    max_redrives: int = 3

    @property
    def first_rate_per_s(self) -> float:
        """The rate after the canary: it doubles with each good window."""
        return min(self.rate_per_s, max(1.0, self.rate_per_s / 8))


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What a window showed.

    Of the sampled jobs `settled` have ended, `refailed` of them badly, by fingerprint. `returned`
    counts this plan's messages seen in the dead-letter queue again, of `sent` in all, by
    fingerprint. `inflow_per_s` is what else arrives there. `longest_wait_s` is the age of the
    oldest sampled message that no consumer has taken. `trouble_s` is how long the last two have
    been too high.
    """

    sent: int
    settled: int
    refailed: Mapping[str, int]
    returned: Mapping[str, int]
    inflow_per_s: float = 0.0
    longest_wait_s: float = 0.0
    trouble_s: float = 0.0


class Action(StrEnum):
    """What the brake says."""

    FASTER = "faster"
    SLOWER = "slower"
    WAIT = "wait"
    STOP = "stop"


@dataclass(frozen=True, kw_only=True)
class BrakeDecision:
    """What to do, and why."""

    action: Action
    reason: str = ""
    fingerprint: str | None = None


def decide(seen: Observation, pace: Pace) -> BrakeDecision:
    """Judge a window."""
    refailure = _refailure(seen, pace)
    if refailure is not None:
        return refailure
    troubles = []
    if seen.inflow_per_s > pace.max_inflow_per_s:
        troubles.append(
            f"{seen.inflow_per_s:.1f} other messages a second enter the dead-letter queue"
        )
    if seen.longest_wait_s > pace.max_wait_s:
        troubles.append(f"redriven jobs wait {seen.longest_wait_s:.0f} s for a consumer")
    if not troubles:
        return BrakeDecision(action=Action.FASTER)
    reason = " and ".join(troubles)
    if seen.trouble_s > pace.patience_s:
        return BrakeDecision(action=Action.STOP, reason=f"{reason}, for {seen.trouble_s:.0f} s now")
    action = Action.WAIT if seen.longest_wait_s > pace.max_wait_s else Action.SLOWER
    return BrakeDecision(action=action, reason=reason)


def _refailure(seen: Observation, pace: Pace) -> BrakeDecision | None:
    """The worse of two counts: the sampled rows come sooner, the returned messages are all."""
    for failures, of in ((seen.refailed, seen.settled), (seen.returned, seen.sent)):
        count = sum(failures.values())
        if count >= min(pace.least_refailed, max(of, 1)) and count > pace.max_refailed_share * of:
            worst = max(failures, key=lambda fingerprint: failures[fingerprint])
            return BrakeDecision(
                action=Action.STOP,
                reason=f"{count} of {of} redriven jobs failed again, {failures[worst]} of them "
                f"with fingerprint {worst}",
                fingerprint=worst,
            )
    return None


def next_rate(rate_per_s: float, decision: BrakeDecision, pace: Pace) -> float:
    """Double after a good window up to the wanted rate, halve after a bad one."""
    if decision.action is Action.FASTER:
        return min(pace.rate_per_s, rate_per_s * 2)
    return max(pace.first_rate_per_s / 4, rate_per_s / 2)
