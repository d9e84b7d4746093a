"""What a job came to: status, output, and where its tokens, time and money went."""

from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AwareDatetime, Field

from zeroidle_contract.errors import ErrorCode
from zeroidle_contract.job import JobId, Sha256
from zeroidle_contract.task import Entity, Frozen


class Status(StrEnum):
    """A job's state. Only `succeeded` and `cancelled` are terminal: a failed job may run again."""

    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def is_terminal(self) -> bool:
        """True when the job will never run again."""
        return self in {Status.SUCCEEDED, Status.CANCELLED}


class ClassifyOutput(Frozen):
    """The likeliest label, and a probability for each label; they sum to 1."""

    kind: Literal["classify"] = "classify"
    label: str
    probabilities: dict[str, float]


class ExtractOutput(Frozen):
    """JSON that is valid under the task's schema."""

    kind: Literal["extract"] = "extract"
    data: Any = None


class Span(Frozen):
    """Characters `start` to `end` (exclusive, Unicode code points) of the document."""

    start: Annotated[int, Field(ge=0)]
    end: Annotated[int, Field(ge=1)]
    entity: Entity


class RedactOutput(Frozen):
    """The document with each span replaced by its mask, and the spans (sorted, disjoint)."""

    kind: Literal["redact"] = "redact"
    text: str
    spans: tuple[Span, ...]


class SummarizeOutput(Frozen):
    """At most `max_words` words."""

    kind: Literal["summarize"] = "summarize"
    summary: str


class CompleteOutput(Frozen):
    """The answer's text, or JSON when a schema was given."""

    kind: Literal["complete"] = "complete"
    text: str | None = None
    data: Any = None
    finish_reason: Literal["stop", "length"]


Output = Annotated[
    ClassifyOutput | ExtractOutput | RedactOutput | SummarizeOutput | CompleteOutput,
    Field(discriminator="kind"),
]


class JobError(Frozen):
    """Why a job failed. `fingerprint` is equal for failures of one cause."""

    code: ErrorCode
    message: str
    retryable: bool
    fingerprint: str


class Usage(Frozen):
    """Tokens by kind.

    `cached_tokens` of the `prompt_tokens` came from a shared prefix; `forced_tokens` are output
    that the grammar left no choice in; `sampled_tokens` were chosen by the model.
    """

    prompt_tokens: int = 0
    cached_tokens: int = 0
    forced_tokens: int = 0
    sampled_tokens: int = 0


class Timings(Frozen):
    """Where the time went, in milliseconds. The parts add up to `completed_at - submitted_at`.

    `queued_ms` runs until the job's first work begins, less `cold_start_ms`, the wait for the model
    to load. `prefill_ms` ends when the job goes on to write, `decode_ms` with the last token;
    `commit_ms` is the wait for the writer until the commit is sent.
    """

    queued_ms: int = 0
    cold_start_ms: int = 0
    prefill_ms: int = 0
    decode_ms: int = 0
    commit_ms: int = 0


class ModelIdentity(Frozen):
    """Which model and which prompts gave the answer."""

    name: str
    sha256: Sha256
    quantisation: str
    prompt_version: str


class Result(Frozen):
    """What `Producer.result` returns."""

    job_id: JobId
    status: Status
    output: Output | None = None
    error: JobError | None = None
    usage: Usage = Usage()
    timings: Timings = Timings()
    gb_seconds: Annotated[float, Field(ge=0)] = 0.0
    model: ModelIdentity | None = None
    attempts: int = 0
    completed_at: AwareDatetime | None = None
