"""Test doubles of the service's seams: a clock, a table, a queue and an engine, all in memory."""

from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Executor, Future
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any

from zeroidle_contract import Job, JobError, JobRow, Result, Status
from zeroidle_contract.table import RETENTION_DAYS
from zeroidle_inference.engine.errors import DecodeError
from zeroidle_inference.engine.request import (
    Answer,
    Completion,
    Finished,
    Generate,
    Request,
    Scores,
    Step,
    Timing,
    TokenUsage,
    Window,
)
from zeroidle_inference.lease import Lease, Refusal, Refused
from zeroidle_inference.records import Record

START_MS = 1_800_000_000_000
DAY_S = 86_400


class FakeClock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.ms = START_MS

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.ms / 1000, UTC)

    def now_ms(self) -> int:
        return self.ms

    def monotonic_s(self) -> float:
        return (self.ms - START_MS) / 1000

    def sleep(self, seconds: float) -> None:
        self.advance_s(seconds)

    def advance_s(self, seconds: float) -> None:
        self.ms += round(seconds * 1000)


class InlineExecutor(Executor):
    """Makes each call at once, on the caller's thread."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        future: Future[Any] = Future()
        future.set_result(fn(*args, **kwargs))
        return future


class FakeStore:
    """The jobs table in a dictionary, under the same laws as `DynamoJobStore`.

    `fail_next[method]` holds errors to raise, once each, before the method does anything.
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.rows: dict[str, JobRow] = {}
        self.calls: list[str] = []
        self.fail_next: dict[str, list[Exception]] = {}

    def put(self, row: JobRow) -> None:
        self.rows[row.job_key] = row

    def row(self, job_key: str) -> JobRow | None:
        return self.rows.get(job_key)

    def attempts(self, job_key: str) -> int:
        self._called("attempts")
        row = self.rows.get(job_key)
        is_open = row is not None and row.status in {Status.QUEUED, Status.RUNNING}
        return row.attempts if row is not None and is_open else 0

    def claim(
        self, job: Job, *, owner: str, lease_expires_at_ms: int, trace_header: str | None
    ) -> Lease | Refused:
        self._called("claim")
        row = self.rows.get(job.key)
        is_new_life = row is None
        if row is not None:
            is_expired = row.is_expired(self._clock.now())
            if not is_expired and row.content_sha256 not in {"", job.content_sha256()}:
                return Refused(Refusal.CONFLICT)
            asked = (Status.RUNNING, owner, lease_expires_at_ms)
            if (row.status, row.lease_owner, row.lease_expires_at_ms) == asked:
                return self._lease(row)
            if not is_expired and not self._is_claimable(row):
                return self._refused(row)
            is_new_life = is_expired or row.status is Status.FAILED
        claimed = JobRow(
            job_key=job.key,
            job_id=job.job_id,
            tenant=job.tenant,
            status=Status.RUNNING,
            content_sha256=job.content_sha256(),
            attempts=1 if row is None or is_new_life else row.attempts + 1,
            fence=1 if row is None else row.fence + 1,
            commits=0 if row is None or is_new_life else row.commits,
            task=job.task.kind,
            submitted_at=job.submitted_at,
            lease_owner=owner,
            lease_expires_at_ms=lease_expires_at_ms,
            expires_at=self._expires_at(),
            trace_header=trace_header,
        )
        self.rows[job.key] = claimed
        return self._lease(claimed)

    def commit(self, lease: Lease, result: Result) -> Refused | None:
        return self._write(
            "commit",
            lease,
            lambda row: replace(
                row,
                status=Status.SUCCEEDED,
                result=result,
                completed_at=result.completed_at,
                commits=row.commits + 1,
                lease_expires_at_ms=None,
            ),
        )

    def fail(self, lease: Lease, error: JobError, *, attempts: int) -> Refused | None:
        return self._write(
            "fail",
            lease,
            lambda row: replace(
                row,
                status=Status.FAILED,
                error=error,
                completed_at=self._clock.now(),
                attempts=attempts,
                commits=row.commits + 1,
                lease_expires_at_ms=None,
            ),
        )

    def fail_unclaimed(self, job_key: str, error: JobError) -> Refused | None:
        self._called("fail_unclaimed")
        row = self.rows.get(job_key)
        if row is not None and row.status not in {Status.QUEUED, Status.FAILED}:
            return self._refused(row)
        tenant, job_id = job_key.split("/")
        self.rows[job_key] = JobRow(
            job_key=job_key,
            job_id=job_id,
            tenant=None if tenant == "-" else tenant,
            status=Status.FAILED,
            content_sha256=row.content_sha256 if row else "",
            attempts=row.attempts if row else 0,
            fence=row.fence if row else 0,
            commits=1,
            error=error,
            completed_at=self._clock.now(),
            expires_at=self._expires_at(),
        )
        return None

    def release(self, lease: Lease, *, spend_attempt: bool) -> Refused | None:
        return self._write(
            "release",
            lease,
            lambda row: replace(
                row,
                status=Status.QUEUED,
                attempts=row.attempts if spend_attempt else row.attempts - 1,
                lease_owner=None,
                lease_expires_at_ms=None,
            ),
        )

    def _called(self, method: str) -> None:
        self.calls.append(method)
        if self.fail_next.get(method):
            raise self.fail_next[method].pop(0)

    def _write(
        self, method: str, lease: Lease, change: Callable[[JobRow], JobRow]
    ) -> Refused | None:
        self._called(method)
        row = self.rows.get(lease.job_key)
        if row is None:
            return Refused(Refusal.LOST)
        if (row.status, row.fence, row.lease_owner) != (Status.RUNNING, lease.fence, lease.owner):
            done = change(replace(row, lease_owner=lease.owner))
            is_own = (row.status, row.fence, row.lease_owner) == (
                done.status,
                lease.fence,
                done.lease_owner,
            )
            return None if is_own else self._refused(row)
        self.rows[lease.job_key] = replace(change(row), expires_at=self._expires_at())
        return None

    def _is_claimable(self, row: JobRow) -> bool:
        if row.status is Status.RUNNING:
            return (row.lease_expires_at_ms or 0) <= self._clock.now_ms()
        return row.status in {Status.QUEUED, Status.FAILED}

    def _expires_at(self) -> int:
        return self._clock.now_ms() // 1000 + RETENTION_DAYS * DAY_S

    def _refused(self, row: JobRow) -> Refused:
        if row.status is Status.RUNNING:
            return Refused(Refusal.HELD, row.lease_expires_at_ms)
        if row.status.is_terminal:
            return Refused(Refusal(row.status.value))
        return Refused(Refusal.LOST)

    def _lease(self, row: JobRow) -> Lease:
        return Lease(
            job_key=row.job_key,
            job_id=row.job_id,
            tenant=row.tenant,
            owner=row.lease_owner or "",
            fence=row.fence,
            attempts=row.attempts,
            expires_at_ms=row.lease_expires_at_ms or 0,
        )


