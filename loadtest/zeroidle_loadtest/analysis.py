"""A run's figures: latency, goodput, where the time went, what it cost; each with its interval.

Reads a finished run's records and the prices; does not know how they are shown.
"""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from zeroidle_contract import Prices
from zeroidle_loadtest.cost.assumptions import Assumptions, Band
from zeroidle_loadtest.cost.bill import Bill, gb_second_usd, make_bill
from zeroidle_loadtest.cost.projection import (
    FULL_MEMORY_MB,
    Function,
    MeasuredFactor,
    Projection,
    project,
)
from zeroidle_loadtest.cost.projection import run_function as function_of
from zeroidle_loadtest.cost.seed_table import Growth
from zeroidle_loadtest.cost.usage import Usage, count_usage
from zeroidle_loadtest.errors import RecordError
from zeroidle_loadtest.intervals import Interval, interval, mean, quantile, ratio
from zeroidle_loadtest.record import (
    PARTS,
    RUN_FILE,
    RequestRecord,
    RunRecord,
    read_requests,
    read_run,
)
from zeroidle_loadtest.sweep import LEDGER_FILE, read_ledger

SHARES = (0.50, 0.95, 0.99)
FUNCTIONS = (
    Function("arm64", FULL_MEMORY_MB),
    Function("arm64", 3008),
    Function("x86_64", FULL_MEMORY_MB),
    Function("x86_64", 3008),
)
"""The default size, and what new accounts may be capped at."""
_LONGER = 1.5
"""Long documents must be so much longer than short ones to say anything about growth."""


@dataclass(frozen=True)
class Measured:
    """A run's folder, read."""

    run: RunRecord
    requests: tuple[RequestRecord, ...]

    @property
    def succeeded(self) -> list[RequestRecord]:
        """The requests that have parts."""
        return [request for request in self.requests if request.outcome == "succeeded"]


def read_measured(folder: Path) -> Measured:
    """Read a run.

    Raises:
        RecordError: a file is missing or damaged, or no request was recorded.
    """
    run = read_run(folder)
    requests = tuple(sorted(read_requests(folder), key=lambda request: request.intended_ms))
    if not requests:
        raise RecordError(f"{folder} holds no requests: nothing was sent; run the load test again")
    return Measured(run=run, requests=requests)


def read_all(folder: Path) -> tuple[Measured, ...]:
    """One run, or the runs that a sweep has kept, by their offered rate.

    Raises:
        RecordError: there is none.
    """
    if (folder / RUN_FILE).is_file() or not folder.is_dir():
        return (read_measured(folder),)
    if (folder / LEDGER_FILE).is_file():
        return _read_sweep(folder)
    below = sorted(path.parent for path in folder.glob(f"*/{RUN_FILE}"))
    if not below:
        raise RecordError(
            f"{folder} holds no {RUN_FILE}; give the folder that `zeroidle-load run` wrote"
        )
    raise RecordError(
        f"{folder} holds {len(below)} runs and no sweep; give one of them, e.g. {below[-1]}"
    )


def _read_sweep(folder: Path) -> tuple[Measured, ...]:
    """Its own runs: others, and those that were interrupted, may lie beside them."""
    tried = read_ledger(folder).tried
    if not tried:
        raise RecordError(f"{folder} holds a sweep that has tried no rate yet")
    measured = [read_measured(folder / one.run_id) for one in tried]
    return tuple(sorted(measured, key=lambda one: one.run.load.offered_per_s or math.inf))


@dataclass(frozen=True)
class Latency:
    """Seconds from the intended time to the row's end, by share; infinite where a job had none."""

    p50: Interval
    p95: Interval
    p99: Interval


@dataclass(frozen=True)
class Figures:
    """What a run came to."""

    measured: Measured
    latency: Latency
    limit_s: float | None
    goodput_per_s: float
    offered_per_s: float
    parts_s: dict[str, float]
    occupancy: float

    @property
    def run(self) -> RunRecord:
        """The run's own record."""
        return self.measured.run


def latencies_s(requests: Iterable[RequestRecord]) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """In the order of the intended times; what did not succeed is infinitely late."""
    return np.asarray(
        [
            request.latency_ms / 1000
            if request.outcome == "succeeded" and request.latency_ms is not None
            else math.inf
            for request in requests
        ],
        dtype=np.float64,
    )


