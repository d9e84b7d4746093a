"""The scaling law: what was observed and what is wanted, to a target and the reason for it.

Pure: no clock, no AWS, no memory. What happened before stands in the observation.

Feed-forward (Little's law; Lambda's documentation gives it for SQS as concurrency = arrival rate
times duration over batch size). With W seconds and m messages an invocation, arrivals a,
backlog B, its oldest message's age A, drain target T and R = max(0.2 T, 0.8 T - A) left of it:

    steady = W / m * a                 keeps up with what arrives
    needed = W / m * (a + B / R)       and empties the backlog before its oldest is late

With T in place of R the backlog would only decay as exp(-t / T), and the last twentieth of it
come after 3 T: simulation showed it (docs/simulation.md). m must be what a full batch holds:
a batch that found little to take says nothing of capacity, and to reckon with it asks for ever
more environments that find ever less.

Feedback, on top of it:

    throttles           target = shrink * current, and no growth for `freeze_s`
    slow invocations    likewise, never below the steady need at the usual speed: a dependency that
                        is slow is not helped by more callers (Netflix concurrency-limits, gradient)
    failure storm       target = storm_shrink * current, to the floor, however the backlog grows;
                        or a pause, where `pause_at_share` is set
    after a fault       for `recover_s`, or after a resume, at most double in a tick (slow start)

Anti-windup: AWS starts with 5 environments and adds 300 a minute (AWS, "Lambda scaling for SQS"),
so a target is never further ahead of the running ones than AWS can come in `ramp_horizon_s`. No
growth while the work there is (backlog and in flight) does not fill the limit there is: then
demand binds, not the limit (Netflix concurrency-limits).

Clamps: the environments that account and reservation leave, the hour's remaining budget spread
over its remaining time, the policy's bounds, the API's 2 to 1,000. When the budget is spent the
target is 0, a pause, for the API allows no limit below 2.

Still: changes inside the deadband are not made (unless arrivals outrun the limit), a lowering
waits `lower_after_s` after any change, a shrink waits `settle_s` for the one before to be seen;
one for throttles also until those before the last change have left the window they are summed over.
"""

import math
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from zeroidle_ops.scale.observation import WINDOW_S, Observation
from zeroidle_ops.scale.policy import API_LEAST, API_MOST, Policy

AWS_START: Final = 5
AWS_RAMP_PER_MINUTE: Final = 300
PAUSED: Final = 0
"""The target that means: the mapping is disabled."""

DRAIN_SHARE: Final = 0.8
"""Of the drain target: the rest is for the ramp, cold starts, and figures that come late."""


class Cause(StrEnum):
    """Why a decision is as it is; a word for metrics and for whoever greps."""

    DEMAND = "demand"
    STEADY = "steady"
    NOT_BINDING = "not_binding"
    COOLDOWN = "cooldown"
    FROZEN = "frozen"
    RAMP = "ramp"
    RECOVERY = "recovery"
    THROTTLED = "throttled"
    SLOW = "slow"
    STORM = "storm"
    BUDGET = "budget"
    ACCOUNT = "account"
    BOUNDS = "bounds"
    STALE = "stale"
    PAUSED = "paused"
    STOPPED = "stopped"
    RESUMED = "resumed"


FAULTS: Final = frozenset({Cause.THROTTLED, Cause.SLOW, Cause.STORM})


@dataclass(frozen=True, kw_only=True)
class Decision:
    """The limit to set, 0 for a pause; None to leave all as it is. `reason` is for people."""

    target: int | None
    cause: Cause
    reason: str

    @property
    def is_fault(self) -> bool:
        """True when growth shall be frozen after it."""
        return self.cause in FAULTS


def decide(observation: Observation, policy: Policy) -> Decision:
    """The law. See the module's docstring for its formulas and their sources.

    The target is None, 0 (pause), or within the policy's bounds.
    """
    return _hold(observation, policy) or _move(observation, policy)