@dataclass
class FakeQueue:
    """Remembers what was asked of it."""

    visibilities_s: dict[str, list[int]] = field(default_factory=dict)
    dead_letters: list[tuple[Record, dict[str, str]]] = field(default_factory=list)
    fail_next: dict[str, list[Exception]] = field(default_factory=dict)

    def change_visibility(self, visibilities_s: Iterable[tuple[Record, int]]) -> None:
        if self.fail_next.get("change_visibility"):
            raise self.fail_next["change_visibility"].pop(0)
        for record, seconds in visibilities_s:
            self.visibilities_s.setdefault(record.message_id, []).append(seconds)

    def send_dead_letter(self, record: Record, attributes: Mapping[str, str]) -> None:
        if self.fail_next.get("send_dead_letter"):
            raise self.fail_next["send_dead_letter"].pop(0)
        self.dead_letters.append((record, dict(attributes)))


class FakeTextModel:
    """A token a word."""

    sha256 = "0" * 64
    context_tokens = 4096

    def prompt_tokens(self, prompt: Any) -> int:
        texts = [message.text for message in prompt.messages] + [prompt.document or ""]
        return sum(len(text.split()) for text in texts)

    def split(self, text: str, max_tokens: int, overlap_tokens: int = 0) -> list[Window]:
        return [Window(0, len(text))]


