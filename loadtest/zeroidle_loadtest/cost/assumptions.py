"""What the cost report assumes (`assumptions.toml`), each with a range and a reason.

Holds no prices and no measurements.
"""

import tomllib
from dataclasses import dataclass
from datetime import date
from functools import cache
from importlib import resources
from typing import Annotated, Self

from pydantic import Field, model_validator

from zeroidle_contract.task import Frozen


@dataclass(frozen=True)
class Band:
    """A quantity known within a range. `low` and `high` are bounds, not a confidence interval."""

    low: float
    mid: float
    high: float

    @classmethod
    def exactly(cls, value: float) -> Self:
        """A quantity without a range."""
        return cls(value, value, value)

    def __add__(self, other: "Band") -> "Band":
        return Band(self.low + other.low, self.mid + other.mid, self.high + other.high)

    def __mul__(self, factor: "float | Band") -> "Band":
        """Multiply by a number, or by another range that may be at its worst at the same time."""
        by = factor if isinstance(factor, Band) else Band.exactly(factor)
        return Band(self.low * by.low, self.mid * by.mid, self.high * by.high)

    @property
    def is_exact(self) -> bool:
        """True when there is no range."""
        return self.low == self.high


class Assumption(Frozen):
    """A range and its reason."""

    low: Annotated[float, Field(ge=0)]
    mid: Annotated[float, Field(ge=0)]
    high: Annotated[float, Field(ge=0)]
    why: str

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.low <= self.mid <= self.high:
            msg = "low, mid and high must be in order"
            raise ValueError(msg)
        return self

    @property
    def band(self) -> Band:
        """The range."""
        return Band(self.low, self.mid, self.high)


class LambdaSize(Frozen):
    """How many processors a function's memory brings."""

    mb_per_vcpu: Annotated[float, Field(gt=0)]
    why: str


class CoreRatios(Frozen):
    """Seconds of a Lambda core for a second of this machine's, by architecture."""

    arm64: Assumption
    x86_64: Assumption


class GpuRates(Frozen):
    """Tokens a second of a GPU instance with many requests at once."""

    input: Assumption
    output: Assumption


class ReferenceModel(Frozen):
    """An 8B model's measured speed on this machine."""

    cores: Annotated[int, Field(ge=1)]
    read_per_s: Annotated[float, Field(gt=0)]
    written_alone_per_s: Annotated[float, Field(gt=0)]
    written_16_per_s: Annotated[float, Field(gt=0)]
    load_s: Assumption
    why: str


class Assumptions(Frozen):
    """All of them."""

    as_of: date
    core_ratio: CoreRatios
    aws_lambda: Annotated[LambdaSize, Field(alias="lambda")]
    init_s: Assumption
    log_bytes_per_job: Assumption
    trace_share: Assumption
    row_kb: Assumption
    reads_per_job: Assumption
    gpu_tokens_per_s: GpuRates
    shape_8b: ReferenceModel


@cache
def load_assumptions() -> Assumptions:
    """The assumptions that ship with this version."""
    raw = resources.files(__package__).joinpath("assumptions.toml").read_text(encoding="utf-8")
    return Assumptions.model_validate(tomllib.loads(raw))
