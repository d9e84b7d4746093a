"""A scenario file (TOML): how requests arrive, what they ask for, how long to wait for them.

Parsed once, with every mistake named. Knows nothing of Locust and of the stack under test.
"""

import json
import tomllib
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, ValidationInfo, field_validator, model_validator

from zeroidle_contract import Task
from zeroidle_contract.task import Frozen
from zeroidle_loadtest.errors import ScenarioError

Rate = Annotated[float, Field(gt=0, le=100_000)]
Seconds = Annotated[float, Field(gt=0, le=7 * 86_400)]


class Constant(Frozen):
    """Evenly spaced."""

    kind: Literal["constant"]
    rate_per_s: Rate


class Poisson(Frozen):
    """Independent of each other, as many users' requests are."""

    kind: Literal["poisson"]
    rate_per_s: Rate


class Ramp(Frozen):
    """Poisson, at a rate that grows (or falls) evenly over the whole duration."""

    kind: Literal["ramp"]
    from_per_s: Annotated[float, Field(ge=0, le=100_000)]
    to_per_s: Annotated[float, Field(ge=0, le=100_000)]

    @model_validator(mode="after")
    def _is_some(self) -> Self:
        if self.from_per_s == 0 and self.to_per_s == 0:
            msg = "from_per_s and to_per_s are both 0: nothing would arrive"
            raise ValueError(msg)
        return self


class Spike(Frozen):
    """Poisson at a base rate, with one burst at another."""

    kind: Literal["spike"]
    base_per_s: Rate
    peak_per_s: Rate
    at_s: Annotated[float, Field(ge=0)]
    for_s: Seconds


class Trace(Frozen):
    """Replayed from a file: one moment a line, in seconds after the start. `#` begins a comment."""

    kind: Literal["trace"]
    file: Path
    speed: Annotated[float, Field(gt=0)] = 1.0


class Closed(Frozen):
    """Not an arrival process: clients that each wait for their answer, then think, then ask again.

    It hides what an overloaded system does to those who would have come meanwhile.
    """

    kind: Literal["closed"]
    clients: Annotated[int, Field(ge=1, le=10_000)]
    think_s: Annotated[float, Field(ge=0)] = 0.0


OpenArrivals = Constant | Poisson | Ramp | Spike | Trace
Arrivals = Annotated[OpenArrivals | Closed, Field(discriminator="kind")]


class Tokens(Frozen):
    """A generated document's length, drawn evenly between two bounds."""

    min: Annotated[int, Field(ge=8, le=100_000)]
    max: Annotated[int, Field(ge=8, le=100_000)]

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.max < self.min:
            msg = "max lies below min"
            raise ValueError(msg)
        return self


class MixEntry(Frozen):
    """One kind of request and its share.

    `samples` is a folder with `task.json` and `*.txt`. With `tokens` the documents are generated
    instead, and the task is `task` or that of `samples`.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,40}$")]
    weight: Annotated[float, Field(gt=0)] = 1.0
    samples: Path | None = None
    task: Task | None = None
    tokens: Tokens | None = None

    @field_validator("tokens", mode="before")
    @classmethod
    def _one_length(cls, value: object) -> object:
        return {"min": value, "max": value} if isinstance(value, int) else value

    @model_validator(mode="after")
    def _says_what(self) -> Self:
        if self.samples is None and (self.task is None or self.tokens is None):
            msg = "give samples (a folder), or task and tokens"
            raise ValueError(msg)
        if self.samples is not None and self.task is not None:
            msg = "samples bring their own task; leave out task or samples"
            raise ValueError(msg)
        return self


class Limits(Frozen):
    """Beyond these the run is no valid measurement."""

    lag_p99_ms: Annotated[float, Field(gt=0)] = 100.0
    clock_jump_ms: Annotated[float, Field(gt=0)] = 50.0
    busy: Annotated[float, Field(gt=0, le=1)] = 0.9


class Scenario(Frozen):
    """One load test.

    `rows`: publish as the producer library does, a row and a message; without, messages alone.
    `follow`: wait for what becomes of them; without, only the generator is tried.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,60}$")]
    duration_s: Seconds
    drain_s: Seconds = 300.0
    seed: int = 1
    senders: Annotated[int, Field(ge=1, le=256)] = 8
    rows: bool = True
    follow: bool = True
    arrivals: Arrivals
    mix: Annotated[tuple[MixEntry, ...], Field(min_length=1)]
    valid: Limits = Limits()

    @field_validator("mix")
    @classmethod
    def _named_once(cls, mix: tuple[MixEntry, ...], _info: ValidationInfo) -> tuple[MixEntry, ...]:
        if len({entry.name for entry in mix}) < len(mix):
            msg = "each name must occur once"
            raise ValueError(msg)
        return mix

    @model_validator(mode="after")
    def _can_be_followed(self) -> Self:
        if isinstance(self.arrivals, Closed) and not self.follow:
            msg = "closed clients wait for answers: follow cannot be false"
            raise ValueError(msg)
        return self

    @property
    def is_open(self) -> bool:
        """True when requests arrive whatever the system does."""
        return not isinstance(self.arrivals, Closed)

    def at_rate(self, rate_per_s: float, *, duration_s: float) -> "Scenario":
        """The same mixture as Poisson arrivals at a rate, for a sweep."""
        arrivals = Poisson(kind="poisson", rate_per_s=rate_per_s)
        return self.model_copy(update={"arrivals": arrivals, "duration_s": duration_s})


def load_scenario(path: Path) -> Scenario:
    """A scenario from its file (TOML, or JSON as a sweep writes it). Paths count from its folder.

    Raises:
        ScenarioError: it is not there, not TOML, or not a scenario; with every mistake.
    """
    try:
        text = path.read_text(encoding="utf-8")
        raw = json.loads(text) if path.suffix == ".json" else tomllib.loads(text)
    except OSError as error:
        raise ScenarioError(f"{path} cannot be read: {error.strerror}") from None
    except ValueError as error:
        raise ScenarioError(f"{path} cannot be parsed: {error}") from None
    try:
        scenario = Scenario.model_validate(raw)
    except ValidationError as error:
        raise ScenarioError(f"{path}: {mistakes(error)}") from None
    return _with_absolute_paths(scenario, path.resolve().parent)


def _with_absolute_paths(scenario: Scenario, folder: Path) -> Scenario:
    mix = tuple(
        entry.model_copy(update={"samples": folder / entry.samples}) if entry.samples else entry
        for entry in scenario.mix
    )
    arrivals = scenario.arrivals
    if isinstance(arrivals, Trace):
        arrivals = arrivals.model_copy(update={"file": folder / arrivals.file})
    return scenario.model_copy(update={"mix": mix, "arrivals": arrivals})


def mistakes(error: ValidationError) -> str:
    """Every mistake: where, and what. Never the value."""
    found = error.errors(include_input=False, include_url=False)
    return "; ".join(
        f"{'.'.join(str(part) for part in one['loc']) or 'the file'}: {one['msg']}" for one in found
    )
