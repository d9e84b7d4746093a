"""Laws that are broken in one plausible way each, for the properties to notice."""

import math
from dataclasses import replace

import pytest

from zeroidle_ops.scale import law
from zeroidle_ops.scale.law import Cause, Decision
from zeroidle_ops.scale.observation import Observation
from zeroidle_ops.scale.policy import API_LEAST, API_MOST, Policy


def without_the_account(patch: pytest.MonkeyPatch) -> None:
    """Clamps to policy and budget only."""
    clamp = law._clamp

    def broken(
        seen: Observation, policy: Policy, *, target: int, cause: Cause, text: str
    ) -> tuple[int, Cause, str]:
        alone = replace(seen, available=API_MOST)
        return clamp(alone, policy, target=target, cause=cause, text=text)

    patch.setattr(law, "_clamp", broken)


def ramp_without_memory(patch: pytest.MonkeyPatch) -> None:
    """Cuts a growth to what AWS can start by then, also where the limit is above that already."""
    growth = law._growth

    def broken(
        seen: Observation, policy: Policy, *, current: int, needed: int, text: str
    ) -> tuple[int, Cause, str]:
        target, cause, text = growth(seen, policy, current=current, needed=needed, text=text)
        ramp = law.AWS_RAMP_PER_MINUTE * policy.ramp_horizon_s / 60
        return min(target, math.floor(seen.running + ramp)), cause, text

    patch.setattr(law, "_growth", broken)


def backlog_alone(patch: pytest.MonkeyPatch) -> None:
    """Follows the queue's length and forgets what arrives, as KEDA does."""
    needed = law.needed_concurrency

    def broken(seen: Observation, policy: Policy) -> int:
        return needed(replace(seen, arrivals_per_s=0.0), policy)

    patch.setattr(law, "needed_concurrency", broken)


def storm_only_while_nothing_waits(patch: pytest.MonkeyPatch) -> None:
    """Takes failures for a storm only while the backlog is small, for work must be done."""
    fault = law._fault

    def broken(seen: Observation, policy: Policy) -> tuple[Cause, float, str] | None:
        return fault(seen, policy) if seen.backlog < 20_000 else None

    patch.setattr(law, "_fault", broken)


def own_pause_before_age(patch: pytest.MonkeyPatch) -> None:
    """Looks at its own pause first, and at the age of the data after it."""
    hold = law._hold

    def broken(seen: Observation, policy: Policy) -> Decision | None:
        own = law._pause(seen, policy) if seen.is_own_pause else None
        return own or hold(seen, policy)

    patch.setattr(law, "_hold", broken)


def budget_when_it_is_spent(patch: pytest.MonkeyPatch) -> None:
    """Runs what it likes until the budget is gone, instead of spreading it over the hour."""

    def broken(seen: Observation, policy: Policy) -> int:
        budget_usd = policy.budget_usd_per_hour
        return 0 if budget_usd is not None and seen.spent_usd >= budget_usd else API_MOST

    patch.setattr(law, "_affordable", broken)


def budget_without_a_pause(patch: pytest.MonkeyPatch) -> None:
    """Lowers for the budget, and never pauses."""
    affordable = law._affordable
    patch.setattr(law, "_affordable", lambda *seen: max(API_LEAST, affordable(*seen)))
