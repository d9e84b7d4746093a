"""The process that runs a test: plans it, records what the workers report, judges, and ends it.

Locust's master, or a process on its own that is its own only worker. Every start is a run of its
own with a folder of its own; sets Locust's `process_exit_code`.
"""

import logging
import signal
import uuid
from argparse import Namespace
from datetime import UTC, datetime
from pathlib import Path

import gevent
from gevent.event import Event
from locust.env import Environment
from locust.rpc.protocol import Message
from locust.runners import MasterRunner

from zeroidle_loadtest import arrivals, surroundings
from zeroidle_loadtest.conclusion import ERROR, conclude, exit_code
from zeroidle_loadtest.record import RunRecord, TargetRecord
from zeroidle_loadtest.recording import Recording
from zeroidle_loadtest.scenario import Closed, Scenario, load_scenario
from zeroidle_loadtest.slo import Slo, load_slo
from zeroidle_loadtest.swarm import messages, options
from zeroidle_loadtest.timeline import Timeline, unix_ms
from zeroidle_loadtest.wire import Plan, Report
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock

HEAD_START_MS = 1500.0
"""From the plan to the first request: users must have been spawned everywhere."""

SAMPLES = 1000
SHORTEST_SAMPLING_S = 0.5
LAST_WORD_S = 45.0
"""How long a stop waits for the workers' last reports."""

_log = logging.getLogger(__name__)


class Coordinator:
    """Runs tests, one at a time.

    What cannot work (no scenario, no such stack) raises here, before Locust starts anything.
    """

    def __init__(self, environment: Environment) -> None:
        self._environment = environment
        self._runner = messages.runner_of(environment)
        self._main = gevent.getcurrent()
        given = messages.options_of(environment)
        self._scenario: Scenario = load_scenario(options.scenario(given))
        self._slo: Slo = load_slo(Path(given.slo) if given.slo else None)
        self._target: Target = options.target(stack=given.stack, local_stack=given.local_stack)
        self._described: TargetRecord = surroundings.describe(
            self._target, is_local=bool(given.local_stack)
        )
        self._timeline: Timeline | None = None
        self._recording: Recording | None = None
        self._finished = Event()
        self._was_interrupted = False
        self._runner.register_message(messages.REPORT, self._reported)
        environment.events.test_start.add_listener(self._test_start)
        environment.events.quitting.add_listener(self._quitting)
        gevent.signal_handler(signal.SIGINT, self._interrupted)

    @property
    def _given(self) -> Namespace:
        return messages.options_of(self._environment)

    def _test_start(self, **_: object) -> None:
        clock = SystemClock()
        started_unix_ms = round(unix_ms(clock.now()) + HEAD_START_MS)
        workers = self._workers()
        self._timeline = Timeline.beginning(started_unix_ms, clock=clock)
        self._recording = Recording(folder=self._folder(), shards=len(workers))
        self._finished.clear()
        self._was_interrupted = False
        plan = Plan(
            run_id=self._recording.folder.name,
            stack=self._given.stack,
            local_stack=self._given.local_stack,
            started_unix_ms=started_unix_ms,
            shard=0,
            shards=len(workers),
            scenario=self._scenario.model_dump(mode="json", exclude_none=True),
        )
        for shard, client_id in enumerate(workers):
            told = plan.model_copy(update={"shard": shard})
            self._runner.send_message(messages.PLAN, told.model_dump(mode="json"), client_id)
        gevent.spawn(self._run, self._recording, self._timeline)

    def _workers(self) -> list[str]:
        """The workers' ids; this process itself where it has none."""
        if isinstance(self._runner, MasterRunner):
            return [client.id for client in self._runner.clients.ready]
        return ["local"]

    def _folder(self) -> Path:
        name: str = self._given.run_id
        results = Path(self._given.results)
        if not name or (results / name).exists():  # a second start on Locust's page
            name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{uuid.uuid4().hex[:6]}"
        return results / name

    def _run(self, recording: Recording, timeline: Timeline) -> None:
        """Sample until all workers are done, then judge and end the test."""
        scenario = self._scenario
        pause_s = max(SHORTEST_SAMPLING_S, scenario.duration_s / SAMPLES)
        give_up_ms = (scenario.duration_s + scenario.drain_s + LAST_WORD_S) * 1000
        try:
            while not recording.is_done and timeline.now_ms() < give_up_ms:
                recording.sample(timeline.now_ms(), lambda: surroundings.depths(self._target))
                # Again and again: a worker that is still reading its plan does not hear it.
                if recording.error is not None or self._was_interrupted:
                    self._tell_stop()
                gevent.sleep(pause_s)
            self._end(recording, timeline)
        except Exception:
            self._environment.process_exit_code = ERROR
            raise
        finally:
            self._finished.set()
            if self._given.headless:
                self._runner.quit()
            else:
                self._runner.stop()

    def _end(self, recording: Recording, timeline: Timeline) -> None:
        record = conclude(
            recording,
            timeline=timeline,
            scenario=self._scenario,
            scheduled=_scheduled(self._scenario),
            slo=self._slo,
            target=self._described,
            machine=surroundings.machine(),
            commit=surroundings.commit(),
            versions=surroundings.versions(),
            prices=surroundings.prices(),
        )
        self._environment.process_exit_code = ERROR if recording.error else exit_code(record)
        _tell(recording.folder, record)

    def _reported(self, msg: Message, **_: object) -> None:
        report = Report.model_validate(msg.data)
        recording = self._recording
        if recording is not None and recording.folder.name == report.run_id:
            recording.add(report)

    def _tell_stop(self) -> None:
        self._runner.send_message(messages.STOP, None)

    def _is_running(self) -> bool:
        return self._recording is not None and not self._finished.is_set()

    def _interrupted(self) -> None:
        """Ctrl-C: end the run in good order; a second time, or without a run, leave at once."""
        if self._is_running() and not self._was_interrupted:
            self._was_interrupted = True
            _log.warning(
                "interrupted: taking a last look at what was sent (again to leave at once)"
            )
            self._tell_stop()
        else:
            gevent.kill(self._main, KeyboardInterrupt, block=False)

    def _quitting(self, **_: object) -> None:
        """SIGTERM: as the first Ctrl-C."""
        if self._is_running():
            self._tell_stop()
            self._finished.wait(LAST_WORD_S)


def _scheduled(scenario: Scenario) -> int | None:
    if isinstance(scenario.arrivals, Closed):
        return None
    return sum(
        1
        for _ in arrivals.due_s(
            scenario.arrivals, duration_s=scenario.duration_s, seed=scenario.seed
        )
    )


def _tell(folder: Path, record: RunRecord) -> None:
    counts = record.counts
    _log.info(
        "%s: %d submitted = %d succeeded + %d failed + %d unresolved; report with "
        "`zeroidle-load report %s`",
        record.run_id,
        counts.submitted,
        counts.succeeded,
        counts.failed,
        counts.unresolved,
        folder,
    )
    for problem in record.problems:
        _log.error("not a valid measurement: %s", problem)
