"""Our law as a policy of the simulation: what it sees made into the law's observation.

As the controller does it: the same reckoning (observation.py), the same memory from tick to tick
(memory.py), figures as late as CloudWatch is, failures and dead letters at once.
"""

from dataclasses import dataclass, field, replace

from zeroidle_contract import Prices
from zeroidle_ops.scale.law import PAUSED, decide
from zeroidle_ops.scale.memory import CONTROLLER, Memory
from zeroidle_ops.scale.observation import (
    Observation,
    ended_now,
    fills,
    full_batch,
    running_now,
    seconds_since,
)
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.scale.simulation.scenario import Scenario
from zeroidle_ops.scale.simulation.service_time import ServiceTimes
from zeroidle_ops.scale.simulation.sight import METRICS_DELAY_S, METRICS_WINDOW_S, Sight

START = 10
"""The template's default, in force when the controller begins."""

EPOCH_S = 3600.0
"""When a run begins by the memory's clock, whose 0 means never."""


@dataclass
class Zeroidle:
    """`law.decide`, asked once a minute, with the scenario's drain target and budget."""

    policy: Policy
    times: ServiceTimes
    usd_per_second: float
    batch_size: int
    timeout_s: float
    available: int
    period_s: float = 60.0
    _memory: Memory = field(default_factory=Memory)
    _limit: int = START

    def limit(self, sight: Sight) -> int:
        """The law's target, or the limit as it is."""
        at_s = EPOCH_S + sight.now_s
        decision = decide(self.observation(sight, at_s), self.policy)
        self._memory = replace(
            self._memory.after(decision, at_s=at_s), at_s=at_s, dead_letters=sight.dead
        )
        if decision.target:
            self._limit = decision.target
        return PAUSED if self._memory.paused_by else self._limit

    def observation(self, sight: Sight, at_s: float) -> Observation:
        """What the controller's observer would make of it."""
        seen, memory, current = sight.metrics, self._memory, self._limit
        full_s = self.times.invocation_s(self.batch_size).p50
        messages = full_batch(
            batch_size=float(self.batch_size),
            handled=seen.attempts,
            invocations=seen.invocations,
            fills_limit=fills(current, backlog=sight.waiting, batch_size=self.batch_size),
        )
        running = running_now(in_flight=sight.in_flight, messages=messages, limit=current)
        seconds = seen.billed_s / seen.invocations if seen.invocations else full_s
        dead_per_s = (sight.dead - memory.dead_letters) / self.period_s
        return Observation(
            data_age_s=METRICS_DELAY_S,
            current=current,
            backlog=sight.waiting,
            in_flight=sight.in_flight,
            oldest_age_s=seen.oldest_age_s if sight.waiting else 0.0,
            arrivals_per_s=seen.sent / METRICS_WINDOW_S,
            running=running,
            seconds_per_invocation=seconds,
            usual_seconds_per_invocation=full_s,
            messages_per_invocation=messages,
            throttles_per_s=seen.throttles / METRICS_WINDOW_S,
            ended_per_s=ended_now(
                running=running,
                messages=messages,
                seconds=seconds,
                ended=seen.succeeded + seen.dead,
                handled=seen.attempts,
            ),
            failed_per_s=dead_per_s,
            dead_letters_per_s=dead_per_s,
            available=self.available,
            spent_usd=sight.spent_this_hour_usd,
            hour_left_s=3600 - sight.now_s % 3600,
            usd_per_second=self.usd_per_second,
            longest_invocation_s=self.timeout_s,
            paused_by=memory.paused_by,
            is_own_pause=memory.paused_by == CONTROLLER,
            since_change_s=seconds_since(memory.changed_at_s, at_s),
            since_fault_s=seconds_since(memory.fault_at_s, at_s),
            since_resume_s=seconds_since(memory.resumed_at_s, at_s),
        )


def zeroidle(scenario: Scenario, times: ServiceTimes, prices: Prices) -> Zeroidle:
    """Our law, with its defaults but for what the scenario asks."""
    return Zeroidle(
        policy=Policy(
            drain_target_s=scenario.drain_target_s,
            budget_usd_per_hour=scenario.hourly_budget_usd,
        ),
        times=times,
        usd_per_second=times.memory_gb * prices.aws_lambda.arm64_gb_second,
        batch_size=scenario.batch_size,
        timeout_s=scenario.timeout_s,
        available=scenario.account_limit,
    )
