"""A clock that only moves when somebody sleeps, and a system that answers after a fixed time."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from zeroidle_contract import Job, JobRow, ModelIdentity, Result, Status, Timings, Usage
from zeroidle_loadtest import arrivals
from zeroidle_loadtest.pacer import Pacer
from zeroidle_loadtest.record import RequestRecord
from zeroidle_loadtest.scenario import Scenario
from zeroidle_loadtest.session import Session
from zeroidle_loadtest.timeline import Timeline, unix_ms
from zeroidle_loadtest.wire import Plan, Report
from zeroidle_loadtest.workload import Workload

START = datetime(2026, 11, 24, 12, tzinfo=UTC)


class FakeClock:
    """Starts at noon. `jump_s` moves the time of day alone."""

    def __init__(self) -> None:
        self._now_s = 0.0
        self.jump_s = 0.0

    def now(self) -> datetime:
        return START + timedelta(seconds=self._now_s + self.jump_s)

    def monotonic_s(self) -> float:
        return 1000.0 + self._now_s

    def sleep(self, seconds: float) -> None:
        self._now_s += seconds


MODEL = ModelIdentity(name="m", sha256="0" * 64, quantisation="Q4_0", prompt_version="1")


@dataclass
class FakeSystem:
    """Servers with a fixed service time behind one queue, first come first served.

    `publish_s` is how long publishing takes; jobs in `lost` never end; `refuses` gives a reason.
    """

    clock: FakeClock
    service_s: float = 0.1
    servers: int = 1
    publish_s: float = 0.0
    lost: frozenset[str] = frozenset()
    refuses: Callable[[Job], str | None] = lambda _: None
    ends: dict[str, JobRow] = field(default_factory=dict)
    free_at: list[datetime] = field(default_factory=list)

    def publish(self, jobs: Sequence[Job]) -> list[str | None]:
        self.clock.sleep(self.publish_s)
        reasons = [self.refuses(job) for job in jobs]
        for job, reason in zip(jobs, reasons, strict=True):
            if reason is None and job.job_id.rpartition(".")[2] not in self.lost:
                self._serve(job)
        return reasons

    def _serve(self, job: Job) -> None:
        self.free_at = sorted(self.free_at or [START] * self.servers)
        begins = max(job.submitted_at, self.free_at[0])
        ends = begins + timedelta(seconds=self.service_s)
        self.free_at[0] = ends
        submitted_ms, began_ms, ended_ms = (
            round(unix_ms(moment)) for moment in (job.submitted_at, begins, ends)
        )
        result = Result(
            job_id=job.job_id,
            status=Status.SUCCEEDED,
            usage=Usage(prompt_tokens=10, sampled_tokens=2),
            timings=Timings(queued_ms=began_ms - submitted_ms, prefill_ms=ended_ms - began_ms),
            gb_seconds=self.service_s * 10,
            model=MODEL,
            attempts=1,
            completed_at=datetime.fromtimestamp(ended_ms / 1000, UTC),
        )
        self.ends[job.key] = JobRow(
            job_key=job.key,
            job_id=job.job_id,
            tenant=None,
            status=Status.SUCCEEDED,
            content_sha256="",
            attempts=1,
            fence=1,
            commits=1,
            lease_owner=f"invocation-{job.job_id}/message",
            completed_at=result.completed_at,
            result=result,
        )

    def read_many(self, keys: Sequence[str]) -> list[JobRow]:
        now = self.clock.now()
        rows = (self.ends.get(key) for key in keys)
        return [row for row in rows if row and row.completed_at and row.completed_at <= now]


def scenario(**changes: object) -> Scenario:
    return Scenario.model_validate(
        {
            "name": "test",
            "duration_s": 10,
            "drain_s": 30,
            "arrivals": {"kind": "constant", "rate_per_s": 5},
            "mix": [{"name": "short", "task": {"kind": "summarize"}, "tokens": 16}],
            **changes,
        }
    )


@dataclass
class Driven:
    """A session, and what it reported."""

    session: Session
    timeline: Timeline
    reports: list[Report]
    ended: list[RequestRecord]

    @property
    def requests(self) -> list[RequestRecord]:
        return [
            RequestRecord.model_validate_json(line)
            for report in self.reports
            for line in report.requests
        ]

    def run(self) -> list[RequestRecord]:
        """Send all, then follow: both take turns on the fake clock."""
        while self.session.send():
            pass
        self.session.follow()
        return self.requests


def driven(given: Scenario, system: FakeSystem, clock: FakeClock) -> Driven:
    timeline = Timeline.beginning(unix_ms(clock.now()), clock=clock)
    reports: list[Report] = []
    ended: list[RequestRecord] = []
    plan = Plan(
        run_id="run",
        stack="",
        local_stack="",
        started_unix_ms=unix_ms(clock.now()),
        shard=0,
        shards=1,
        scenario={},
    )
    moments_s = arrivals.due_s(
        given.arrivals,  # type: ignore[arg-type]
        duration_s=given.duration_s,
        seed=given.seed,
    )
    session = Session(
        plan=plan,
        scenario=given,
        workload=Workload(given),
        pacer=Pacer(arrivals.share(moments_s, shard=0, shards=1), timeline=timeline),
        publisher=system,
        read_many=system.read_many,
        timeline=timeline,
        on_published=lambda *_: None,
        on_ended=ended.append,
        report=reports.append,
    )
    return Driven(session, timeline, reports, ended)
