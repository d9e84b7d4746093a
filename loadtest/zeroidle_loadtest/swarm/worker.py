"""A process that sends: its session starts when the coordinator's plan arrives.

Feeds Locust's statistics with what the session sees.
"""

import gc
import signal
from collections.abc import Iterator
from random import SystemRandom

import gevent
from locust.env import Environment
from locust.rpc.protocol import Message
from locust.runners import WorkerRunner

from zeroidle_loadtest import arrivals
from zeroidle_loadtest.errors import LoadTestError
from zeroidle_loadtest.pacer import Pacer
from zeroidle_loadtest.publisher import MessagesAlone, Publisher, RowsAndMessages
from zeroidle_loadtest.record import RequestRecord
from zeroidle_loadtest.scenario import Closed, Scenario
from zeroidle_loadtest.session import LONGEST_SEND_S, Session
from zeroidle_loadtest.swarm import messages, options
from zeroidle_loadtest.timeline import Timeline
from zeroidle_loadtest.wire import Plan, Report
from zeroidle_loadtest.workload import Workload
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock
from zeroidle_producer.outbox import Outbox
from zeroidle_producer.rows import JobRows


class Worker:
    """Sends this process's share of every run."""

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._runner = messages.runner_of(environment)
        self._target: Target | None = None
        self.session: Session | None = None
        """The run under way."""
        self._runner.register_message(messages.PLAN, self._start)
        self._runner.register_message(messages.STOP, self._stop, concurrent=True)
        environment.events.test_stopping.add_listener(self._test_stopping)
        if isinstance(self._runner, WorkerRunner):
            # Ctrl-C reaches a whole process group; the coordinator alone decides what it means.
            gevent.signal_handler(signal.SIGINT, lambda: None)

    def _start(self, msg: Message, **_: object) -> None:
        plan = Plan.model_validate(msg.data)
        try:
            self.session = self._session(plan)
        except LoadTestError as error:
            self._report(_stillborn(plan, str(error)))
            return
        # Going through boto3's models takes the collector longer than the schedule may be late.
        gc.collect()
        gc.freeze()
        gevent.spawn(self.session.follow)

    def _stop(self, **_: object) -> None:
        if self.session is not None:
            self.session.stop()

    def _test_stopping(self, **_: object) -> None:
        """Somebody pressed stop, or the run is over and this changes nothing."""
        if self.session is not None:
            self.session.stop()
            self.session.wait(3 * LONGEST_SEND_S)

    def _session(self, plan: Plan) -> Session:
        scenario = Scenario.model_validate(plan.scenario)
        timeline = Timeline.beginning(plan.started_unix_ms, clock=SystemClock())
        target = self._stack(plan)
        rows = JobRows(
            dynamodb=target.dynamodb,
            table=target.stack.jobs_table_name,
            clock=timeline.clock,
            random=SystemRandom(),
        )
        return Session(
            plan=plan,
            scenario=scenario,
            workload=Workload(scenario),
            pacer=Pacer(_schedule(scenario, plan), timeline=timeline),
            publisher=_publisher(scenario, target),
            read_many=rows.read_many,
            timeline=timeline,
            on_published=self._published,
            on_ended=self._ended,
            report=self._report,
        )

    def _stack(self, plan: Plan) -> Target:
        """One client of each service for all users and runs of this process."""
        if self._target is None:
            self._target = options.target(stack=plan.stack, local_stack=plan.local_stack)
        return self._target

    def _published(self, sample: str, took_ms: float, refusal: str | None) -> None:
        self._environment.events.request.fire(
            request_type="PUBLISH",
            name=sample,
            response_time=took_ms,
            response_length=0,
            exception=None if refusal is None else RuntimeError(refusal),
            context={},
        )

    def _ended(self, record: RequestRecord) -> None:
        failure = record.error_code or record.outcome
        self._environment.events.request.fire(
            request_type="END-TO-END",
            name=record.sample,
            response_time=record.latency_ms or 0.0,
            response_length=record.output_tokens,
            exception=None if record.outcome == "succeeded" else RuntimeError(failure),
            context={},
        )

    def _report(self, report: Report) -> None:
        self._runner.send_message(messages.REPORT, report.model_dump(mode="json"))


def _schedule(scenario: Scenario, plan: Plan) -> Iterator[tuple[int, float]]:
    if isinstance(scenario.arrivals, Closed):
        return arrivals.without_moments(shard=plan.shard, shards=plan.shards)
    moments_s = arrivals.due_s(
        scenario.arrivals, duration_s=scenario.duration_s, seed=scenario.seed
    )
    return arrivals.share(moments_s, shard=plan.shard, shards=plan.shards)


def _publisher(scenario: Scenario, target: Target) -> Publisher:
    if scenario.rows:
        return RowsAndMessages(target.producer())
    outbox = Outbox(
        sqs=target.sqs,
        queue_url=target.stack.queue_url,
        clock=SystemClock(),
        random=SystemRandom(),
    )
    return MessagesAlone(outbox)


def _stillborn(plan: Plan, error: str) -> Report:
    return Report(
        run_id=plan.run_id,
        shard=plan.shard,
        taken=0,
        pending=0,
        busy=0.0,
        clock_jump_ms=0.0,
        is_done=True,
        error=error,
    )