@dataclass(frozen=True)
class FakeRates:
    prefill_tokens_per_s: float = 0.0
    decode_tokens_per_s: float = 0.0


@dataclass(frozen=True)
class FakeIdentity:
    name: str = "fake"
    sha256: str = "0" * 64
    quantisation: str = "Q4_0"


@dataclass
class Submitted:
    request: Request
    group: int
    submitted_s: float
    steps_left: int


class FakeEngine:
    """Answers each request after `steps` steps of `step_s` seconds each.

    `answer` gives a request's text, or an exception; `refuse` may raise at submit; `poison` makes
    every step fail that has a request with such a document in it.
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.text_model = FakeTextModel()
        self.identity = FakeIdentity()
        self.rates = FakeRates()
        self.sequences = 4
        self.last_step = Step(0, 0)
        self.steps = 2
        self.step_s = 0.1
        self.answer: Callable[[Request], str | Exception] = lambda _: "answer"
        self.refuse: Callable[[Request], None] = lambda _: None
        self.poison: str | None = None
        self.log: list[str] = []
        self.during_step: Callable[[], None] = lambda: None
        self._open: dict[int, Submitted] = {}
        self._tickets = 0
        self._is_aborted = False

    @property
    def has_work(self) -> bool:
        return bool(self._open)

    @property
    def groups(self) -> set[int]:
        return {entry.group for entry in self._open.values()}

    def submit(self, request: Request, *, group: int = 0) -> int:
        self.refuse(request)
        self._tickets += 1
        self._open[self._tickets] = Submitted(request, group, self._clock.monotonic_s(), self.steps)
        self.log.append(f"submit {request.prompt.document}")
        return self._tickets

    def cancel(self, ticket: int) -> None:
        self._open.pop(ticket, None)

    def step(self) -> list[Finished]:
        self.during_step()
        self.last_step = Step(len(self._open), len(self._open))
        self._clock.advance_s(self.step_s)
        documents = {entry.request.prompt.document for entry in self._open.values()}
        self.log.append("step " + ",".join(sorted(document or "" for document in documents)))
        if self._is_aborted or (self.poison is not None and self.poison in documents):
            raise DecodeError("llama_decode failed")
        done = []
        for ticket, entry in list(self._open.items()):
            entry.steps_left -= 1
            if entry.steps_left == 0:
                del self._open[ticket]
                done.append(self._finish(ticket, entry))
        return done

    def abort(self) -> None:
        self._is_aborted = True

    def reset(self) -> None:
        self._is_aborted = False
        self._open.clear()
        self.log.append("reset")

    def _finish(self, ticket: int, entry: Submitted) -> Finished:
        answer = self.answer(entry.request)
        if isinstance(answer, Exception):
            return Finished(ticket, error=answer)
        now_s = self._clock.monotonic_s()
        timing = Timing(
            submitted_s=entry.submitted_s,
            admitted_s=entry.submitted_s,
            first_token_s=min(now_s, entry.submitted_s + self.step_s),
            finished_s=now_s,
        )
        usage = TokenUsage(prompt=10, cached=4, forced=1, sampled=5)
        finished: Answer
        if isinstance(entry.request, Generate):
            finished = Completion(answer, "stop", usage, timing)
        else:
            finished = Scores((0.0,) * len(entry.request.choices), usage, timing)
        return Finished(ticket, finished)