def _hold(seen: Observation, policy: Policy) -> Decision | None:
    """The decision where the law must not move the limit; None where it may."""
    obstacles = (
        (
            seen.data_age_s > policy.stale_after_s,
            Cause.STALE,
            f"the data is {seen.data_age_s:.0f} s old: nothing is changed",
        ),
        (
            seen.paused_by is not None and not seen.is_own_pause,
            Cause.PAUSED,
            f"paused by {seen.paused_by}: only `resume` ends that",
        ),
        (
            seen.reserved == 0,
            Cause.STOPPED,
            "reserved concurrency is 0: somebody has stopped the function",
        ),
        (
            seen.available < API_LEAST,
            Cause.ACCOUNT,
            f"the account leaves {seen.available} environments, a limit needs {API_LEAST}",
        ),
    )
    for is_there, cause, reason in obstacles:
        if is_there:
            return Decision(target=None, cause=cause, reason=reason)
    return _pause(seen, policy)


def _pause(seen: Observation, policy: Policy) -> Decision | None:
    """The controller's own pauses: for the budget, and after a storm."""
    is_paused = seen.paused_by is not None
    if _affordable(seen, policy) < API_LEAST:
        budget_usd = policy.budget_usd_per_hour or 0
        reason = f"${seen.spent_usd:.2f} of ${budget_usd:.2f} are spent; paused until the hour ends"
        return Decision(target=None if is_paused else PAUSED, cause=Cause.BUDGET, reason=reason)
    if not is_paused:
        return None
    if seen.since_fault_s < policy.freeze_s:
        reason = f"paused for {policy.freeze_s:.0f} s after a storm"
        return Decision(target=None, cause=Cause.FROZEN, reason=reason)
    reason = "the cause of the controller's own pause is over"
    floor = max(API_LEAST, min(policy.least, seen.available))
    return Decision(target=floor, cause=Cause.RESUMED, reason=reason)


def _move(seen: Observation, policy: Policy) -> Decision:
    current = seen.current if seen.current is not None else API_MOST
    needed, reason = needed_concurrency(seen, policy), Cause.DEMAND
    fault = _fault(seen, policy)
    text = (
        f"{seen.arrivals_per_s:.2f}/s arrive and {seen.backlog} wait; "
        f"{seen.seconds_per_invocation:.1f} s for {seen.messages_per_invocation:.1f} messages: "
        f"{needed} are needed"
    )
    target = needed
    if fault is not None:
        reason, share, text = fault
        if share == PAUSED:
            return Decision(target=PAUSED, cause=reason, reason=text)
        # Every tick of a fault is a fault's: only the last change tells when it was shrunk.
        settle_s = policy.settle_s
        if reason is Cause.THROTTLED:  # a sum, in which those before the shrink stand so long
            settle_s += WINDOW_S + seen.data_age_s
        settling = max(seen.since_fault_s, seen.since_change_s) < settle_s
        target = min(needed, current) if settling else min(needed, math.floor(current * share))
        if reason is Cause.SLOW:
            target = max(target, min(current, _usual_need(seen)))
    elif target > current:
        target, reason, text = _growth(seen, policy, current=current, needed=needed, text=text)
    elif target < current and seen.since_change_s < policy.lower_after_s:
        target, reason = current, Cause.COOLDOWN
        text += f"; lowered {policy.lower_after_s:.0f} s after the last change at the earliest"
    if fault is None and _within_deadband(seen, policy, current=current, target=target):
        target, reason = current, Cause.STEADY if reason is Cause.DEMAND else reason
    target, reason, text = _clamp(seen, policy, target=target, cause=reason, text=text)
    if target == seen.current:
        cause = Cause.STEADY if reason is Cause.DEMAND else reason
        return Decision(target=None, cause=cause, reason=text)
    return Decision(target=target, cause=reason, reason=text)


def needed_concurrency(seen: Observation, policy: Policy) -> int:
    """Little's law with the drain: W / m * (a + B / R), rounded up."""
    in_time_s = DRAIN_SHARE * policy.drain_target_s
    left_s = max(policy.drain_target_s - in_time_s, in_time_s - seen.oldest_age_s)
    return _invocations(
        seen, seen.seconds_per_invocation, seen.arrivals_per_s + seen.backlog / left_s
    )


def _invocations(seen: Observation, seconds: float, messages_per_s: float) -> int:
    per_invocation = max(1.0, seen.messages_per_invocation)
    # A rounding error must not cost an environment.
    return math.ceil(round(seconds / per_invocation * messages_per_s, 6))


def _usual_need(seen: Observation) -> int:
    usual = seen.usual_seconds_per_invocation or seen.seconds_per_invocation
    return _invocations(seen, usual, seen.arrivals_per_s)


