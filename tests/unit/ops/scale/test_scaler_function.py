"""The scaler's entry: its settings, its skipped ticks."""

import pytest

from zeroidle_ops.errors import LockBusyError
from zeroidle_ops.scale.controller import Tick
from zeroidle_ops.scale.errors import PolicyError
from zeroidle_ops.scale.function import answer, policy
from zeroidle_ops.scale.law import Cause, Decision
from zeroidle_ops.scale.observation import Observation

SETTINGS = {
    "ZEROIDLE_SCALE_MOST": "50",
    "ZEROIDLE_SCALE_DRAIN_TARGET_S": "120",
    "ZEROIDLE_SCALE_BUDGET_USD_PER_HOUR": "",
}


class Controls:
    def __init__(self, outcome: Tick | Exception) -> None:
        self._outcome = outcome

    def tick(self) -> Tick:
        if isinstance(self._outcome, Exception):
            raise self._outcome
        return self._outcome


def test_the_policy_is_that_of_the_parameters() -> None:
    read = policy(SETTINGS | {"ZEROIDLE_SCALE_BUDGET_USD_PER_HOUR": "12.5"})

    assert (read.most, read.drain_target_s, read.budget_usd_per_hour) == (50, 120, 12.5)
    assert policy(SETTINGS).budget_usd_per_hour is None
    with pytest.raises(PolicyError, match="most is 5000"):
        policy(SETTINGS | {"ZEROIDLE_SCALE_MOST": "5000"})


def test_a_tick_that_cannot_be_is_skipped_and_told() -> None:
    assert answer(Controls(LockBusyError("alice is at it"))) == {"skipped": "alice is at it"}  # type: ignore[arg-type] # only its tick


def test_a_tick_is_told_with_its_reason() -> None:
    seen = Observation(current=4, backlog=0, seconds_per_invocation=1, messages_per_invocation=1)
    decision = Decision(target=9, cause=Cause.DEMAND, reason="work waits")

    told = answer(Controls(Tick(observation=seen, decision=decision)))  # type: ignore[arg-type] # only its tick

    assert told == {"limit": 4, "target": 9, "cause": "demand", "reason": "work waits"}
