"""One worker's part of one run: sends what is due, follows it to its end, reports.

Senders call `send`, one more thread of control runs `follow`; they may be threads or greenlets.
Knows nothing of Locust.
"""

import threading
from collections.abc import Callable, Sequence

from zeroidle_contract import JobRow
from zeroidle_loadtest.ends import Ends, Published
from zeroidle_loadtest.errors import DeniedError
from zeroidle_loadtest.meter import Meter
from zeroidle_loadtest.pacer import Due, Pacer
from zeroidle_loadtest.publisher import MOST_AT_ONCE, Publisher
from zeroidle_loadtest.record import ModelRecord, RequestRecord
from zeroidle_loadtest.scenario import Closed, Scenario
from zeroidle_loadtest.timeline import Timeline
from zeroidle_loadtest.watcher import Watcher
from zeroidle_loadtest.wire import Plan, Report
from zeroidle_loadtest.workload import Workload

ROUND_S = 0.25
REPORT_AT_MOST = 500
"""Requests in one report."""

LONGEST_SEND_S = 10.0
"""How long a stop waits for publishing calls under way."""


class Session:
    """A worker's part.

    Args:
        on_published: a call ended: the sample's name, its milliseconds, why it was refused or None.
        on_ended: a request's record is written.
        report: takes each `Report`.
    """

    def __init__(
        self,
        *,
        plan: Plan,
        scenario: Scenario,
        workload: Workload,
        pacer: Pacer,
        publisher: Publisher,
        read_many: Callable[[Sequence[str]], list[JobRow]],
        timeline: Timeline,
        on_published: Callable[[str, float, str | None], None],
        on_ended: Callable[[RequestRecord], None],
        report: Callable[[Report], None],
    ) -> None:
        self._plan = plan
        self._scenario = scenario
        self._workload = workload
        self._pacer = pacer
        self._publisher = publisher
        self._timeline = timeline
        self._on_published = on_published
        self._on_ended = on_ended
        self._report_to = report
        self._ends = Ends(worker=plan.shard, timeline=timeline)
        self._watcher = Watcher(read_many=read_many, on_ended=self._row_ended)
        self._meter = Meter(timeline)
        self._sending: dict[str, Published] = {}
        self._waiters: dict[str, threading.Event] = {}
        self._lines: list[str] = []
        self._model: ModelRecord | None = None
        self._error: str | None = None
        self._is_interrupted = False
        self._done = threading.Event()
        self._load_ended_ms: float | None = None

    @property
    def is_over(self) -> bool:
        """True when nothing more is to be sent."""
        return self._pacer.is_over

    def stop(self) -> None:
        """Send nothing more, take a last look, and end."""
        if not self._done.is_set():
            self._is_interrupted = True
            self._pacer.stop()

    def wait(self, timeout_s: float) -> bool:
        """Wait for the end of `follow`."""
        return self._done.wait(timeout_s)

    def send(self) -> bool:
        """Wait for what is due next, and send it; False when nothing more is to be sent.

        A closed client also waits for the answer, and thinks.
        """
        arrivals = self._scenario.arrivals
        is_closed = isinstance(arrivals, Closed)
        due = self._pacer.take(1 if is_closed else MOST_AT_ONCE)
        if not due:
            return False
        if not isinstance(arrivals, Closed):
            self._publish(due)
            return True
        intended = Due(due[0].number, self._timeline.now_ms())  # now is when this client asks
        answered = threading.Event()
        self._waiters[self._job_id(intended)] = answered
        self._publish([intended])
        answered.wait(self._scenario.duration_s + self._scenario.drain_s)
        if self._timeline.now_ms() >= self._scenario.duration_s * 1000:
            self._pacer.stop()
        self._timeline.clock.sleep(arrivals.think_s)
        return not self._pacer.is_over

    def follow(self) -> None:
        """Follow what was sent until all has ended or the drain's time is over; report on the way.

        The last report says that it is done, whatever happened.
        """
        try:
            self._follow()
        except Exception as error:
            self._error = f"{type(error).__name__}: {error}"
            raise
        finally:
            self._give_up()
            self._done.set()

    def _follow(self) -> None:
        while not self._is_interrupted and self._error is None:
            self._watcher.look()
            if self._has_sent_all() and (not len(self._watcher) or self._drain_is_over()):
                return
            self._tell()
            self._timeline.clock.sleep(ROUND_S)
        give_up_ms = self._timeline.now_ms() + LONGEST_SEND_S * 1000
        while self._sending and self._timeline.now_ms() < give_up_ms:
            self._timeline.clock.sleep(0.05)
        self._watcher.look_at_all()

    def _has_sent_all(self) -> bool:
        is_closed = isinstance(self._scenario.arrivals, Closed)
        if is_closed and self._timeline.now_ms() >= self._scenario.duration_s * 1000:
            self._pacer.stop()
        if not self._pacer.is_over or self._sending:
            return False
        if self._load_ended_ms is None:
            self._load_ended_ms = self._timeline.now_ms()
        return True

    def _drain_is_over(self) -> bool:
        ended_ms = self._load_ended_ms or 0.0
        return self._timeline.now_ms() - ended_ms > self._scenario.drain_s * 1000

    def _publish(self, due: Sequence[Due]) -> None:
        """One call for all that is due. What is cut off in the middle stays accounted for."""
        draws = [self._workload.draw(one.number) for one in due]
        began_ms = self._timeline.now_ms()
        # Job and record hold the same moment, or the parts would not add up.
        submitted_at = self._timeline.moment(began_ms)
        jobs = [
            draw.job(self._job_id(one), submitted_at=submitted_at)
            for draw, one in zip(draws, due, strict=True)
        ]
        requests = [
            Published(
                job_id=job.job_id,
                task=job.task.kind,
                sample=draw.sample,
                intended_ms=one.intended_ms,
                sent_ms=began_ms,
                document_bytes=len(draw.text.encode()),
            )
            for job, draw, one in zip(jobs, draws, due, strict=True)
        ]
        self._sending.update({request.job_id: request for request in requests})
        try:
            refusals = self._publisher.publish(jobs)
        except DeniedError as error:
            self._error = str(error)
            self._pacer.stop()
            refusals = ["denied"] * len(jobs)
        publish_ms = self._timeline.now_ms() - began_ms
        for request, refusal in zip(requests, refusals, strict=True):
            request.publish_ms = publish_ms
            self._published(request, refusal)

    def _published(self, request: Published, refusal: str | None) -> None:
        del self._sending[request.job_id]
        self._on_published(request.sample, request.publish_ms or 0.0, refusal)
        if refusal is not None:
            self._ended(self._ends.refused(request, refusal))
        elif self._scenario.follow:
            self._watcher.add(request)
        else:
            self._ended(self._ends.unresolved(request))

    def _row_ended(self, request: Published, row: JobRow) -> None:
        if self._model is None and row.result is not None and row.result.model is not None:
            self._model = ModelRecord.model_validate(row.result.model.model_dump())
        self._ended(self._ends.of_row(request, row))

    def _ended(self, record: RequestRecord) -> None:
        self._lines.append(record.model_dump_json(exclude_defaults=True))
        waiter = self._waiters.pop(record.job_id, None)
        if waiter is not None:
            waiter.set()
        if self._scenario.follow:
            self._on_ended(record)
        if len(self._lines) >= REPORT_AT_MOST:
            self._tell()

    def _give_up(self) -> None:
        self._pacer.stop()
        for request in [*self._watcher.give_up(), *self._sending.values()]:
            self._ended(self._ends.unresolved(request))
        if self._load_ended_ms is None:
            self._load_ended_ms = self._timeline.now_ms()
        self._tell(is_done=True)

    def _tell(self, *, is_done: bool = False) -> None:
        self._meter.read()
        lines, self._lines = self._lines, []
        self._report_to(
            Report(
                run_id=self._plan.run_id,
                shard=self._plan.shard,
                requests=tuple(lines),
                taken=self._pacer.taken,
                pending=len(self._watcher) + len(self._sending),
                busy=self._meter.busy,
                clock_jump_ms=self._meter.clock_jump_ms,
                peak_rss_mib=self._meter.peak_rss_mib,
                model=self._model,
                load_ended_ms=self._load_ended_ms,
                is_done=is_done,
                is_interrupted=self._is_interrupted,
                error=self._error,
            )
        )

    def _job_id(self, due: Due) -> str:
        return f"{self._plan.run_id}.{due.number}"