def _fault(seen: Observation, policy: Policy) -> tuple[Cause, float, str] | None:
    """The worst fault there is, the factor it asks for (0: pause), and its sentence."""
    bad_per_s = max(seen.failed_per_s, seen.dead_letters_per_s)
    if seen.failed_share > policy.storm_share and bad_per_s >= policy.storm_least_per_s:
        text = f"{seen.failed_share:.0%} of what ends fails ({bad_per_s:.2f}/s)"
        if policy.pause_at_share is not None and seen.failed_share >= policy.pause_at_share:
            return Cause.STORM, PAUSED, text + ": paused"
        return Cause.STORM, policy.storm_shrink, text + ": shrunk, though work waits"
    if seen.throttles_per_s > 0:
        text = f"{seen.throttles_per_s:.2f} invocations a second are throttled: shrunk"
        return Cause.THROTTLED, policy.shrink, text
    usual = seen.usual_seconds_per_invocation
    if usual and seen.seconds_per_invocation > policy.slow_factor * usual:
        text = (
            f"invocations take {seen.seconds_per_invocation:.1f} s, usually {usual:.1f} s: "
            "shrunk towards what the load needs at the usual speed"
        )
        return Cause.SLOW, policy.shrink, text
    return None


def _growth(
    seen: Observation, policy: Policy, *, current: int, needed: int, text: str
) -> tuple[int, Cause, str]:
    """How far a limit may grow now."""
    if seen.since_fault_s < policy.freeze_s:
        return current, Cause.FROZEN, f"{text}; no growth {policy.freeze_s:.0f} s after a fault"
    if seen.backlog + seen.in_flight < current * max(1.0, seen.messages_per_invocation):
        return current, Cause.NOT_BINDING, f"{text}; the limit of {current} is not filled yet"
    ramp = AWS_RAMP_PER_MINUTE * policy.ramp_horizon_s / 60
    reachable = max(current, math.floor(max(seen.running, AWS_START) + ramp))
    if min(seen.since_fault_s, seen.since_resume_s) < policy.recover_s and needed > current * 2:
        return min(current * 2, reachable), Cause.RECOVERY, f"{text}; slow start: at most double"
    if needed > reachable:
        return reachable, Cause.RAMP, f"{text}; AWS cannot start more than {reachable} by then"
    return needed, Cause.DEMAND, text


def _within_deadband(seen: Observation, policy: Policy, *, current: int, target: int) -> bool:
    """True where a change is too small to be worth one, and the limit keeps up with arrivals."""
    if seen.current is None or abs(target - current) > policy.deadband * current:
        return False
    return _invocations(seen, seen.seconds_per_invocation, seen.arrivals_per_s) <= current


def _affordable(seen: Observation, policy: Policy) -> int:
    """How many the budget lets run: what is left of it, spread over what is left of the hour.

    The API's least may run as long as what it starts now is still paid for.
    """
    if policy.budget_usd_per_hour is None or seen.usd_per_second <= 0:
        return API_MOST
    left_usd = policy.budget_usd_per_hour - seen.spent_usd
    one_usd = seen.usd_per_second * seen.longest_invocation_s
    if left_usd < API_LEAST * one_usd:
        return 0
    spread_usd = seen.usd_per_second * max(seen.hour_left_s, seen.longest_invocation_s)
    return max(API_LEAST, math.floor(min(API_MOST, left_usd / spread_usd)))


def _clamp(
    seen: Observation, policy: Policy, *, target: int, cause: Cause, text: str
) -> tuple[int, Cause, str]:
    floor = min(policy.least, seen.available)
    affordable = _affordable(seen, policy)
    ceilings = [
        (policy.most, Cause.BOUNDS, f"the policy allows {policy.most}"),
        (seen.available, Cause.ACCOUNT, f"account and reservation leave {seen.available}"),
        (affordable, Cause.BUDGET, f"the budget allows {affordable}"),
    ]
    ceiling, why, sentence = min(ceilings, key=lambda one: one[0])
    if target > ceiling:
        # The floor is the policy's wish, a ceiling is a fact; the API's least is above both.
        return max(API_LEAST, ceiling), why, f"{text}; {sentence}"
    if target < floor:
        return max(API_LEAST, min(floor, ceiling)), cause, text
    return target, cause, text
