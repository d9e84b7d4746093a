"""Runs the sample documents through a stack and judges what comes out.

Publishes through the producer library and waits on the jobs table, as any team's service would.
Knows neither where the stack runs nor how results are shown.
"""

import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import reduce

from zeroidle_contract import Prices, Result, Status
from zeroidle_ops.samples import Sample
from zeroidle_ops.scoring import Score, add, score, violations
from zeroidle_producer import Producer, WaitTimeoutError

CHECK_EVERY_S = 2.0


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """One sample's end. `problem` says why it is not what was asked for; empty when it is."""

    sample: Sample
    result: Result
    problem: str
    score: Score

    @property
    def succeeded(self) -> bool:
        """True when the job succeeded and its output is as the contract promises."""
        return not self.problem


@dataclass(frozen=True, kw_only=True)
class DemoReport:
    """All samples' ends, in their own order; `wall_s` from the first submit to the last end."""

    outcomes: tuple[Outcome, ...]
    wall_s: float

    @property
    def succeeded(self) -> int:
        """How many reached their expected end."""
        return sum(outcome.succeeded for outcome in self.outcomes)

    @property
    def failed(self) -> int:
        """How many did not."""
        return len(self.outcomes) - self.succeeded

    def scores(self) -> dict[str, Score]:
        """Each set's score, for sets that have expected answers."""
        names = sorted({outcome.sample.set_name for outcome in self.outcomes})
        totals: dict[str, Score] = {
            name: reduce(add, (o.score for o in self.outcomes if o.sample.set_name == name))
            for name in names
        }
        return {name: total for name, total in totals.items() if total}

    def compute_usd(self, prices: Prices) -> float:
        """What all jobs' shares of their invocations cost."""
        return sum(prices.compute_usd(outcome.result) for outcome in self.outcomes)


def run_demo(
    producer: Producer,
    samples: Sequence[Sample],
    *,
    timeout_s: float,
    on_ended: Callable[[Sample, Result], None] = lambda *_: None,
    check: Callable[[], None] = lambda: None,
) -> DemoReport:
    """Publish all samples, follow them to their end, and judge them.

    A job that is refused, or has not ended after `timeout_s`, is reported as failed. `check` is
    called when nothing has ended for a while, and may raise when waiting is in vain.
    """
    run = f"demo-{uuid.uuid4().hex[:8]}"
    began_s = time.monotonic()
    jobs = {job.job_id: sample for sample in samples for job in [sample.job(run)]}
    submissions = producer.submit_many([sample.job(run) for sample in samples])
    problems = {s.job_id: f"not submitted: {s.error}" for s in submissions if s.error is not None}
    accepted = [s.job_id for s in submissions if s.error is None]
    results: dict[str, Result] = {}
    while len(results) < len(accepted) and time.monotonic() - began_s < timeout_s:
        pending = [job_id for job_id in accepted if job_id not in results]
        try:
            for result in producer.as_completed(pending, CHECK_EVERY_S):
                results[result.job_id] = result
                on_ended(jobs[result.job_id], result)
        except WaitTimeoutError as error:
            if len(error.pending) == len(pending):
                check()
    for job_id in (job_id for job_id in accepted if job_id not in results):
        problems[job_id] = f"not ended after {timeout_s:g} s"
    wall_s = time.monotonic() - began_s
    return DemoReport(
        outcomes=tuple(
            judge(sample, results.get(job_id, _queued(job_id)), problems.get(job_id, ""))
            for job_id, sample in jobs.items()
        ),
        wall_s=wall_s,
    )


def judge(sample: Sample, result: Result, problem: str = "") -> Outcome:
    """A sample's outcome: its problem, if any, and its score."""
    if result.status != Status.SUCCEEDED or result.output is None:
        if not problem:
            error = result.error
            problem = f"{error.code}: {error.message}" if error else f"ended as {result.status}"
        return Outcome(sample=sample, result=result, problem=problem, score={})
    broken = violations(sample.task, result.output, text=sample.text)
    return Outcome(
        sample=sample,
        result=result,
        problem=problem or "; ".join(broken),
        score=score(result.output, text=sample.text, expected=sample.expected),
    )


def _queued(job_id: str) -> Result:
    return Result(job_id=job_id, status=Status.QUEUED)
