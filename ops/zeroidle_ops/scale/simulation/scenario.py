"""Scenario files (TOML): what is sent, what goes wrong, and what the stack may do and cost.

A scenario knows nothing of policies, but for `static_limit`: the number that somebody who knew
the load beforehand would have set.
"""

import tomllib
from importlib import resources
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from zeroidle_ops.errors import InputError

SUFFIX = ".toml"


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class RatePoint(_Strict):
    """Jobs a second at a moment; linear between two points."""

    at_s: float = Field(default=0, ge=0)
    per_s: float = Field(ge=0)


class Burst(_Strict):
    """Many jobs at once."""

    at_s: float = Field(ge=0)
    jobs: int = Field(ge=1)
    over_s: float = Field(gt=0)


class Storm(_Strict):
    """Poison: this share of what is sent meanwhile fails after it was computed, each attempt.

    From `mended_at_s` on they are refused at the door instead, which costs no inference.
    """

    from_s: float = Field(ge=0)
    until_s: float = Field(gt=0)
    share: float = Field(gt=0, le=1)
    mended_at_s: float = Field(gt=0)


class Slowness(_Strict):
    """A dependency that meanwhile serves no more than so many invocations at full speed.

    With n invocations at once, each takes n / `knee` times as long: more concurrency buys nothing
    but a larger bill.
    """

    from_s: float = Field(ge=0)
    until_s: float = Field(gt=0)
    knee: int = Field(ge=1)


class Scenario(_Strict):
    """One file. Sending stops at `duration_s`; the run goes on for `drain_s` at most."""

    name: str = Field(pattern=r"^[a-z0-9-]+$")
    about: str
    duration_s: float = Field(gt=0)
    drain_s: float = Field(ge=0)
    drain_target_s: float = Field(gt=0)
    hourly_budget_usd: float | None = Field(default=None, gt=0)
    static_limit: int = Field(ge=2, le=1000)
    account_limit: int = Field(default=1000, ge=1)
    batch_size: int = Field(default=10, ge=1, le=10_000)
    batching_window_s: float = Field(default=0, ge=0, le=300)
    timeout_s: float = Field(default=300, gt=0, le=900)
    max_attempts: int = Field(default=3, ge=1)
    rates: tuple[RatePoint, ...] = ()
    bursts: tuple[Burst, ...] = ()
    storms: tuple[Storm, ...] = ()
    slowness: tuple[Slowness, ...] = ()

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        times = [point.at_s for point in self.rates]
        if times != sorted(set(times)):
            raise ValueError("rates: at_s must ascend")
        if not self.rates and not self.bursts:
            raise ValueError("nothing is sent: give [[rates]] or [[bursts]]")
        if self.batch_size > 10 and self.batching_window_s < 1:  # noqa: PLR2004 - Lambda's rule
            raise ValueError("a batch_size above 10 needs a batching_window_s of 1 or more")
        spells: tuple[Storm | Slowness, ...] = (*self.storms, *self.slowness)
        if any(one.from_s >= one.until_s for one in spells):
            raise ValueError("storms and slowness: from_s must be before until_s")
        return self


def load_scenario(name_or_file: str) -> Scenario:
    """A scenario that ships with this version, by its name, or a file of one's own.

    Raises:
        InputError: there is none, or it does not hold what a scenario needs.
    """
    path = Path(name_or_file)
    if path.suffix == SUFFIX:
        try:
            return _parse(path.read_text(encoding="utf-8"), name_or_file)
        except OSError as error:
            raise InputError(f"{name_or_file} cannot be read: {error.strerror}") from error
    shipped = _folder().joinpath(name_or_file + SUFFIX)
    if not shipped.is_file():
        raise InputError(
            f"there is no scenario {name_or_file!r}; there are {', '.join(shipped_names())}, "
            f"or name a {SUFFIX} file"
        )
    return _parse(shipped.read_text(encoding="utf-8"), name_or_file)


def shipped_names() -> list[str]:
    """The scenarios that ship with this version."""
    return sorted(
        file.name.removesuffix(SUFFIX) for file in _folder().iterdir() if file.name.endswith(SUFFIX)
    )


def _folder() -> resources.abc.Traversable:
    return resources.files(__package__).joinpath("scenarios")


def _parse(text: str, source: str) -> Scenario:
    try:
        return Scenario.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{source} is no TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "scenario"
        raise InputError(f"{source}: {where}: {first['msg']}") from error