def latency_limit_s(run: RunRecord) -> float | None:
    """The latency that the SLO asks for: its highest percentile's limit."""
    limits = {check.name: check.limit for check in run.slo}
    names = ("latency_p99_s", "latency_p95_s", "latency_p50_s")
    return next((limits[name] for name in names if name in limits), None)


def figure(measured: Measured) -> Figures:
    """Work a run's figures out."""
    run, requests = measured.run, measured.requests
    latencies = latencies_s(requests)
    limit_s = latency_limit_s(run)
    good = np.isfinite(latencies) & (latencies <= (limit_s or math.inf))
    ends = [request.completed_ms for request in requests if request.completed_ms is not None]
    lasted_s = max([run.load_ended_ms, *ends]) / 1000 or 1.0
    parts = [parts for one in measured.succeeded if (parts := one.parts_ms()) is not None]
    p50, p95, p99 = (interval(latencies, quantile(share)) for share in SHARES)
    return Figures(
        measured=measured,
        latency=Latency(p50=p50, p95=p95, p99=p99),
        limit_s=limit_s,
        goodput_per_s=float(good.sum()) / lasted_s,
        offered_per_s=run.load.offered_per_s or len(requests) / (run.load_ended_ms / 1000 or 1.0),
        parts_s={
            part: sum(one[part] for one in parts) / len(parts) / 1000 if parts else 0.0
            for part in PARTS
        },
        occupancy=_mean([one.batch_size for one in measured.succeeded if one.batch_size]),
    )


@dataclass(frozen=True)
class Priced:
    """The run on one function."""

    projection: Projection
    usage: Usage
    bill: Bill


def price_run(
    measured: Measured,
    function: Function,
    prices: Prices,
    assumptions: Assumptions,
    on_lambda: MeasuredFactor | None = None,
) -> Priced:
    """What the run would cost on a function of another kind, or did on its own."""
    projection = project(measured.run, function, assumptions, on_lambda)
    usage = count_usage(measured.run, measured.requests, projection, assumptions)
    return Priced(projection=projection, usage=usage, bill=make_bill(usage, function, prices))


@dataclass(frozen=True)
class AtOccupancy:
    """Compute of a task in batches of one size, in seconds of an environment and in dollars."""

    batch_size: int
    jobs: int
    seconds: Interval
    usd: Interval


def by_occupancy(
    measured: Measured, projection: Projection, prices: Prices
) -> tuple[AtOccupancy, ...]:
    """Cost per task by the number of jobs in its batch; cold batches are left out."""
    memory_gb = function_of(measured.run).memory_gb
    price = projection.function.memory_gb * gb_second_usd(projection.function, prices)
    sizes: dict[int, list[float]] = {}
    for request in measured.succeeded:
        if request.batch_size and not request.cold_start_ms:
            sizes.setdefault(request.batch_size, []).append(request.gb_seconds / memory_gb)
    rows = []
    for size, seconds in sorted(sizes.items()):
        found = interval(seconds, mean)
        low, high = (found.value if b is None else b for b in (found.low, found.high))
        usd = Interval(
            found.value * projection.factor.mid * price,
            low * projection.factor.low * price,
            high * projection.factor.high * price,
        )
        rows.append(AtOccupancy(batch_size=size, jobs=len(seconds), seconds=found, usd=usd))
    return tuple(rows)


def growth(measured: Measured) -> Growth | None:
    """Compute of the longest third of the documents over that of the shortest third."""
    read = sorted(measured.succeeded, key=lambda one: one.prompt_tokens - one.cached_tokens)
    third = len(read) // 3
    if not third:
        return None
    short, long = read[:third], read[-third:]
    tokens = [_mean([r.prompt_tokens - r.cached_tokens for r in part]) for part in (short, long)]
    if tokens[1] < tokens[0] * _LONGER:
        return None
    pairs = [(b.gb_seconds, a.gb_seconds) for a, b in zip(short, long, strict=True)]
    return Growth(
        short_tokens=tokens[0],
        long_tokens=tokens[1],
        ratio=interval(np.asarray(pairs, dtype=np.float64), ratio),
    )


def cold_starts_s(measured: Measured) -> Band | None:
    """The waits for the model: the shortest, the median, the longest. None when none was cold."""
    waits = sorted(
        request.cold_start_ms / 1000 for request in measured.succeeded if request.cold_start_ms
    )
    return Band(waits[0], waits[len(waits) // 2], waits[-1]) if waits else None


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values) if values else 0.0
