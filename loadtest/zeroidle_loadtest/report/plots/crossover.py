"""Dollars of a task by its context length: Lambda, managed APIs, a GPU instance."""

from collections.abc import Sequence
from dataclasses import dataclass

from zeroidle_loadtest.cost.alternatives import Alternative
from zeroidle_loadtest.cost.crossover import CONTEXTS, TOKENS_OUT
from zeroidle_loadtest.report.plots.svg import NARROW, Chart, Panel, Points, Scale, canvas, text
from zeroidle_loadtest.report.words import usd, usd_tick

LONGEST_LABEL = 24


@dataclass(frozen=True)
class Curve:
    """One line of the chart: a name, a class, and who is asked."""

    name: str
    kind: str
    source: Alternative
    has_band: bool = False


def chart(curves: Sequence[Curve], summary: str) -> Chart:
    """The chart. `summary` says in a sentence what it comes to."""
    return Chart.draw(
        slug="crossover",
        title="Crossover by context length",
        caption=f"One task, {TOKENS_OUT} tokens written, both axes logarithmic. Shaded: the range "
        "of the projection. Lines are different models: price is not worth.",
        summary=summary,
        legend=tuple((curve.kind, curve.name) for curve in curves),
        painter=lambda width: _paint(width, curves, summary),
    )


def _points(curve: Curve, bound: str = "mid") -> Points:
    return [
        (
            float(tokens),
            getattr(curve.source.usd(tokens_in=tokens, tokens_out=TOKENS_OUT), bound),
        )
        for tokens in CONTEXTS
    ]


def _paint(width: int, curves: Sequence[Curve], summary: str) -> str:
    bounds = [(_points(curve, "low"), _points(curve, "high")) for curve in curves]
    lowest = min(value for low, _ in bounds for _, value in low)
    highest = max(value for _, high in bounds for _, value in high)
    room = 16 if width == NARROW else 200
    x = Scale(CONTEXTS[0], CONTEXTS[-1], 72, width - room, is_log=True)
    panel = Panel(x, Scale(lowest * 0.8, highest * 1.2, 350, 34, is_log=True))
    parts = [
        panel.axes(
            x_format=lambda value: f"{value:,.0f}",
            y_format=usd_tick,
            x_ticks=4 if width == NARROW else 7,
            y_ticks=8,
            x_name="tokens read",
            y_name="one task",
        )
    ]
    for curve, (low, high) in zip(curves, bounds, strict=True):
        if curve.has_band:
            parts.append(panel.area(low, high, curve.kind))
    ends = []
    for curve in curves:
        points = _points(curve)
        parts.append(panel.line(points, curve.kind))
        for tokens, value in points:
            tip = f"{curve.name}: {usd(value)} for {tokens:,.0f} tokens"
            parts.append(panel.mark(tokens, value, curve.kind, tip, radius=2.5))
        ends.append((panel.y(points[-1][1]), curve))
    if width != NARROW:
        parts += _labels(ends, x.end + 10)
    return canvas(width, 396, summary, *parts)


def _labels(ends: list[tuple[float, Curve]], x: float) -> list[str]:
    """Names at the lines' ends, moved apart where they would touch."""
    apart, labels, last = 15.0, [], -100.0
    for y, curve in sorted(ends, key=lambda end: end[0]):
        at = max(y + 4, last + apart)
        last = at
        name = curve.name if len(curve.name) <= LONGEST_LABEL else curve.name.split(" ")[0] + " …"
        labels.append(text(x, at, name, f"note {curve.kind}"))
    return labels
