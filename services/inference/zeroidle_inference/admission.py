"""Whether a job's next wave of requests can be done in the time left. Pure arithmetic.

Reading prompts occupies the whole engine, so it adds up over all jobs: tokens / prefill rate. What
is written overlaps, up to the width of the batch: the longest answer, or all answers / width, takes
tokens / decode rate. Both rates are the engine's own, measured. An answer is bounded by
`max_tokens`, which most never reach: the bound decides whether to begin now, but only the prompt,
which must be read, can show that a job will not fit.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from zeroidle_inference.engine.request import Generate, Request, Score, TextModel
from zeroidle_inference.seams import Rates

SAFETY = 1.3
"""Estimates are taken this many times; the machine's speed drifts."""

NEVER_SHARE = 3.0
"""A prompt whose reading takes this many whole invocations is not begun. Nearer ones are tried: the
rates of a cold or crowded machine can be far too low."""

FRESH_SHARE = 0.9
"""No estimate asks for more than this share of a whole invocation: a job that wants more begins
alone in a fresh one."""


CHARACTERS_PER_TOKEN = 4
"""Roughly, for labels; they are short beside their prompt."""


class Admission(Enum):
    """What to do with a job that waits."""

    BEGIN = "begin"
    WAIT = "wait"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Work:
    """Seconds to read all prompts, to write the longest answer, and to write all one by one."""

    read_s: float = 0.0
    longest_write_s: float = 0.0
    write_s: float = 0.0

    def __add__(self, other: "Work") -> "Work":
        """Both together."""
        return Work(
            self.read_s + other.read_s,
            max(self.longest_write_s, other.longest_write_s),
            self.write_s + other.write_s,
        )

    def done_s(self, width: int) -> float:
        """Seconds until all is done, with `width` requests at once."""
        return self.read_s + max(self.longest_write_s, self.write_s / width)


def estimate(requests: Sequence[Request], model: TextModel, rates: Rates) -> Work:
    """What a wave of requests takes; what goes at a rate that is still unknown takes nothing."""
    works = []
    for request in requests:
        write_s = _seconds(_answer_tokens(request), rates.decode_tokens_per_s)
        read_s = _seconds(_prompt_tokens(request, model), rates.prefill_tokens_per_s)
        works.append(Work(read_s, write_s, write_s))
    return sum(works, Work())


def _seconds(tokens: int, tokens_per_s: float) -> float:
    return tokens / tokens_per_s if tokens_per_s > 0 else 0.0


def _prompt_tokens(request: Request, model: TextModel) -> int:
    tokens = model.prompt_tokens(request.prompt)
    if isinstance(request, Score):
        # Choices are read, not written.
        tokens += sum(len(choice) for choice in request.choices) // CHARACTERS_PER_TOKEN
    return tokens


def _answer_tokens(request: Request) -> int:
    return request.max_tokens if isinstance(request, Generate) else 0


def admit(work: Work, *, under_way: Work, width: int, left_s: float, usable_s: float) -> Admission:
    """Whether to begin.

    Args:
        work: of the job that waits.
        under_way: of all jobs begun and not done.
        width: requests that the engine runs at once.
        left_s: until inference stops.
        usable_s: what a whole invocation leaves for inference.
    """
    if work.read_s > NEVER_SHARE * usable_s:
        return Admission.NEVER
    needed_s = SAFETY * (under_way + work).done_s(width)
    if under_way == Work():
        needed_s = min(needed_s, FRESH_SHARE * usable_s)
    return Admission.BEGIN if needed_s <= left_s else Admission.WAIT
