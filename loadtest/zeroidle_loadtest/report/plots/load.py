"""Latency and goodput against the offered rate, and the knee: the highest rate kept up with."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from zeroidle_loadtest.analysis import Figures, latencies_s
from zeroidle_loadtest.intervals import Interval, interval, quantile
from zeroidle_loadtest.record import RequestRecord
from zeroidle_loadtest.report.plots.svg import NARROW, Chart, Panel, Scale, canvas, up_to
from zeroidle_loadtest.report.words import number, seconds

MOST_WINDOWS = 10
FEWEST_IN_WINDOW = 20
KEPT = 0.95
"""Goodput over offered rate at the knee."""


@dataclass(frozen=True)
class AtRate:
    """What one offered rate came to: a run of a sweep, or a window of one run."""

    offered_per_s: float
    goodput_per_s: float
    p50: Interval
    p95: Interval


def at_rates(figures: Sequence[Figures]) -> list[AtRate]:
    """A point a run of a sweep; of a single run, a point a window of its time."""
    if len(figures) > 1:
        points = [
            AtRate(
                offered_per_s=one.offered_per_s,
                goodput_per_s=one.offered_per_s * _good_share(one.measured.requests, one.limit_s),
                p50=one.latency.p50,
                p95=one.latency.p95,
            )
            for one in figures
        ]
    else:
        points = list(_windows(figures[0]))
    return sorted(points, key=lambda point: point.offered_per_s)


def _windows(figures: Figures) -> list[AtRate]:
    requests = figures.measured.requests
    count = max(1, min(MOST_WINDOWS, len(requests) // FEWEST_IN_WINDOW))
    length_s = figures.run.load_ended_ms / 1000 / count
    windows: list[list[RequestRecord]] = [[] for _ in range(count)]
    for request in requests:
        windows[min(count - 1, int(request.intended_ms / 1000 / length_s))].append(request)
    points = []
    for window in windows:
        if not window:
            continue
        latencies = latencies_s(window)
        points.append(
            AtRate(
                offered_per_s=len(window) / length_s,
                goodput_per_s=len(window) / length_s * _good_share(window, figures.limit_s),
                p50=interval(latencies, quantile(0.5)),
                p95=interval(latencies, quantile(0.95)),
            )
        )
    return points


def _good_share(requests: Sequence[RequestRecord], limit_s: float | None) -> float:
    latencies = latencies_s(requests)
    return float(((latencies <= (limit_s or math.inf)) & (latencies < math.inf)).mean())


def knee_per_s(figures: Sequence[Figures]) -> float | None:
    """The highest offered rate below the first that was not kept up with; None when none was.

    None too for a run at one rate: its windows share a queue, so a good window says little.
    """
    if not varies_its_rate(figures):
        return None
    knee = None
    for point in at_rates(figures):
        if point.goodput_per_s < KEPT * point.offered_per_s:
            break
        knee = point.offered_per_s
    return knee


def varies_its_rate(figures: Sequence[Figures]) -> bool:
    """True for a sweep, and for a run whose rate ramps."""
    return len(figures) > 1 or figures[0].run.load.arrivals == "ramp"


def chart(figures: Sequence[Figures]) -> Chart:
    """The chart."""
    points, limit_s = at_rates(figures), figures[0].limit_s
    knee, is_varied = knee_per_s(figures), varies_its_rate(figures)
    kind = "runs of a sweep" if len(figures) > 1 else "windows of this run"
    if knee:
        said = f"goodput keeps up to {number(knee)} jobs a second"
    elif is_varied:
        said = "goodput keeps up with none of these rates"
    else:
        said = "one rate alone has no knee, zeroidle-load sweep finds it"
    within = f" within {seconds(limit_s)}" if limit_s else ""
    summary = f"Over {len(points)} {kind}: {said}."
    return Chart.draw(
        slug="load",
        title="Latency against offered rate",
        caption=f"Points are {kind}; whiskers are 95 % confidence intervals. Goodput counts jobs "
        f"that succeeded{within}. Knee: the highest rate with a goodput of "
        f"{KEPT:.0%} of what was offered.",
        summary=summary,
        legend=(("c2", "p95 latency"), ("c1", "median latency"), ("c3", "goodput")),
        painter=lambda width: _paint(width, points, limit_s, knee, summary, is_varied=is_varied),
    )


def _paint(
    width: int,
    points: list[AtRate],
    limit_s: float | None,
    knee: float | None,
    summary: str,
    *,
    is_varied: bool,
) -> str:
    left, right = 62, width - 16
    top = up_to(max([_finite(p.p95) for p in points] + [limit_s or 0.0]))
    fastest = up_to(max(point.offered_per_s for point in points))
    x = Scale(0, fastest, left, right)
    upper = Panel(x, Scale(0, top, 220, 34))
    lower = Panel(x, Scale(0, fastest, 390, 274))
    ticks = 4 if width == NARROW else 8
    parts = [
        upper.axes(x_format=None, y_format=seconds, y_name="latency"),
        lower.axes(
            x_format=number,
            y_format=number,
            x_ticks=ticks,
            y_ticks=3,
            x_name="offered, jobs a second",
            y_name="goodput, jobs a second",
        ),
        lower.line([(0, 0), (fastest, fastest)], "ideal"),
    ]
    if limit_s:
        parts.append(upper.across(limit_s, "limit", f"SLO {seconds(limit_s)}"))
    if knee:
        parts += [
            upper.upright(knee, "knee", f"knee {number(knee)}/s"),
            lower.upright(knee, "knee", ""),
        ]
    lines = (("c2", "p95", [p.p95 for p in points]), ("c1", "median", [p.p50 for p in points]))
    for kind, name, values in lines:
        shown = [
            (point, found)
            for point, found in zip(points, values, strict=True)
            if math.isfinite(found.value)
        ]
        if is_varied:
            parts.append(upper.line([(p.offered_per_s, found.value) for p, found in shown], kind))
        for point, found in shown:
            if found.low is not None and found.high is not None and math.isfinite(found.high):
                parts.append(upper.whisker(point.offered_per_s, found.low, found.high, kind))
            tip = f"{number(point.offered_per_s)}/s: {name} {seconds(found.value)}"
            parts.append(upper.mark(point.offered_per_s, found.value, kind, tip))
    if is_varied:
        parts.append(lower.line([(p.offered_per_s, p.goodput_per_s) for p in points], "c3"))
    for point in points:
        tip = f"{number(point.offered_per_s)}/s offered: {number(point.goodput_per_s)}/s good"
        parts.append(lower.mark(point.offered_per_s, point.goodput_per_s, "c3", tip))
    return canvas(width, 436, summary, *parts)


def _finite(found: Interval) -> float:
    values = (found.value, found.high or 0.0)
    return max((value for value in values if math.isfinite(value)), default=0.0)
