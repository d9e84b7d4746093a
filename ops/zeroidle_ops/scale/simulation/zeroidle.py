"""Our law as a policy of the simulation: what it sees made into the law's observation.

It keeps what the controller keeps between two ticks: when the limit changed, when a fault was seen.
"""

import math
from dataclasses import dataclass

from zeroidle_contract import Prices
from zeroidle_ops.scale.law import NEVER_S, PAUSED, Observation, decide
from zeroidle_ops.scale.policy import Policy
from zeroidle_ops.scale.simulation.scenario import Scenario
from zeroidle_ops.scale.simulation.service_time import ServiceTimes
from zeroidle_ops.scale.simulation.sight import METRICS_DELAY_S, METRICS_WINDOW_S, Sight

START = 10
"""The template's default, in force when the controller begins."""


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
    _changed_s: float = -math.inf
    _fault_s: float = -math.inf
    _resumed_s: float = -math.inf

    def limit(self, sight: Sight) -> int:
        """The law's target, or the limit as it is."""
        before = START if sight.limit is None else sight.limit
        decision = decide(self._observation(sight, before), self.policy)
        if decision.is_fault:
            self._fault_s = sight.now_s
        if decision.target is None or decision.target == before:
            return before
        self._changed_s = sight.now_s
        if before == PAUSED:
            self._resumed_s = sight.now_s
        return decision.target

    def _observation(self, sight: Sight, before: int) -> Observation:
        seen = sight.metrics
        full = self.times.invocation_s(self.batch_size).p50
        # A batch that is not full says nothing of how many an invocation could take.
        jobs, lately_s = float(self.batch_size), full
        if seen.invocations:
            lately_s = seen.billed_s / seen.invocations
            if sight.waiting >= before * self.batch_size:
                jobs = seen.attempts / seen.invocations
        return Observation(
            data_age_s=METRICS_DELAY_S,
            current=before,
            backlog=sight.waiting,
            in_flight=sight.in_flight,
            oldest_age_s=sight.oldest_age_s,
            arrivals_per_s=seen.sent / METRICS_WINDOW_S,
            running=sight.running,
            seconds_per_invocation=lately_s,
            usual_seconds_per_invocation=full,
            messages_per_invocation=jobs,
            throttles_per_s=seen.throttles / METRICS_WINDOW_S,
            ended_per_s=(seen.succeeded + seen.failed_attempts) / METRICS_WINDOW_S,
            failed_per_s=seen.failed_attempts / METRICS_WINDOW_S,
            dead_letters_per_s=seen.dead / METRICS_WINDOW_S,
            available=self.available,
            spent_usd=sight.spent_this_hour_usd,
            hour_left_s=3600 - sight.now_s % 3600,
            usd_per_second=self.usd_per_second,
            longest_invocation_s=self.timeout_s,
            paused_by="zeroidle" if before == PAUSED else None,
            is_own_pause=before == PAUSED,
            since_change_s=self._since(self._changed_s, sight),
            since_fault_s=self._since(self._fault_s, sight),
            since_resume_s=self._since(self._resumed_s, sight),
        )

    @staticmethod
    def _since(moment_s: float, sight: Sight) -> float:
        return NEVER_S if moment_s == -math.inf else sight.now_s - moment_s


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
