"""What a load test leaves behind: `run.json` (one `RunRecord`) and `requests.jsonl` (the truth).

`requests.jsonl` has one `RequestRecord` a line, in the order of their ends. All moments are
milliseconds after the run's `started_at` on the load generator's clock; the function's clock stands
in `completed_ms` and in the parts it reports. Knows nothing of how the run is driven or shown.
"""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Annotated, Any, Final, Literal

from pydantic import AwareDatetime, Field, ValidationError

from zeroidle_contract.task import Frozen
from zeroidle_loadtest.errors import RecordError

RUN_FILE: Final = "run.json"
REQUESTS_FILE: Final = "requests.jsonl"
PROFILE_FILE: Final = "profile.json"

PARTS: Final = ("lag", "publish", "queue", "cold_start", "prefill", "decode", "commit")
"""The parts of a latency, in the order of time."""

Outcome = Literal["succeeded", "failed", "unresolved"]


class RequestRecord(Frozen):
    """One request that was due.

    `intended_ms` is when the schedule wanted it, `sent_ms` when publishing began (the job's
    `submitted_at`), `publish_ms` how long the call took. `queued_ms` to `commit_ms` are the
    result's own timings and add up to `completed_ms - sent_ms`; `queued_ms` holds the publishing
    and attempts that were lost. A failed or unresolved request has none of them.

    `unresolved` never came back before the drain's deadline. A request that could not be published
    is `failed` with the error code `not_sent` and AWS's reason in `error_detail`. `document_bytes`
    decides whether it travels through S3. `invocation` names the invocation that committed it,
    `batch_size` how many of this run's requests that invocation committed (occupancy).
    """

    job_id: str
    task: str
    sample: str
    worker: int
    intended_ms: float
    sent_ms: float
    publish_ms: Annotated[float, Field(ge=0)]
    outcome: Outcome
    error_code: str | None = None
    error_detail: str | None = None
    completed_ms: float | None = None
    queued_ms: int = 0
    cold_start_ms: int = 0
    prefill_ms: int = 0
    decode_ms: int = 0
    commit_ms: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    forced_tokens: int = 0
    sampled_tokens: int = 0
    gb_seconds: float = 0.0
    attempts: int = 0
    document_bytes: int = 0
    invocation: str | None = None
    batch_size: int | None = None

    @property
    def lag_ms(self) -> float:
        """The generator's own lateness."""
        return self.sent_ms - self.intended_ms

    @property
    def latency_ms(self) -> float | None:
        """From the intended time to the row's end; None while unresolved."""
        return None if self.completed_ms is None else self.completed_ms - self.intended_ms

    @property
    def output_tokens(self) -> int:
        """Tokens of the answer."""
        return self.forced_tokens + self.sampled_tokens

    def parts_ms(self) -> dict[str, float] | None:
        """The latency by `PARTS`; None where the function reported no timings.

        A consumer may begin before the publishing call has returned: then publishing counts only up
        to that moment, so that nothing is counted twice.
        """
        if self.outcome != "succeeded":
            return None
        publish_ms = min(self.publish_ms, self.queued_ms)
        return {
            "lag": self.lag_ms,
            "publish": publish_ms,
            "queue": self.queued_ms - publish_ms,
            "cold_start": self.cold_start_ms,
            "prefill": self.prefill_ms,
            "decode": self.decode_ms,
            "commit": self.commit_ms,
        }

    @property
    def clock_gap_ms(self) -> float | None:
        """Latency minus the sum of its parts: rounding, and the difference of two clocks."""
        parts, latency_ms = self.parts_ms(), self.latency_ms
        return None if parts is None or latency_ms is None else latency_ms - sum(parts.values())


class Sample(Frozen):
    """The system at one moment. What could not be read is None.

    `concurrency` counts invocations under way, from the requests they committed; `pending` the
    requests that were sent and have not ended.
    """

    at_ms: float
    queue_visible: int | None = None
    queue_in_flight: int | None = None
    dead_letters: int | None = None
    pending: int = 0
    concurrency: int = 0


class Machine(Frozen):
    """Where the load came from; for a local stack also where the function ran."""

    description: str
    architecture: str
    cpus: int
    memory_gib: float
    python: str


class ModelRecord(Frozen):
    """The model that answered, as its results name it."""

    name: str
    sha256: str
    quantisation: str
    prompt_version: str


