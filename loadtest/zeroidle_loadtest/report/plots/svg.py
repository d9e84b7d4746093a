"""Axes, scales and marks as SVG text. Colours are classes that the page's style gives.

Every chart is drawn twice, for a laptop's width and for a phone's, so that letters keep their size.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

Points = Sequence[tuple[float, float]]
Format = Callable[[float], str]

WIDE, NARROW = 840, 360
_STEPS = (1, 2, 2.5, 5, 10)


@dataclass(frozen=True)
class Chart:
    """One figure: what it shows, what it says in a sentence, and the drawing in both widths."""

    slug: str
    title: str
    caption: str
    summary: str
    wide: str
    narrow: str
    legend: tuple[tuple[str, str], ...] = ()

    @classmethod
    def draw(
        cls,
        *,
        slug: str,
        title: str,
        caption: str,
        summary: str,
        legend: Sequence[tuple[str, str]] = (),
        painter: "Callable[[int], str]",
    ) -> "Chart":
        """Paint both widths. `legend` pairs a class with its name."""
        return cls(
            slug=slug,
            title=title,
            caption=caption,
            summary=summary,
            wide=painter(WIDE),
            narrow=painter(NARROW),
            legend=tuple(legend),
        )


@dataclass(frozen=True)
class Scale:
    """From values to pixels, on a straight or a logarithmic axis."""

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """The pixel; values beyond the ends are drawn at the ends."""
        low, high, at = self.low, self.high, min(max(value, self.low), self.high)
        if self.is_log:
            low, high, at = math.log10(low), math.log10(high), math.log10(at)
        share = (at - low) / (high - low) if high > low else 0.5
        return self.start + share * (self.end - self.start)

    def ticks(self, wanted: int) -> list[float]:
        """Round values between low and high, about so many."""
        if self.is_log:
            return _log_ticks(self.low, self.high, wanted)
        step = _round_step((self.high - self.low) / max(1, wanted))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        return [round(index * step, 12) for index in range(first, last + 1)]


def _round_step(rough: float) -> float:
    if rough <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(rough))
    return next(step * power for step in _STEPS if step * power >= rough * 0.999)


def _log_ticks(low: float, high: float, wanted: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    for digits in ((1, 2, 5), (1, 3), (1,)):
        ticks = [digit * 10.0**power for power in decades for digit in digits]
        ticks = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(ticks) <= wanted:
            break
    return ticks


def up_to(value: float) -> float:
    """A round number a little above: the top of an axis."""
    if value <= 0 or not math.isfinite(value):
        return 1.0
    step = _round_step(value / 5)
    return math.ceil(value * 1.02 / step) * step


@dataclass(frozen=True)
class Panel:
    """A plot's area with its two scales."""

    x: Scale
    y: Scale

    def axes(
        self,
        *,
        x_format: Format | None,
        y_format: Format,
        x_ticks: int = 6,
        y_ticks: int = 4,
        x_name: str = "",
        y_name: str = "",
    ) -> str:
        """Grid, ticks and names."""
        left, right, top, bottom = self.x.start, self.x.end, self.y.end, self.y.start
        parts = []
        for tick in self.y.ticks(y_ticks):
            at = self.y(tick)
            parts.append(stroke("grid", left, right, at, at))
            parts.append(text(left - 8, at + 4, y_format(tick), "tick end"))
        parts.append(stroke("axis", left, right, bottom, bottom))
        if x_format is not None:
            for tick in self.x.ticks(x_ticks):
                at = self.x(tick)
                parts.append(stroke("axis", at, at, bottom, bottom + 4))
                parts.append(text(at, bottom + 18, x_format(tick), "tick middle"))
        if x_name:
            parts.append(text((left + right) / 2, bottom + 38, x_name, "name middle"))
        if y_name:
            parts.append(text(0, top - 10, y_name, "name"))
        return "".join(parts)

    def line(self, points: Points, kind: str) -> str:
        """A line through points."""
        return f'<path class="line {kind}" d="{self._path(points)}"/>'

    def steps(self, points: Points, kind: str) -> str:
        """A line that keeps each value until the next."""
        stepped: list[tuple[float, float]] = []
        for index, (x, y) in enumerate(points):
            if index:
                stepped.append((x, points[index - 1][1]))
            stepped.append((x, y))
        return self.line(stepped, kind)

    def area(self, low: Points, high: Points, kind: str) -> str:
        """Between two lines."""
        return f'<path class="area {kind}" d="{self._path([*high, *reversed(low)])}Z"/>'

    def mark(self, x: float, y: float, kind: str, tip: str, radius: float = 4.5) -> str:
        """A point, with what it says when it is pointed at."""
        return (
            f'<circle class="mark {kind}" cx="{self.x(x):.1f}" cy="{self.y(y):.1f}" r="{radius:g}" '
            f'data-tip="{escape(tip)}"><title>{escape(tip)}</title></circle>'
        )

    def whisker(self, x: float, low: float, high: float, kind: str) -> str:
        """An interval."""
        at, top, bottom = self.x(x), self.y(high), self.y(low)
        return (
            f'<path class="whisker {kind}" d="M{at:.1f} {bottom:.1f}V{top:.1f}'
            f'M{at - 4:.1f} {top:.1f}h8M{at - 4:.1f} {bottom:.1f}h8"/>'
        )

    def across(self, y: float, kind: str, label: str) -> str:
        """A level, named at its right end."""
        at = self.y(y)
        rule = stroke(f"rule {kind}", self.x.start, self.x.end, at, at)
        return rule + text(self.x.end, at - 6, label, f"note end {kind}")

    def upright(self, x: float, kind: str, label: str) -> str:
        """A moment or a rate, named at its top."""
        at = self.x(x)
        is_right = at > (self.x.start + self.x.end) / 2
        where = text(
            at - 6 if is_right else at + 6,
            self.y.end + 12,
            label,
            f"note {kind}" + (" end" if is_right else ""),
        )
        return stroke(f"rule {kind}", at, at, self.y.end, self.y.start) + where

    def _path(self, points: Points) -> str:
        return "".join(
            f"{'L' if index else 'M'}{self.x(x):.1f} {self.y(y):.1f}"
            for index, (x, y) in enumerate(points)
        )


def stroke(kind: str, x1: float, x2: float, y1: float, y2: float) -> str:
    """A straight line."""
    return f'<line class="{kind}" x1="{x1:.1f}" x2="{x2:.1f}" y1="{y1:.1f}" y2="{y2:.1f}"/>'


def text(x: float, y: float, words: str, kind: str) -> str:
    """A label."""
    return f'<text class="{kind}" x="{x:.1f}" y="{y:.1f}">{escape(words)}</text>'


def box(x: float, y: float, width: float, height: float, kind: str, tip: str) -> str:
    """A bar's piece."""
    return (
        f'<rect class="bar {kind}" x="{x:.1f}" y="{y:.1f}" width="{max(0.0, width):.1f}" '
        f'height="{height:g}" data-tip="{escape(tip)}"><title>{escape(tip)}</title></rect>'
    )


def canvas(width: int, height: int, summary: str, *parts: str) -> str:
    """The drawing, with its sentence for those who cannot see it."""
    return (
        f'<svg viewBox="0 0 {width} {height}" width="{width}" height="{height}" role="img" '
        f'aria-label="{escape(summary)}">{"".join(parts)}</svg>'
    )
