"""Two runs side by side: each figure's change with its interval, and whether it decides anything.

A change is real when its 95 % interval leaves out zero. Runs that differ in what they measured are
compared too, with what differs said first.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from zeroidle_loadtest.analysis import SHARES, Measured, latencies_s
from zeroidle_loadtest.intervals import Interval, Statistic, Values, difference, interval, quantile
from zeroidle_loadtest.intervals import mean as mean_of
from zeroidle_loadtest.record import RunRecord

Change = Literal["better", "worse", "no difference shown"]


@dataclass(frozen=True)
class Row:
    """One figure of both runs. `is_good_low` tells which way is better."""

    name: str
    unit: str
    before: Interval
    after: Interval
    change: Interval
    is_good_low: bool = True

    @property
    def verdict(self) -> Change:
        """What the interval of the change says."""
        low, high = self.change.low, self.change.high
        if low is None or high is None or low <= 0 <= high or np.isnan(low) or np.isnan(high):
            return "no difference shown"
        return "better" if (high < 0) == self.is_good_low else "worse"


@dataclass(frozen=True)
class Comparison:
    """All figures, and why the runs may not be alike."""

    before: RunRecord
    after: RunRecord
    mismatches: tuple[str, ...]
    rows: tuple[Row, ...]


def compare(before: Measured, after: Measured) -> Comparison:
    """Compare two runs."""
    return Comparison(
        before=before.run,
        after=after.run,
        mismatches=tuple(_mismatches(before.run, after.run)),
        rows=tuple(_rows(before, after)),
    )


def _rows(before: Measured, after: Measured) -> Iterator[Row]:
    late = (latencies_s(before.requests), latencies_s(after.requests))
    for share in SHARES:
        yield _row(f"latency p{share * 100:.0f}", "s", late, quantile(share))
    good = tuple(np.isfinite(values).astype(np.float64) for values in late)
    yield _row("succeeded", "share", (good[0], good[1]), mean_of, is_good_low=False)
    for name, unit, attribute, scale in (
        ("prefill", "s", "prefill_ms", 1e-3),
        ("decode", "s", "decode_ms", 1e-3),
        ("queue", "s", "queued_ms", 1e-3),
        ("compute", "GB-s a job", "gb_seconds", 1.0),
    ):
        values = [
            [scale * getattr(request, attribute) for request in run.succeeded]
            for run in (before, after)
        ]
        if all(values):
            yield _row(f"mean {name}", unit, (values[0], values[1]), mean_of)


def _row(
    name: str,
    unit: str,
    values: tuple[Sequence[float] | Values, Sequence[float] | Values],
    statistic: Statistic,
    *,
    is_good_low: bool = True,
) -> Row:
    return Row(
        name=name,
        unit=unit,
        before=interval(values[0], statistic),
        after=interval(values[1], statistic),
        change=difference(values[0], values[1], statistic),
        is_good_low=is_good_low,
    )


def _mismatches(before: RunRecord, after: RunRecord) -> Iterator[str]:
    """What must be alike for a difference to mean anything, and is not."""
    for name, first, second in (
        ("scenario", before.load.name, after.load.name),
        ("kind of load", before.load.kind, after.load.kind),
        ("arrivals", before.load.arrivals, after.load.arrivals),
        ("machine", before.machine.description, after.machine.description),
        ("model", _model(before), _model(after)),
        ("memory", before.target.memory_mb, after.target.memory_mb),
        ("architecture", before.target.architecture, after.target.architecture),
        ("stack is local", before.target.is_local, after.target.is_local),
        ("batch size", before.target.batch_size, after.target.batch_size),
        ("concurrency", before.target.maximum_concurrency, after.target.maximum_concurrency),
    ):
        if first != second:
            yield f"{name}: {first} against {second}"
    rates = before.load.offered_per_s, after.load.offered_per_s
    if rates[0] and rates[1] and abs(rates[0] - rates[1]) > _RATE_TOLERANCE * rates[0]:
        yield f"offered rate: {rates[0]:.3g}/s against {rates[1]:.3g}/s"
    for run in (before, after):
        if not run.is_valid:
            yield f"{run.run_id} is no valid measurement: {'; '.join(run.problems)}"


_RATE_TOLERANCE = 0.1


def _model(run: RunRecord) -> str | None:
    return f"{run.model.name} {run.model.quantisation}" if run.model else None
