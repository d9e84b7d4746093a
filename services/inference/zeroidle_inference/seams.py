"""The seams of the service: what the runner needs of the world, and no more.

Three of the project's four Protocols stand here (`JobStore`, `Queue`, `Clock`; the fourth is the
engine's `Decoder`), with the engine's face as the runner sees it.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Protocol

from zeroidle_contract import Job, JobError, Result, Task
from zeroidle_inference.engine.request import Finished, Request, Step, TextModel
from zeroidle_inference.lease import Lease, Refused
from zeroidle_inference.records import Record
from zeroidle_inference.tasks.task import TaskSteps


class Clock(Protocol):
    """Wall time for other machines, monotonic time for durations."""

    def now(self) -> datetime:
        """The wall clock, in UTC."""
        ...

    def now_ms(self) -> int:
        """The wall clock, in milliseconds since the epoch."""
        ...

    def monotonic_s(self) -> float:
        """Seconds of `time.monotonic`, the clock that the engine's timings are on."""
        ...

    def sleep(self, seconds: float) -> None:
        """Wait."""
        ...


class JobStore(Protocol):
    """The jobs table. Each method is one decision, taken atomically.

    All raise `DependencyDownError` when the table cannot be reached or does not serve.
    """

    def attempts(self, job_key: str) -> int:
        """Attempts of a job that has not ended: begun, and neither done nor given back."""
        ...

    def claim(
        self, job: Job, *, owner: str, lease_expires_at_ms: int, trace_header: str | None
    ) -> Lease | Refused:
        """Take the job, if it is queued, failed, unknown, or its lease has run out."""
        ...

    def commit(self, lease: Lease, result: Result) -> Refused | None:
        """Record the result, if the lease still holds."""
        ...

    def fail(self, lease: Lease, error: JobError, *, attempts: int) -> Refused | None:
        """Record the failure, if the lease still holds."""
        ...

    def fail_unclaimed(self, job_key: str, error: JobError) -> Refused | None:
        """Record the failure of a message that is no valid job, unless its row is in use."""
        ...

    def release(self, lease: Lease, *, spend_attempt: bool) -> Refused | None:
        """Give the job back, if the lease still holds; by wish without counting the attempt."""
        ...


class Queue(Protocol):
    """The jobs queue and its dead-letter queue."""

    def change_visibility(self, visibilities_s: Iterable[tuple[Record, int]]) -> None:
        """Hide each message for so many seconds from now."""
        ...

    def send_dead_letter(self, record: Record, attributes: Mapping[str, str]) -> None:
        """Send the message to the dead-letter queue, with these attributes where they fit."""
        ...


class Rates(Protocol):
    """Measured speed of the engine; 0.0 while unknown."""

    @property
    def prefill_tokens_per_s(self) -> float:
        """Prompt tokens, of all requests together."""
        ...

    @property
    def decode_tokens_per_s(self) -> float:
        """Output tokens of one request, beside the others that run."""
        ...


class Identity(Protocol):
    """Which model file is loaded."""

    @property
    def name(self) -> str:
        """The model's own name."""
        ...

    @property
    def sha256(self) -> str:
        """Of the file."""
        ...

    @property
    def quantisation(self) -> str:
        """Such as `Q4_0`."""
        ...


class InferenceEngine(Protocol):
    """The engine as the runner drives it: submit requests, step until they are done."""

    @property
    def text_model(self) -> TextModel:
        """What tasks may ask of the model."""
        ...

    @property
    def identity(self) -> Identity:
        """Which model."""
        ...

    @property
    def rates(self) -> Rates:
        """How fast."""
        ...

    @property
    def sequences(self) -> int:
        """Requests that run at once, at most."""
        ...

    @property
    def last_step(self) -> Step:
        """What the last step advanced."""
        ...

    @property
    def has_work(self) -> bool:
        """True while a submitted request has not finished."""
        ...

    def submit(self, request: Request, *, group: int = 0) -> int:
        """Queue a request of a job (`group`); returns its ticket.

        Raises:
            PromptTooLongError: prompt and answer do not fit the context.
            GrammarError: the JSON Schema cannot be compiled.
        """
        ...

    def cancel(self, ticket: int) -> None:
        """Drop a request; a finished or unknown ticket is ignored."""
        ...

    def step(self) -> list[Finished]:
        """Run one batch through the model.

        Raises:
            DecodeError: the batch failed or was aborted; `reset` before the next step.
        """
        ...

    def abort(self) -> None:
        """Make the step under way raise soon. May be called from another thread."""
        ...

    def reset(self) -> None:
        """Drop every request and sequence, and a pending abort."""
        ...


StartTask = Callable[[Task, str | None, TextModel], TaskSteps]
"""`zeroidle_inference.tasks.start`."""
