"""One simulated run: a scenario, a policy and a seed, from the first job to the last.

The same seed sends the same jobs at the same times, whatever the policy.
"""

import random
from dataclasses import dataclass

import simpy

from zeroidle_contract import Prices
from zeroidle_ops.scale.simulation.arrivals import arrival_times_s
from zeroidle_ops.scale.simulation.faults import Faults
from zeroidle_ops.scale.simulation.mapping import Mapping, Process
from zeroidle_ops.scale.simulation.meter import Meter, Moment, percentile
from zeroidle_ops.scale.simulation.policies import ScalingPolicy
from zeroidle_ops.scale.simulation.queue import Queue
from zeroidle_ops.scale.simulation.ramp import Ramp
from zeroidle_ops.scale.simulation.scenario import Scenario
from zeroidle_ops.scale.simulation.service_time import ServiceTimes
from zeroidle_ops.scale.simulation.sight import Sight, Window

MOMENTS = 300
"""Points of a run's course."""


@dataclass(frozen=True)
class Outcome:
    """What a run came to. Ages are those of jobs that could succeed, unfinished ones included."""

    jobs: int
    succeeded: int
    dead: int
    unfinished: int
    p50_age_s: float
    p95_age_s: float
    cost_usd: float
    wasted_usd: float
    budget_exceeded_usd: float
    cold_starts: int
    invocations: int
    throttles: int
    ended_s: float
    course: tuple[Moment, ...]


class World:
    """Everything of one run. `run` may be called once."""

    def __init__(
        self,
        *,
        scenario: Scenario,
        policy: ScalingPolicy,
        times: ServiceTimes,
        prices: Prices,
        seed: int,
        ramp: Ramp | None = None,
    ) -> None:
        # A generator each: what one part draws does not move another's.
        arrivals, poison, service = (
            random.Random(f"{scenario.name} {seed} {part}")  # noqa: S311 - a model
            for part in ("arrivals", "poison", "service")
        )
        faults = Faults(scenario)
        sent_s = arrival_times_s(
            rates=scenario.rates, bursts=scenario.bursts, until_s=scenario.duration_s, rng=arrivals
        )
        self._scenario = scenario
        self._policy = policy
        self._env = simpy.Environment()
        self._meter = Meter(prices=prices, memory_gb=times.memory_gb)
        self._queue = Queue(faults.jobs(sent_s, poison))
        self._mapping = Mapping(
            env=self._env,
            scenario=scenario,
            queue=self._queue,
            times=times,
            faults=faults,
            meter=self._meter,
            rng=service,
            ramp=ramp,
        )
        self._window = Window()

    def run(self) -> Outcome:
        """Until all is done, or the time to drain is over."""
        self._env.process(self._control())
        self._env.process(self._film())
        self._env.run(until=self._env.process(self._end()))
        self._film_now()
        return self._outcome()

    def _control(self) -> Process:
        while True:
            self._queue.look(self._env.now)
            self._window.record(
                self._env.now,
                sent=self._queue.sent,
                oldest_age_s=self._oldest_age_s(),
                counters=self._meter.total,
            )
            self._mapping.set_limit(self._policy.limit(self._sight()))
            yield self._env.timeout(self._policy.period_s)

    def _sight(self) -> Sight:
        now_s = self._env.now
        return Sight(
            now_s=now_s,
            waiting=len(self._queue.visible),
            in_flight=self._queue.in_flight + self._queue.hidden,
            dead=self._meter.total.dead,
            limit=self._mapping.limit,
            spent_this_hour_usd=self._meter.spent_in_hour_usd(int(now_s // 3600)),
            metrics=self._window.metrics(now_s),
        )

    def _oldest_age_s(self) -> float:
        return self._env.now - self._queue.visible[0].sent_s if self._queue.visible else 0.0

    def _film(self) -> Process:
        while True:
            self._film_now()
            yield self._env.timeout(self._scenario.duration_s / MOMENTS)

    def _film_now(self) -> None:
        self._meter.course.append(
            Moment(
                at_s=self._env.now,
                waiting=self._queue.look(self._env.now),
                in_flight=self._queue.in_flight,
                concurrency=self._mapping.running,
                limit=self._mapping.cap,
                oldest_age_s=self._oldest_age_s(),
                cost_usd=self._meter.cost_usd,
            )
        )

    def _end(self) -> Process:
        """The sending is over and nothing is left, or the time is up."""
        yield self._env.timeout(self._scenario.duration_s)
        deadline_s = self._scenario.duration_s + self._scenario.drain_s
        while self._queue.look(self._env.now) + self._queue.backlog > 0:
            if self._env.now >= deadline_s:
                return
            yield self._env.timeout(min(10.0, deadline_s - self._env.now))

    def _outcome(self) -> Outcome:
        left = [job for job in self._queue.unfinished() if job.storm < 0]
        self._meter.unfinished(self._env.now - job.sent_s for job in left)
        total, ages_s = self._meter.total, self._meter.ages_s
        return Outcome(
            jobs=self._queue.sent,
            succeeded=total.succeeded,
            dead=total.dead,
            unfinished=self._queue.backlog,
            p50_age_s=percentile(ages_s, 0.5),
            p95_age_s=percentile(ages_s, 0.95),
            cost_usd=self._meter.cost_usd,
            wasted_usd=self._meter.wasted_usd,
            budget_exceeded_usd=self._meter.exceeded_usd(self._scenario.hourly_budget_usd),
            cold_starts=total.cold_starts,
            invocations=total.invocations,
            throttles=total.throttles,
            ended_s=self._env.now,
            course=tuple(self._meter.course),
        )
