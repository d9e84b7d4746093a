"""From the requests of a finished run to its figures.

One pass over the file, then one that adds each request's batch size. Memory grows by some numbers a
request, not by requests.
"""

from array import array
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from zeroidle_loadtest.record import REQUESTS_FILE, RequestRecord, Sample, read_requests


@dataclass
class Tally:
    """Sums over a run's requests."""

    succeeded: int = 0
    failed: int = 0
    unresolved: int = 0
    cold_starts: int = 0
    gb_seconds: float = 0.0
    lags_ms: "array[float]" = field(default_factory=lambda: array("d"))
    latencies_ms: "array[float]" = field(default_factory=lambda: array("d"))
    widest_gap_ms: float = 0.0
    last_end_ms: float = 0.0
    batch_sizes: dict[str, int] = field(default_factory=dict)
    _spans: dict[str, tuple[float, float]] = field(default_factory=dict)

    def add(self, request: RequestRecord) -> None:
        """Count a request."""
        self.lags_ms.append(request.lag_ms)
        self.gb_seconds += request.gb_seconds
        if request.completed_ms is not None:
            self.last_end_ms = max(self.last_end_ms, request.completed_ms)
        match request.outcome:
            case "failed":
                self.failed += 1
            case "unresolved":
                self.unresolved += 1
            case "succeeded":
                self._add_success(request)

    def _add_success(self, request: RequestRecord) -> None:
        self.succeeded += 1
        self.cold_starts += request.cold_start_ms > 0
        if request.latency_ms is not None:
            self.latencies_ms.append(request.latency_ms)
        if request.clock_gap_ms is not None:
            self.widest_gap_ms = max(self.widest_gap_ms, abs(request.clock_gap_ms))
        name, ended_ms = request.invocation, request.completed_ms
        if name is None or ended_ms is None:
            return
        self.batch_sizes[name] = self.batch_sizes.get(name, 0) + 1
        work_ms = request.cold_start_ms + request.prefill_ms + request.decode_ms + request.commit_ms
        began_ms, until_ms = self._spans.get(name, (ended_ms - work_ms, ended_ms))
        self._spans[name] = (min(began_ms, ended_ms - work_ms), max(until_ms, ended_ms))

    def with_concurrency(self, samples: Sequence[Sample]) -> tuple[Sample, ...]:
        """The samples, each with the invocations that were under way at its moment."""
        begins = sorted(began for began, _ in self._spans.values())
        ends = sorted(ended for _, ended in self._spans.values())
        return tuple(
            sample.model_copy(
                update={
                    "concurrency": bisect_right(begins, sample.at_ms)
                    - bisect_right(ends, sample.at_ms)
                }
            )
            for sample in samples
        )


def tally(folder: Path) -> Tally:
    """The figures of a folder's requests. Adds `batch_size` to each on the way."""
    total = Tally()
    for request in read_requests(folder):
        total.add(request)
    if total.batch_sizes:
        _write_batch_sizes(folder, total.batch_sizes)
    total.lags_ms = array("d", sorted(total.lags_ms))
    total.latencies_ms = array("d", sorted(total.latencies_ms))
    return total


def _write_batch_sizes(folder: Path, sizes: dict[str, int]) -> None:
    path = folder / REQUESTS_FILE
    partial = path.with_suffix(".partial")
    with partial.open("w", encoding="utf-8") as file:
        for request in read_requests(folder):
            size = sizes.get(request.invocation or "")
            told = request.model_copy(update={"batch_size": size})
            file.write(told.model_dump_json(exclude_defaults=True) + "\n")
    partial.replace(path)
