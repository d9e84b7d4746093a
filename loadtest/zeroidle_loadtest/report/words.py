"""Durations, dollars and counts as the report writes them."""

import math
from collections.abc import Callable

from zeroidle_loadtest.cost.assumptions import Band
from zeroidle_loadtest.intervals import Interval
from zeroidle_loadtest.record import SloCheck

_SHORT_S, _ONE_DIGIT_S, _LONG_S = 0.0995, 10, 600
_HUNDRED, _THOUSAND = 100, 1000
_MILLIONTH_SHOWN = 0.001
_CENTS = 2


def seconds(value: float) -> str:
    """A duration as people say it."""
    if not math.isfinite(value):
        return "never"
    if value < _SHORT_S:
        return f"{value * 1000:.0f} ms" if value else "0 s"
    if value < _ONE_DIGIT_S:
        return f"{value:.1f} s".replace(".0 s", " s")
    return f"{value:.0f} s" if value < _LONG_S else f"{value / 60:.0f} min"


def usd(value: float) -> str:
    """Dollars with two digits that count."""
    if value == 0:
        return "$0"
    if value >= _THOUSAND:
        return f"${value:,.0f}"
    digits = max(_CENTS, 1 - math.floor(math.log10(abs(value))))
    return f"${value:.{digits}f}"


def usd_tick(value: float) -> str:
    """A round number of dollars on an axis."""
    return f"${value:.12f}".rstrip("0").rstrip(".") if value < 1 else f"${value:,.0f}"


def number(value: float) -> str:
    """A count, or a rate, without needless digits."""
    if abs(value) >= _THOUSAND or value == int(value):
        return f"{value:,.0f}"
    return f"{value:.3g}"


def objective(check: SloCheck) -> tuple[str, str, str]:
    """A threshold's name, what was measured, and its limit, each with its unit."""
    name = check.name
    shown: Callable[[float], str] = number
    if name.endswith("_s"):
        name, shown = name.removesuffix("_s"), seconds
    elif name.endswith("_ratio"):
        name, shown = name.removesuffix("_ratio"), percent
    elif "_usd_" in name:
        name, shown = name.replace("_usd", ""), usd
    measured = "nothing measured" if check.measured is None else shown(check.measured)
    return name.replace("_", " "), measured, shown(check.limit)


def percent(share: float) -> str:
    """A share, without needless digits."""
    return f"{100 * share:.3g} %"


def seconds_with_interval(found: Interval) -> str:
    """A duration and its confidence interval."""
    if found.low is None or found.high is None:
        return seconds(found.value)
    return f"{seconds(found.value)} ({seconds(found.low)} to {seconds(found.high)})"


def usd_with_range(band: Band) -> str:
    """Dollars and their range."""
    if band.is_exact:
        return usd(band.mid)
    return f"{usd(band.mid)} ({usd(band.low)} to {usd(band.high)})"


def usd_or_nothing(band: Band | None) -> str:
    """Dollars for what succeeded."""
    return "nothing succeeded" if band is None else usd_with_range(band)


def amount_with_range(band: Band, unit: str = "") -> str:
    """A quantity and its range."""
    if band.is_exact:
        return f"{number(band.mid)}{unit}"
    return f"{_three(band.mid)}{unit} ({_three(band.low)} to {_three(band.high)})"


def unit_usd(value: float) -> str:
    """The price of one unit; of a million where one costs next to nothing."""
    if value < _MILLIONTH_SHOWN:
        text = f"{value * 1_000_000:.3f}"
        return f"${text.removesuffix('0')} a million"
    return usd(value)


def _three(value: float) -> str:
    if value >= _HUNDRED:
        return f"{value:,.0f}"
    if 0 < value < _MILLIONTH_SHOWN:
        return f"{value:.{1 - math.floor(math.log10(value))}f}"
    return f"{value:.3g}"
