"""Finds the highest rate that meets the SLO: doubles until it is missed, then halves the interval.

Each rate is a run of its own, kept in a ledger as soon as it has ended, so that an interrupted
sweep goes on where it stopped. A run that is no valid measurement decides nothing and is not kept:
it is tried again. Knows no stack: `measure` runs a rate.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import ValidationError

from zeroidle_contract.task import Frozen
from zeroidle_loadtest.errors import RecordError
from zeroidle_loadtest.scenario import mistakes

LEDGER_FILE = "sweep.json"
Verdict = Literal["met", "missed", "invalid"]


class Tried(Frozen):
    """One rate, what came of it, and the folder of its run."""

    rate_per_s: float
    verdict: Verdict
    run_id: str
    problems: tuple[str, ...] = ()


class Ledger(Frozen):
    """A sweep so far. `question` identifies scenario, thresholds and stack."""

    schema_version: Literal[1] = 1
    question: str
    tried: tuple[Tried, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Where to look, and how finely: until two neighbours differ by `precision` of the lower."""

    low_per_s: float
    high_per_s: float
    precision: float = 0.1


@dataclass(frozen=True, kw_only=True)
class Answer:
    """The lowest rate that missed the SLO, and the highest below it that met it; None for none.

    `invalid` is the run that ended the sweep early.
    """

    met_per_s: float | None
    missed_per_s: float | None
    tried: tuple[Tried, ...]
    invalid: Tried | None = None


def next_rate(tried: tuple[Tried, ...], bounds: Bounds) -> float | None:
    """The next rate to try; None when the answer stands. Pure."""
    met, missed = _best(tried)
    if met is None:
        if missed is None:
            return bounds.low_per_s
        # The first rate may lie above this sweep's lowest one: bounds may change between two calls.
        return max(missed / 2, bounds.low_per_s) if missed > bounds.low_per_s else None
    if missed is None:
        return min(2 * met, bounds.high_per_s) if met < bounds.high_per_s else None
    return (met + missed) / 2 if missed - met > bounds.precision * met else None


def sweep(
    ledger: Ledger, folder: Path, *, bounds: Bounds, measure: Callable[[float], Tried]
) -> Answer:
    """Try rates until the answer stands. The ledger is written after each."""
    while (rate_per_s := next_rate(ledger.tried, bounds)) is not None:
        tried = measure(rate_per_s)
        if tried.verdict == "invalid":
            met, missed = _best(ledger.tried)
            return Answer(met_per_s=met, missed_per_s=missed, tried=ledger.tried, invalid=tried)
        ledger = ledger.model_copy(update={"tried": (*ledger.tried, tried)})
        save(ledger, folder)
    met, missed = _best(ledger.tried)
    return Answer(met_per_s=met, missed_per_s=missed, tried=ledger.tried)


def open_ledger(folder: Path, question: str) -> Ledger:
    """The sweep of a folder, to be resumed; a new one where there is none.

    Raises:
        RecordError: the folder holds the sweep of another question, or a damaged one.
    """
    if not (folder / LEDGER_FILE).is_file():
        return Ledger(question=question)
    ledger = read_ledger(folder)
    if ledger.question != question:
        raise RecordError(
            f"{folder} holds a sweep of another scenario, SLO or stack; give another --results"
        )
    return ledger


def read_ledger(folder: Path) -> Ledger:
    """The sweep of a folder.

    Raises:
        RecordError: it cannot be read.
    """
    path = folder / LEDGER_FILE
    try:
        return Ledger.model_validate_json(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path} cannot be read ({error.strerror})") from None
    except ValidationError as error:
        raise RecordError(f"{path}: {mistakes(error)}; remove it to begin anew") from None


def save(ledger: Ledger, folder: Path) -> None:
    """Write it whole, or not at all."""
    folder.mkdir(parents=True, exist_ok=True)
    partial = folder / f"{LEDGER_FILE}.partial"
    partial.write_text(ledger.model_dump_json(indent=1) + "\n")
    partial.replace(folder / LEDGER_FILE)


def _best(tried: tuple[Tried, ...]) -> tuple[float | None, float | None]:
    """A rate that met the SLO above one that missed it was luck: it does not count."""
    missed = min((one.rate_per_s for one in tried if one.verdict == "missed"), default=None)
    met = max(
        (
            one.rate_per_s
            for one in tried
            if one.verdict == "met" and (missed is None or one.rate_per_s < missed)
        ),
        default=None,
    )
    return met, missed
