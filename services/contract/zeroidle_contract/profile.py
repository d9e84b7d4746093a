"""The service-time profile: how long one invocation takes, by task and batch size, as measured.

A measured load test writes it (`profile.json`), scaling and the cost reports read it. It holds
durations and tokens, never prices, and does not know how they were measured.
"""

from bisect import bisect_left
from pathlib import Path
from typing import Annotated, Final, Literal, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from zeroidle_contract.errors import ContractError
from zeroidle_contract.task import Frozen

ANY_TASK: Final = "*"
"""Stands for all tasks together, in the mixture that was measured."""


class ProfileError(ContractError):
    """A profile that is not there, cannot be read, or does not know the task asked for."""


class Quantiles(Frozen):
    """The median and the 95th percentile of a sample."""

    p50: Annotated[float, Field(ge=0)]
    p95: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.p95 < self.p50:
            msg = "p95 lies below p50"
            raise ValueError(msg)
        return self


class BatchSeconds(Frozen):
    """How long warm invocations with this many jobs took."""

    batch_size: Annotated[int, Field(ge=1)]
    invocations: Annotated[int, Field(ge=1)]
    seconds: Quantiles


class TaskProfile(Frozen):
    """One task, or `*` for all in the measured mixture.

    `batches` are sorted by size; only sizes that occurred stand there. Batches of mixed tasks count
    for `*` alone. Tokens are means of a job: `tokens_in` the prompt, of which `cached_tokens_in`
    came from a shared prefix, `tokens_out` the forced and the sampled ones.
    """

    task: str
    jobs: Annotated[int, Field(ge=1)]
    batches: Annotated[tuple[BatchSeconds, ...], Field(min_length=1)]
    tokens_in: Annotated[float, Field(ge=0)]
    cached_tokens_in: Annotated[float, Field(ge=0)] = 0.0
    tokens_out: Annotated[float, Field(ge=0)]

    @model_validator(mode="after")
    def _sizes_grow(self) -> Self:
        sizes = [batch.batch_size for batch in self.batches]
        if sizes != sorted(set(sizes)):
            msg = "batches must be sorted by size, each size once"
            raise ValueError(msg)
        return self

    def invocation_s(self, batch_size: int) -> Quantiles:
        """Seconds of a warm invocation with this many jobs.

        Between two measured sizes the line through them; outside, the nearest measured size scaled
        by the number of jobs, which is an upper bound for larger batches.
        """
        sizes = [batch.batch_size for batch in self.batches]
        index = bisect_left(sizes, batch_size)
        if index < len(sizes) and sizes[index] == batch_size:
            return self.batches[index].seconds
        if index == 0 or index == len(sizes):
            nearest = self.batches[min(index, len(sizes) - 1)]
            factor = batch_size / nearest.batch_size
            return Quantiles(p50=nearest.seconds.p50 * factor, p95=nearest.seconds.p95 * factor)
        below, above = self.batches[index - 1], self.batches[index]
        share = (batch_size - below.batch_size) / (above.batch_size - below.batch_size)
        return Quantiles(
            p50=_between(below.seconds.p50, above.seconds.p50, share),
            p95=_between(below.seconds.p95, above.seconds.p95, share),
        )


class ServiceProfile(Frozen):
    """What was measured on one machine with one model.

    `cold_start_s` is how long the first batch of a new environment waited for the model; None where
    no environment was new. `is_projected` is true where the durations were not measured on Lambda.
    """

    schema_version: Literal[1] = 1
    measured_at: AwareDatetime
    machine: str
    architecture: Literal["arm64", "x86_64"]
    memory_gb: Annotated[float, Field(gt=0)]
    model: str
    model_sha256: str
    is_projected: bool
    cold_start_s: Quantiles | None = None
    cold_starts: Annotated[int, Field(ge=0)] = 0
    tasks: Annotated[tuple[TaskProfile, ...], Field(min_length=1)]

    def of(self, task: str = ANY_TASK) -> TaskProfile:
        """The profile of one kind of task, or of all in the measured mixture.

        Raises:
            ProfileError: it was not measured.
        """
        for profile in self.tasks:
            if profile.task == task:
                return profile
        measured = ", ".join(profile.task for profile in self.tasks)
        raise ProfileError(f"the profile has no task {task!r}; measured were: {measured}")

    @classmethod
    def load(cls, path: Path) -> Self:
        """Read `profile.json`.

        Raises:
            ProfileError: it is not there, or is none.
        """
        try:
            return cls.model_validate_json(path.read_bytes())
        except OSError as error:
            raise ProfileError(
                f"{path} cannot be read ({error.strerror}); "
                "`zeroidle-load run` writes a profile.json into its folder"
            ) from None
        except ValidationError as error:
            first = error.errors(include_input=False, include_url=False)[0]
            where = ".".join(str(part) for part in first["loc"]) or "profile"
            raise ProfileError(
                f"{path} is no service-time profile: {where}: {first['msg']}"
            ) from None

    def save(self, path: Path) -> None:
        """Write `profile.json`."""
        path.write_text(self.model_dump_json(indent=2) + "\n", encoding="utf-8")


def _between(low: float, high: float, share: float) -> float:
    return low + (high - low) * share
