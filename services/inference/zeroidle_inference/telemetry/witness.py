"""The witness of one invocation: what the service tells it becomes metrics and subsegments.

    segment of the invocation, made by Lambda
    ├── load_model                      if the invocation waited for it
    ├── job                             one for each job, sent when it has left the invocation
    │   ├── claim
    │   ├── prefill, decode             for each wave of the task
    │   └── commit                      or release, for a job that comes back
    └── claim, prefill, decode, commit  of the whole batch: from its first job's to its last one's

Takes moments of the monotonic clock. Called from several threads: each job is one thread's at a
time, and the counters are prometheus-client's, which are safe.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count

from zeroidle_contract.trace import TraceHeader
from zeroidle_inference.engine.request import Step, TokenUsage
from zeroidle_inference.records import Delivery, Record
from zeroidle_inference.seams import Clock
from zeroidle_inference.telemetry import emf
from zeroidle_inference.telemetry.logs import Log, where
from zeroidle_inference.telemetry.metrics import NO_TASK, Metrics, Outcome
from zeroidle_inference.telemetry.tracing import Span, Tracer
from zeroidle_inference.timings import Anchor, Wave

MOST_TRACED_JOBS = 200
"""Of one invocation. A trace may hold 500 KB, a job takes up to 2 of them."""

Interval = tuple[float, float]
Annotations = dict[str, str | int | None]


@dataclass(slots=True)
class _Moments:
    """Where one job's time went, so far."""

    claim: Interval | None = None
    waves: Sequence[Wave] = ()
    settling_since_s: float | None = None


