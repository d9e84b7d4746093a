"""What a token costs in seconds of a function, from a run or from a model's measured speed.

A job's share of its invocation is split as its own time was, between reading (prefill) and writing
(decode), and divided by the tokens read and written. Tokens from a shared prefix were not read.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from zeroidle_loadtest.cost.assumptions import Band, ReferenceModel
from zeroidle_loadtest.cost.projection import Function
from zeroidle_loadtest.intervals import Interval, interval, ratio
from zeroidle_loadtest.record import RequestRecord


@dataclass(frozen=True)
class TokenCost:
    """Seconds of an environment for a token read and a token written, on the machine of the run."""

    name: str
    read_s: Interval
    written_s: Interval
    why: str
    is_reference: bool = False

    def seconds(self, *, tokens_in: float, tokens_out: float) -> float:
        """Of a task of so many tokens."""
        return tokens_in * self.read_s.value + tokens_out * self.written_s.value


def from_run(requests: Sequence[RequestRecord], *, name: str, memory_gb: float) -> TokenCost | None:
    """The run's own. None where nothing was read and written, so that there is nothing to split."""
    read, written = [], []
    for request in requests:
        worked_ms = request.prefill_ms + request.decode_ms
        if request.outcome != "succeeded" or not worked_ms:
            continue
        seconds = request.gb_seconds / memory_gb
        # Without an answer in tokens, decoding was the scoring of labels: rows that are read.
        reading = request.prefill_ms / worked_ms if request.output_tokens else 1.0
        read.append((seconds * reading, request.prompt_tokens - request.cached_tokens))
        written.append((seconds * (1 - reading), request.output_tokens))
    if not read or not sum(tokens for _, tokens in written):
        return None
    return TokenCost(
        name=name,
        read_s=interval(np.asarray(read, dtype=np.float64), ratio),
        written_s=interval(np.asarray(written, dtype=np.float64), ratio),
        why=f"{len(read)} jobs of this run",
    )


def of_8b(model: ReferenceModel) -> TokenCost:
    """The 8B shape with 16 documents at once: its cheapest."""
    return _reference(model, "8B shape, 16 at once", model.written_16_per_s)


def of_8b_alone(model: ReferenceModel) -> TokenCost:
    """The 8B shape with one document at a time."""
    return _reference(model, "8B shape, alone", model.written_alone_per_s)


def _reference(model: ReferenceModel, name: str, written_per_s: float) -> TokenCost:
    return TokenCost(
        name=name,
        read_s=Interval(1 / model.read_per_s),
        written_s=Interval(1 / written_per_s),
        why=model.why,
        is_reference=True,
    )


@dataclass(frozen=True)
class TaskPrice:
    """Dollars of a task by its tokens, on one function: compute, and a fixed part for the rest."""

    cost: TokenCost
    factor: Band
    function: Function
    gb_second_usd: float
    fixed_usd: float

    @property
    def name(self) -> str:
        """The model, and how full its batches are."""
        return self.cost.name

    def usd(self, *, tokens_in: float, tokens_out: float) -> Band:
        """What a task of so many tokens costs."""
        seconds = self.cost.seconds(tokens_in=tokens_in, tokens_out=tokens_out)
        compute = self.factor * (seconds * self.function.memory_gb * self.gb_second_usd)
        return compute + Band.exactly(self.fixed_usd)
