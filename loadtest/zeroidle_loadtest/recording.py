"""Collects the workers' reports while a run goes on, and appends its requests to the file.

Holds counts, never requests: memory stays the same however long the run is.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from zeroidle_loadtest.record import REQUESTS_FILE, ModelRecord, Sample
from zeroidle_loadtest.wire import Report


@dataclass
class Recording:
    """One run's folder, and what its workers have reported so far."""

    folder: Path
    shards: int
    latest: dict[int, Report] = field(default_factory=dict)
    samples: list[Sample] = field(default_factory=list)
    model: ModelRecord | None = None

    def __post_init__(self) -> None:
        self.folder.mkdir(parents=True)
        (self.folder / REQUESTS_FILE).touch()

    @property
    def is_done(self) -> bool:
        """True when every worker has said its last word."""
        done = [report for report in self.latest.values() if report.is_done]
        return len(done) == self.shards

    @property
    def pending(self) -> int:
        """Requests that were sent and have not ended, as of the last reports."""
        return sum(report.pending for report in self.latest.values())

    @property
    def taken(self) -> int:
        """Requests that were sent so far."""
        return sum(report.taken for report in self.latest.values())

    @property
    def error(self) -> str | None:
        """Why a worker could not go on."""
        return next((report.error for report in self.latest.values() if report.error), None)

    def add(self, report: Report) -> None:
        """Take a report."""
        if report.requests:
            with (self.folder / REQUESTS_FILE).open("a", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in report.requests)
        self.latest[report.shard] = report.model_copy(update={"requests": ()})
        self.model = self.model or report.model

    def sample(self, at_ms: float, depths: Callable[[], dict[str, int | None]]) -> None:
        """Note the system's state now."""
        self.samples.append(Sample(at_ms=at_ms, pending=self.pending, **depths()))
