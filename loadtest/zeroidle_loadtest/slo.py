"""Thresholds (`slo.toml`) and the comparison with what was measured.

Every request counts: one that did not succeed counts as infinitely late.
"""

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

from pydantic import Field, ValidationError

from zeroidle_contract.task import Frozen
from zeroidle_loadtest.errors import ScenarioError
from zeroidle_loadtest.quantiles import quantile
from zeroidle_loadtest.record import SloCheck
from zeroidle_loadtest.scenario import mistakes

Limit = Annotated[float, Field(gt=0)]
Share = Annotated[float, Field(ge=0, le=1)]


class Slo(Frozen):
    """Limits; those that are not given are not checked. Without a file all must succeed."""

    latency_p50_s: Limit | None = None
    latency_p95_s: Limit | None = None
    latency_p99_s: Limit | None = None
    success_ratio: Share = 1.0
    cold_start_ratio: Share | None = None
    compute_usd_per_thousand: Limit | None = None


def load_slo(path: Path | None) -> Slo:
    """The thresholds of a file; the least of all without one.

    Raises:
        ScenarioError: it is not there, or no such file.
    """
    if path is None:
        return Slo()
    try:
        return Slo.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ScenarioError(f"{path} cannot be read: {error.strerror}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ScenarioError(f"{path} is not TOML: {error}") from None
    except ValidationError as error:
        raise ScenarioError(f"{path}: {mistakes(error)}") from None


def check(
    slo: Slo,
    *,
    latencies_ms: Sequence[float],
    submitted: int,
    cold_starts: int,
    compute_usd: float | None,
) -> tuple[SloCheck, ...]:
    """Compare. `latencies_ms` are those of the requests that succeeded, ascending."""
    succeeded = len(latencies_ms)
    checks = [_at_least("success_ratio", slo.success_ratio, _ratio(succeeded, submitted))]
    for name, limit_s, share in (
        ("latency_p50_s", slo.latency_p50_s, 0.50),
        ("latency_p95_s", slo.latency_p95_s, 0.95),
        ("latency_p99_s", slo.latency_p99_s, 0.99),
    ):
        if limit_s is not None:
            measured_s = _latency_s(latencies_ms, submitted, share)
            checks.append(_at_most(name, limit_s, measured_s))
    if slo.cold_start_ratio is not None:
        measured = _ratio(cold_starts, succeeded)
        checks.append(_at_most("cold_start_ratio", slo.cold_start_ratio, measured))
    if slo.compute_usd_per_thousand is not None:
        usd = compute_usd * 1000 / succeeded if compute_usd is not None and succeeded else None
        limit = slo.compute_usd_per_thousand
        checks.append(_at_most("compute_usd_per_thousand", limit, usd))
    return tuple(checks)


def _latency_s(latencies_ms: Sequence[float], submitted: int, share: float) -> float | None:
    """None where the quantile falls on a request that did not succeed."""
    if not latencies_ms or share * submitted > len(latencies_ms):
        return None
    return quantile(latencies_ms, share * submitted / len(latencies_ms)) / 1000


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def _at_most(name: str, limit: float, measured: float | None) -> SloCheck:
    is_met = measured is not None and measured <= limit
    return SloCheck(name=name, limit=limit, measured=measured, is_met=is_met)


def _at_least(name: str, limit: float, measured: float | None) -> SloCheck:
    is_met = measured is not None and measured >= limit
    return SloCheck(name=name, limit=limit, measured=measured, is_met=is_met)
