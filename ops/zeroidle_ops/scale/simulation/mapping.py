"""The event source mapping and the function behind it, on simpy's clock.

One event an invocation, none a message. What it knows of AWS: batches and batching window, the
mapping's ramp, MaximumConcurrency, reserved or account concurrency with throttles and back-off,
cold and warm environments, the function's timeout, and what our function does with a job that
failed (policy.py there: exponential back-off with full jitter, three attempts, then the
dead-letter queue).

Simplified, all of it in favour of whoever uses few environments alike: a receive takes no time,
one batch gathers at a time while a batching window is open, and a batch leaves as a whole.
"""

import random
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from functools import partial

import simpy

from zeroidle_ops.scale.simulation.environments import Environments
from zeroidle_ops.scale.simulation.faults import Faults
from zeroidle_ops.scale.simulation.meter import Meter
from zeroidle_ops.scale.simulation.queue import Job, Queue
from zeroidle_ops.scale.simulation.ramp import Ramp
from zeroidle_ops.scale.simulation.scenario import Scenario
from zeroidle_ops.scale.simulation.service_time import ServiceTimes, draw_s

Process = Generator[simpy.Event, None, None]

BACKOFF_BASE_S = 5.0
BACKOFF_CAP_S = 300.0
SOON_S = 1.0
THROTTLE_FIRST_S = 1.0
THROTTLE_MOST_S = 60.0
VISIBILITY_IN_TIMEOUTS = 6


