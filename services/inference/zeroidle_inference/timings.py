"""Where a job's time went, from the moments that were noted. Pure arithmetic.

Moments are turned into whole milliseconds first and subtracted then, so that the parts add up
exactly.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from zeroidle_contract import Timings
from zeroidle_inference.engine.request import Answer


@dataclass(frozen=True, slots=True)
class Anchor:
    """One moment on both clocks."""

    wall_ms: int
    monotonic_s: float

    def wall(self, monotonic_s: float) -> int:
        """A monotonic moment on the wall clock, in milliseconds."""
        return self.wall_ms + round((monotonic_s - self.monotonic_s) * 1000)

    def wall_s(self, monotonic_s: float) -> float:
        """A monotonic moment on the wall clock, in seconds, as fine as it is."""
        return self.wall_ms / 1000 + (monotonic_s - self.monotonic_s)


@dataclass(frozen=True, slots=True)
class Wave:
    """The moments of one wave of requests. Prefill ends when its last first token is there."""

    started_s: float
    first_tokens_s: float
    finished_s: float

    @classmethod
    def of(cls, answers: Sequence[Answer], after: "Wave | None") -> "Wave":
        """From the answers. The first wave starts when work begins, others where one ended."""
        timings = [answer.timing for answer in answers]
        admitted_s = min(timing.admitted_s for timing in timings)
        return cls(
            started_s=admitted_s if after is None else after.finished_s,
            first_tokens_s=max(timing.first_token_s for timing in timings),
            finished_s=max(timing.finished_s for timing in timings),
        )


def account(
    *,
    submitted_ms: int,
    model_wait_ms: int,
    began_ms: int,
    prefill_ms: int,
    finished_ms: int,
    completed_ms: int,
) -> Timings:
    """The parts of `completed_ms - submitted_ms`.

    A producer's clock that is ahead would make the first part negative: then it is 0, and what
    follows is true all the same.
    """
    waited_ms = max(0, began_ms - submitted_ms)
    cold_start_ms = min(model_wait_ms, waited_ms)
    prefill_ms = min(prefill_ms, finished_ms - began_ms)
    return Timings(
        queued_ms=waited_ms - cold_start_ms,
        cold_start_ms=cold_start_ms,
        prefill_ms=prefill_ms,
        decode_ms=finished_ms - began_ms - prefill_ms,
        commit_ms=max(0, completed_ms - finished_ms),
    )