class TargetRecord(Frozen):
    """The stack under test and what decides its speed and cost. Unknown is None."""

    stack: str
    is_local: bool
    region: str | None = None
    memory_mb: int | None = None
    architecture: str | None = None
    timeout_s: int | None = None
    max_attempts: int | None = None
    batch_size: int | None = None
    batching_window_s: int | None = None
    maximum_concurrency: int | None = None
    provisioned_concurrency: int | None = None


class Load(Frozen):
    """The offered load. `scenario` is the scenario file's whole content.

    `kind` is `open` (arrivals come whatever the system does) or `closed` (a fixed number of clients
    each wait for their answer). `offered_per_s` is the mean over the schedule; None when closed.
    """

    name: str
    kind: Literal["open", "closed"]
    arrivals: str
    offered_per_s: float | None = None
    clients: int | None = None
    duration_s: float
    workers: int
    seed: int
    scenario: dict[str, Any]


class Counts(Frozen):
    """The accounting: `submitted = succeeded + failed + unresolved`.

    `scheduled` is what the schedule wanted; less was submitted when the run was interrupted.
    """

    scheduled: int
    submitted: int
    succeeded: int
    failed: int
    unresolved: int

    @property
    def closes(self) -> bool:
        """True when every submitted request has one end."""
        return self.submitted == self.succeeded + self.failed + self.unresolved


class Generator(Frozen):
    """How well the load generator kept its schedule.

    `clock_jump_ms` is the largest change of the wall clock against the monotonic one;
    `busy` the largest share of one CPU that a worker process used, `peak_rss_mib` its most memory.
    """

    lag_p50_ms: float
    lag_p99_ms: float
    lag_max_ms: float
    clock_jump_ms: float
    busy: float
    peak_rss_mib: float = 0.0


class SloCheck(Frozen):
    """One threshold of `slo.toml`. `measured` is None where nothing could be measured."""

    name: str
    limit: float
    measured: float | None
    is_met: bool


class RunRecord(Frozen):
    """One run.

    `problems` say why the measurement is invalid; empty when it is valid. `clock_error_ms` bounds
    what `RequestRecord.clock_gap_ms` may be. `drained` is false when requests were unresolved at
    the deadline of the drain. `is_projected` is true unless durations were measured on Lambda.
    """

    schema_version: Literal[1] = 1
    run_id: str
    started_at: AwareDatetime
    load_ended_ms: float
    ended_ms: float
    interrupted: bool
    drained: bool
    is_projected: bool
    commit: str
    versions: dict[str, str]
    machine: Machine
    target: TargetRecord
    model: ModelRecord | None
    prices_as_of: date | None
    prices_region: str | None
    load: Load
    counts: Counts
    generator: Generator
    clock_error_ms: float
    problems: tuple[str, ...] = ()
    slo: tuple[SloCheck, ...] = ()
    samples: tuple[Sample, ...] = ()

    @property
    def is_valid(self) -> bool:
        """True when the figures may be believed."""
        return not self.problems

    @property
    def meets_slo(self) -> bool:
        """True when every threshold is met."""
        return all(check.is_met for check in self.slo)


def read_run(folder: Path) -> RunRecord:
    """The run of a folder.

    Raises:
        RecordError: there is none, or it cannot be read.
    """
    path = folder / RUN_FILE
    try:
        return RunRecord.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RecordError(
            f"{path} cannot be read ({error.strerror}); give the folder of a load test"
        ) from None
    except ValidationError as error:
        raise RecordError(f"{path} is no load test: {_first(error)}") from None


def read_requests(folder: Path) -> Iterator[RequestRecord]:
    """The requests of a folder, one at a time. A last line cut short by a kill is left out.

    Raises:
        RecordError: there are none, or one cannot be read.
    """
    path = folder / REQUESTS_FILE
    try:
        with path.open(encoding="utf-8") as lines:
            for number, line in enumerate(lines, start=1):
                if not line.endswith("\n"):
                    return
                try:
                    yield RequestRecord.model_validate_json(line)
                except ValidationError as error:
                    raise RecordError(f"{path}:{number}: {_first(error)}") from None
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror})") from None


def _first(error: ValidationError) -> str:
    first = error.errors(include_input=False, include_url=False)[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