class Mapping:
    """Reads the queue and invokes. `limit` is MaximumConcurrency (None: not set), 0 is disabled.

    `reserved` is what the function may run at once; what is over is throttled.
    """

    def __init__(
        self,
        *,
        env: simpy.Environment,
        scenario: Scenario,
        queue: Queue,
        times: ServiceTimes,
        faults: Faults,
        meter: Meter,
        rng: random.Random,
        ramp: Ramp | None = None,
        limit: int | None = None,
    ) -> None:
        self._env = env
        self._scenario = scenario
        self._queue = queue
        self._times = times
        self._faults = faults
        self._meter = meter
        self._rng = rng
        self._ramp = ramp or Ramp()
        self._gathering_since_s: float | None = None
        self._alarm_s: float | None = None
        self._environments = Environments()
        self.limit = limit
        self.reserved = scenario.account_limit
        self.polling = 0  # batches held by the mapping, throttled ones among them
        self.running = 0  # invocations under way
        env.process(self._grow())
        self._hand_over()

    def set_limit(self, limit: int | None) -> None:
        """Another MaximumConcurrency from now on; what runs ends as it is."""
        self.limit = limit
        self._hand_over()

    @property
    def cap(self) -> int:
        """How many batches may be under way at once, by the ramp and by the limit."""
        granted = self._ramp.granted
        return granted if self.limit is None else min(granted, self.limit)

    def _hand_over(self) -> None:
        """Hand batches over as long as there are messages and room; else have oneself called."""
        now_s = self._env.now
        batch_size = self._scenario.batch_size
        while self.polling < self.cap and (waiting := self._queue.look(now_s)):
            if self._gathering_since_s is None:
                self._gathering_since_s = now_s
            ready_s = self._gathering_since_s + self._scenario.batching_window_s
            if waiting < batch_size and now_s < ready_s:
                self._hand_over_at(ready_s)
                break
            self._gathering_since_s = None
            self.polling += 1
            self._deliver(_Delivery(self._queue.receive(batch_size), received_s=now_s))
        if self.polling < self.cap and (due_s := self._queue.next_due_s()) is not None:
            self._hand_over_at(due_s)

    def _hand_over_at(self, at_s: float) -> None:
        """One alarm is enough: the earliest. It sets the next."""
        if self._alarm_s is not None and self._alarm_s <= at_s:
            return
        self._alarm_s = at_s
        self._after(at_s - self._env.now, self._alarm_rang)

    def _alarm_rang(self) -> None:
        self._alarm_s = None
        self._hand_over()

    def _after(self, delay_s: float, act: Callable[[], None]) -> None:
        """Call back, without the three events that a simpy process costs."""
        event = self._env.timeout(max(0.0, delay_s))
        event.callbacks.append(lambda _: act())

    def _grow(self) -> Process:
        while True:
            yield self._env.timeout(1)
            before = self.cap
            self._ramp.tick(
                self._env.now,
                waiting=self._queue.look(self._env.now),
                busy=self.polling,
                cap=self._ramp.most if self.limit is None else self.limit,
            )
            if self.cap > before:
                self._hand_over()

    def _deliver(self, delivery: "_Delivery") -> None:
        """Invoke with a batch, waiting out throttles as long as the messages stay hidden."""
        if self.running < self.reserved:
            self._invoke(delivery.batch)
            return
        self._meter.total.throttles += 1
        hidden_s = VISIBILITY_IN_TIMEOUTS * self._scenario.timeout_s
        hidden_until_s = delivery.received_s + hidden_s
        if self._env.now + delivery.wait_s >= hidden_until_s:
            for job in delivery.batch:
                self._queue.give_back(job, visible_at_s=hidden_until_s)
            self._free()
            return
        self._after(delivery.wait_s, partial(self._deliver, delivery))
        delivery.wait_s = min(THROTTLE_MOST_S, 2 * delivery.wait_s)

    def _free(self) -> None:
        self.polling -= 1
        self._hand_over()

    def _invoke(self, batch: Sequence[Job]) -> None:
        start_s = self._env.now
        self.running += 1
        init_s = 0.0 if self._environments.take(start_s) else draw_s(self._times.cold_s, self._rng)
        worth = [job for job in batch if not self._faults.is_refused(job, start_s)]
        # Nothing to infer takes no time.
        work_s = draw_s(self._times.invocation_s(len(worth)), self._rng) if worth else 0.0
        wished_s = init_s + work_s * self._faults.slowdown(start_s, self.running)
        took_s = min(wished_s, self._scenario.timeout_s)
        run = _Run(
            batch=batch,
            worth=worth,
            start_s=start_s,
            end_s=start_s + took_s,
            init_s=min(init_s, took_s),
            is_cut_off=wished_s > took_s,
        )
        self._after(took_s, partial(self._end, run))

    def _end(self, run: "_Run") -> None:
        self.running -= 1
        self._environments.give_back(run.end_s)
        self._meter.invoked(
            start_s=run.start_s, end_s=run.end_s, init_s=run.init_s, jobs=len(run.batch)
        )
        refused = len(run.batch) - len(run.worth)
        self._meter.total.dead += refused
        self._queue.delete(refused)
        for job in run.worth:
            self._settle(job, run)
        self._free()

    def _settle(self, job: Job, run: "_Run") -> None:
        if job.storm < 0 and not run.is_cut_off:
            self._meter.succeeded(sent_s=job.sent_s, now_s=run.end_s)
            self._queue.delete()
            return
        self._meter.failed(share_s=(run.end_s - run.start_s) / len(run.worth))
        if run.is_cut_off:
            # Given back at once, no attempt spent; the work is lost.
            self._queue.give_back(job, visible_at_s=run.end_s + SOON_S)
            return
        job.attempts += 1
        if job.attempts >= self._scenario.max_attempts:
            self._meter.total.dead += 1
            self._queue.delete()
            return
        ceiling_s = min(BACKOFF_CAP_S, BACKOFF_BASE_S * 2.0 ** (job.attempts - 1))
        self._queue.give_back(job, visible_at_s=run.end_s + self._rng.uniform(0, ceiling_s))


@dataclass(slots=True)
class _Delivery:
    """A batch that the mapping holds; `wait_s` is its next pause after a throttle."""

    batch: Sequence[Job]
    received_s: float
    wait_s: float = THROTTLE_FIRST_S


@dataclass(frozen=True, slots=True)
class _Run:
    """An invocation under way. `worth` are the jobs that are computed; the rest is refused."""

    batch: Sequence[Job]
    worth: Sequence[Job]
    start_s: float
    end_s: float
    init_s: float
    is_cut_off: bool