class Witness:
    """What happened in one invocation."""

    def __init__(
        self,
        *,
        tracer: Tracer,
        header: TraceHeader | None,
        clock: Clock,
        log: Log,
        function_name: str,
    ) -> None:
        self.metrics = Metrics()
        self.trace_id = header.trace_id if header is not None else None
        self._trace = tracer.begin(header)
        self._clock = clock
        self._log = log
        self._function_name = function_name
        self._anchor = Anchor(clock.now_ms(), clock.monotonic_s())
        self._moments: dict[str, _Moments] = {}
        self._phases: list[Span] = []
        self._ordinals = count(1)
        self._down: set[str] = set()
        self._noting = threading.Lock()

    def waited_for_model(self, start_s: float) -> None:
        """The model was loaded while this invocation waited for it."""
        self.metrics.cold_starts.inc()
        self._send(self._span("load_model", (start_s, self._clock.monotonic_s())))

    def claimed(self, delivery: Delivery, start_s: float) -> None:
        """The claim of a job has been answered, one way or the other."""
        end_s = self._clock.monotonic_s()
        self._of(delivery.records[0]).claim = (start_s, end_s)
        sent_ms = delivery.records[0].sent_ms
        if sent_ms is not None and not delivery.is_repeated:
            self.metrics.queue_wait.observe(max(0, self._anchor.wall(end_s) - sent_ms) / 1000)

    def stepped(self, step: Step, start_s: float) -> None:
        """The engine made a step."""
        self.metrics.batch_width.observe(step.sequences)
        self.metrics.step.observe(self._clock.monotonic_s() - start_s)

    def answered(self, usage: TokenUsage) -> None:
        """The engine answered a request."""
        self.metrics.count_tokens(usage)
        if usage.cached:
            self.metrics.prefix_cache_hits.inc()

    def inferred(self, delivery: Delivery, waves: Sequence[Wave]) -> None:
        """A job left the engine after these waves."""
        self._of(delivery.records[0]).waves = tuple(waves)

    def settling(self, record: Record) -> None:
        """The first call that ends the job begins."""
        moments = self._of(record)
        if moments.settling_since_s is None:
            moments.settling_since_s = self._clock.monotonic_s()

    def lost_claim(self) -> None:
        """A job could not be ended, because its lease had been taken over."""
        self.metrics.lost_claims.inc()

    def dependency_down(self, dependency: str) -> None:
        """A dependency did not serve a call."""
        with self._noting:
            is_first = dependency not in self._down
            self._down.add(dependency)
        if is_first:
            self.metrics.dependency_down.labels(dependency).inc()

    def ended(
        self,
        delivery: Delivery,
        outcome: Outcome,
        *,
        reason: str | None = None,
        attempts: int | None = None,
    ) -> None:
        """A job left this invocation. `reason` is an error code or why it was returned."""
        job = delivery.job
        known: Annotations = {"job_id": job.job_id, "tenant": job.tenant}
        known |= {"reason": reason, "attempts": attempts}
        self._left(delivery.records[0], job.task.kind, outcome, known)

    def rejected(
        self, record: Record, outcome: Outcome, *, job_id: str | None, reason: str
    ) -> None:
        """A record that is no job left this invocation."""
        self._left(record, NO_TASK, outcome, {"job_id": job_id, "reason": reason})

    def close(self, *, returned: int, memory_mb: int, start_s: float) -> None:
        """The invocation is about to answer: write its metrics, send what its phases were."""
        end_s = self._clock.monotonic_s()
        self.metrics.partial_failures.inc(returned)
        self.metrics.gb_seconds.inc(memory_mb / 1024 * max(0.0, end_s - start_s))
        for phase in _hulls(self._phases):
            self._send(phase)
        now_ms = self._clock.now_ms()
        for document in emf.documents(
            self.metrics, function_name=self._function_name, now_ms=now_ms
        ):
            self._log.info("metrics", **document)

    def _left(self, record: Record, task: str, outcome: Outcome, known: Annotations) -> None:
        self.metrics.jobs.labels(task, outcome.value).inc()
        if self._trace is None:
            return
        children = self._children(self._of(record), outcome)
        self._phases += children
        if next(self._ordinals) > MOST_TRACED_JOBS:
            return
        producer = TraceHeader.parse(record.trace_header)
        producer_trace_id = producer.trace_id if producer is not None else None
        annotations: Annotations = {**known, "task": task, "outcome": outcome.value}
        annotations["producer_trace_id"] = producer_trace_id
        self._send(
            Span(
                name="job",
                start_s=min(child.start_s for child in children),
                end_s=max(child.end_s for child in children),
                annotations={k: v for k, v in annotations.items() if v is not None},
                children=children,
                is_error=outcome is Outcome.INVALID,
                is_fault=outcome is Outcome.FAILED,
            )
        )

    def _children(self, moments: _Moments, outcome: Outcome) -> tuple[Span, ...]:
        now_s = self._clock.monotonic_s()
        found: list[Span] = []
        if moments.claim is not None:
            found.append(self._span("claim", moments.claim))
        for wave in moments.waves:
            found.append(self._span("prefill", (wave.started_s, wave.first_tokens_s)))
            found.append(self._span("decode", (wave.first_tokens_s, wave.finished_s)))
        if moments.settling_since_s is not None or not found:
            name = "release" if outcome is Outcome.RETURNED else "commit"
            found.append(self._span(name, (moments.settling_since_s or now_s, now_s)))
        return tuple(found)

    def _span(self, name: str, interval: Interval) -> Span:
        start_s, end_s = (self._anchor.wall_s(moment_s) for moment_s in interval)
        return Span(name=name, start_s=start_s, end_s=end_s)

    def _send(self, span: Span) -> None:
        if self._trace is None:
            return
        try:
            self._trace.send(span)
        except Exception as error:  # noqa: BLE001 - a trace must not cost a job
            self._log.warning("trace_failed", error=type(error).__name__, where=where(error))
            self._trace = None

    def _of(self, record: Record) -> _Moments:
        return self._moments.setdefault(record.message_id, _Moments())


def _hulls(spans: Sequence[Span]) -> list[Span]:
    """One span for each name, from the first one's start to the last one's end."""
    names = dict.fromkeys(span.name for span in spans)
    groups = [[span for span in spans if span.name == name] for name in names]
    return [
        Span(
            name=group[0].name,
            start_s=min(span.start_s for span in group),
            end_s=max(span.end_s for span in group),
        )
        for group in groups
    ]
