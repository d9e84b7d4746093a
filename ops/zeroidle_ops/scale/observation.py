"""What the law stands on: one look at queue, function and money, in figures.

Beside it the reckoning of what nobody measures outright. The controller's observer and the
simulation both use it, so that what is simulated is what will run. Knows no AWS and no clock.
"""

import math
from dataclasses import dataclass
from typing import Final

from zeroidle_ops.scale.policy import API_MOST

WINDOW_S: Final = 300
"""Rates that CloudWatch tells are means over so long."""

NEVER_S: Final = float("inf")
"""Seconds since something that never happened."""


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What was seen. Rates are means over the last window, `*_s` are seconds.

    Attributes:
        data_age_s: how old the oldest figure is that the decision stands on.
        current: the mapping's limit in force; None where it has none.
        backlog: messages that wait.
        in_flight: messages that were handed out and have not come back.
        oldest_age_s: how long the oldest of those that wait has waited.
        arrivals_per_s: messages sent to the queue.
        running: invocations under way.
        seconds_per_invocation: W, lately.
        usual_seconds_per_invocation: W as it is when all is well; None where nobody knows.
        messages_per_invocation: m, as it is when messages wait, else the mapping's batch size.
        throttles_per_s: invocations that were refused for lack of concurrency.
        ended_per_s: jobs that ended, well or not; see `ended_now`.
        failed_per_s: jobs that ended in failure.
        dead_letters_per_s: messages that came into the dead-letter queue.
        available: environments that account and reservation leave to this function.
        reserved: reserved concurrency; None where none is reserved, 0 is somebody's emergency stop.
        spent_usd: what invocations cost since the hour began.
        hour_left_s: until the hour, and with it the budget, begins anew.
        usd_per_second: what one running environment costs a second.
        longest_invocation_s: the function's timeout.
        paused_by: who paused the mapping; None where it is enabled.
        is_own_pause: the pause is the controller's own, so it may end it.
        since_change_s: since the limit was last changed.
        since_fault_s: since a decision for a fault (`FAULTS`).
        since_resume_s: since the mapping was last resumed.
    """

    data_age_s: float = 0.0
    current: int | None
    backlog: int
    in_flight: int = 0
    oldest_age_s: float = 0.0
    arrivals_per_s: float = 0.0
    running: float = 0.0
    seconds_per_invocation: float
    usual_seconds_per_invocation: float | None = None
    messages_per_invocation: float
    throttles_per_s: float = 0.0
    ended_per_s: float = 0.0
    failed_per_s: float = 0.0
    dead_letters_per_s: float = 0.0
    available: int = API_MOST
    reserved: int | None = None
    spent_usd: float = 0.0
    hour_left_s: float = 3600.0
    usd_per_second: float = 0.0
    longest_invocation_s: float = 900.0
    paused_by: str | None = None
    is_own_pause: bool = False
    since_change_s: float = NEVER_S
    since_fault_s: float = NEVER_S
    since_resume_s: float = NEVER_S

    @property
    def failed_share(self) -> float:
        """Failures or dead letters, whichever is more, as a share of what ended; 0 to 1."""
        bad = max(self.failed_per_s, self.dead_letters_per_s)
        ended = max(self.ended_per_s, bad)
        return bad / ended if ended > 0 else 0.0


def full_batch(
    *, batch_size: float, handled: float | None, invocations: float | None, fills_limit: bool
) -> float:
    """How many messages an invocation takes when there are enough of them.

    What invocations had on average says it only while the work that waits fills the limit; a batch
    that found little to take says nothing of capacity. Then it is the mapping's batch size.
    """
    if fills_limit and handled and invocations:
        return max(1.0, min(batch_size, handled / invocations))
    return batch_size


def fills(limit: int | None, *, backlog: int, batch_size: float) -> bool:
    """True where each of the invocations that may run finds a full batch to take."""
    return backlog >= batch_size * (API_MOST if limit is None else limit)


def running_now(*, in_flight: int, messages: float, limit: int | None) -> float:
    """Invocations under way, by the messages that are in flight."""
    return min(in_flight / messages, math.inf if limit is None else float(limit))


def ended_now(
    *,
    running: float,
    messages: float,
    seconds: float,
    ended: float | None,
    handled: float | None,
) -> float:
    """Jobs that end a second: the window's mean, or what the running end, if that is more.

    Failures are counted at once, but what ends is a mean of minutes that are over: at the start of
    a burst that is the rate of the calm before it, beside which a few failures would be a storm.
    Of what leaves an invocation only the share `ended / handled` ends; the rest comes back.
    """
    leaving_per_s = running * messages / seconds
    if ended is None:
        return leaving_per_s
    share = min(1.0, ended / handled) if handled else 1.0
    return max(ended / WINDOW_S, share * leaving_per_s)


def seconds_since(then_s: float, now_s: float) -> float:
    """Of the memory's times, where 0 means never."""
    return max(0.0, now_s - then_s) if then_s else NEVER_S
