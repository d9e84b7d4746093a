"""One attempt at a job: its task's generator, the wave under way, and what it has used.

Knows the engine's values, not the engine; the engine loop submits and reports back.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from zeroidle_contract import Job, ModelIdentity, Output, Result, Status, Usage
from zeroidle_inference.admission import Work
from zeroidle_inference.engine.request import Answer, Request, TextModel, TokenUsage
from zeroidle_inference.lease import Lease
from zeroidle_inference.records import Delivery
from zeroidle_inference.seams import StartTask
from zeroidle_inference.tasks.task import TaskSteps
from zeroidle_inference.timings import Anchor, Wave, account


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that may be worked on: its records, its lease and its text."""

    delivery: Delivery
    lease: Lease
    document: str | None

    @property
    def job(self) -> Job:
        """The job."""
        return self.delivery.job


@dataclass(eq=False)
class Attempt:
    """The state of one job between its first request and its output.

    `shared_s` is its share of the invocation's time. `alone` marks a job that must not have
    company, because a batch with it in failed. `had_company` and `began_fresh` say whether a cut
    for lack of time was its own fault.
    """

    claimed: Claimed
    ordinal: int
    steps: TaskSteps
    requests: Sequence[Request] = ()
    output: Output | None = None
    work: Work = field(default_factory=Work)
    usage: TokenUsage = field(default_factory=TokenUsage)
    waves: list[Wave] = field(default_factory=list)
    open_tickets: dict[int, int] = field(default_factory=dict)
    answers: dict[int, Answer] = field(default_factory=dict)
    shared_s: float = 0.0
    alone: bool = False
    had_company: bool = False
    began_fresh: bool = False

    @classmethod
    def begin(
        cls, claimed: Claimed, ordinal: int, start_task: StartTask, model: TextModel
    ) -> "Attempt":
        """Start the task and ask for its first wave. Raises what the task raises."""
        attempt = cls(claimed, ordinal, start_task(claimed.job.task, claimed.document, model))
        attempt._advance(None)
        return attempt

    @property
    def is_done(self) -> bool:
        """True when the task has given its output."""
        return self.output is not None

    def submitted(self, tickets: Sequence[int]) -> None:
        """The wave is in the engine."""
        self.open_tickets = {ticket: index for index, ticket in enumerate(tickets)}
        self.answers = {}

    def answered(self, ticket: int, answer: Answer) -> bool:
        """Take an answer; True when the wave is complete, and the task has gone on."""
        self.answers[self.open_tickets.pop(ticket)] = answer
        if self.open_tickets:
            return False
        answers = [self.answers[index] for index in range(len(self.requests))]
        self.waves.append(Wave.of(answers, self.waves[-1] if self.waves else None))
        self.usage = sum((answer.usage for answer in answers), self.usage)
        self._advance(answers)
        return True

    def _advance(self, answers: Sequence[Answer] | None) -> None:
        """Run the task to its next wave that is not empty, or to its end."""
        try:
            self.requests = next(self.steps) if answers is None else self.steps.send(answers)
            while not self.requests:
                self.requests = self.steps.send(())
        except StopIteration as end:
            self.requests = ()
            self.output = end.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A job's output with all that its result needs but the moment of the commit."""

    claimed: Claimed
    output: Output
    usage: TokenUsage
    waves: tuple[Wave, ...]
    finished_s: float
    anchor: Anchor
    model_wait_s: float
    gb_seconds: float
    model: ModelIdentity

    def result(self, completed_ms: int) -> Result:
        """The result, committed at this moment of the wall clock."""
        job = self.claimed.job
        wall = self.anchor.wall
        began_s = self.waves[0].started_s if self.waves else self.finished_s
        timings = account(
            submitted_ms=round(job.submitted_at.timestamp() * 1000),
            model_wait_ms=round(self.model_wait_s * 1000),
            began_ms=wall(began_s),
            prefill_ms=sum(wall(w.first_tokens_s) - wall(w.started_s) for w in self.waves),
            finished_ms=wall(self.finished_s),
            completed_ms=completed_ms,
        )
        return Result(
            job_id=job.job_id,
            status=Status.SUCCEEDED,
            output=self.output,
            usage=Usage(
                prompt_tokens=self.usage.prompt,
                cached_tokens=self.usage.cached,
                forced_tokens=self.usage.forced,
                sampled_tokens=self.usage.sampled,
            ),
            timings=timings,
            gb_seconds=self.gb_seconds,
            model=self.model,
            attempts=self.claimed.lease.attempts,
            completed_at=datetime.fromtimestamp(completed_ms / 1000, UTC),
        )
