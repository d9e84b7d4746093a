"""The courses of one seed as a page: backlog, concurrency, cost and age over time.

One HTML file with inline SVG, without scripts or network. Knows nothing of how they came about.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from zeroidle_ops.scale.simulation.meter import Moment

WIDTH, HEIGHT = 520, 190
LEFT, RIGHT, TOP, BOTTOM = 58, 8, 22, 24
COLOURS = {
    "zeroidle": "#d1242f",
    "unchanged": "#6e7781",
    "static": "#8250df",
    "aws-default": "#0969da",
    "keda": "#1a7f37",
    "target-tracking": "#bc4c00",
}
OTHER_COLOUR = "#24292f"
STYLE = """
body { font: 14px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 1100px;
  color: #1f2328; background: #fff; }
h2 { margin: 2rem 0 .2rem; } p { margin: .2rem 0; }
svg { font: 11px system-ui, sans-serif; } .grid { stroke: #d8dee4; }
.legend span { margin-right: 1rem; }
.panels { display: flex; flex-wrap: wrap; gap: 8px; }
"""


@dataclass(frozen=True)
class Panel:
    """One quantity over time; small and large values are told apart on a logarithmic axis."""

    title: str
    value: Callable[[Moment], float]
    is_logarithmic: bool = False


PANELS = (
    Panel(
        "backlog, messages", lambda moment: moment.waiting + moment.in_flight, is_logarithmic=True
    ),
    Panel(
        "concurrency, environments that run", lambda moment: moment.concurrency, is_logarithmic=True
    ),
    Panel("cost until then, USD", lambda moment: moment.cost_usd),
    Panel(
        "age of the oldest waiting message, s",
        lambda moment: moment.oldest_age_s,
        is_logarithmic=True,
    ),
)


@dataclass(frozen=True)
class Course:
    """One run's course, by the policy's name."""

    policy: str
    moments: Sequence[Moment]


@dataclass(frozen=True)
class Chapter:
    """One scenario."""

    name: str
    about: str
    courses: Sequence[Course]


def page(chapters: Sequence[Chapter], *, subtitle: str) -> str:
    """The whole page."""
    body = "".join(map(_chapter, chapters))
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f"<title>zeroidle scale simulate</title><style>{STYLE}</style></head><body>"
        f"<h1>Simulated scaling policies</h1><p>{escape(subtitle)}</p>{body}</body></html>\n"
    )


def _chapter(chapter: Chapter) -> str:
    legend = "".join(
        f'<span style="color:{_colour(course.policy)}">■ {escape(course.policy)}</span>'
        for course in chapter.courses
    )
    panels = "".join(_panel(panel, chapter.courses) for panel in PANELS)
    return (
        f"<h2>{escape(chapter.name)}</h2><p>{escape(chapter.about)}</p>"
        f'<p class="legend">{legend}</p><div class="panels">{panels}</div>'
    )


def _panel(panel: Panel, courses: Sequence[Course]) -> str:
    end_s = max(course.moments[-1].at_s for course in courses)
    most = max(panel.value(moment) for course in courses for moment in course.moments) or 1.0
    axis = _Axis(most=most, is_logarithmic=panel.is_logarithmic and most > 100)  # noqa: PLR2004
    lines = "".join(_line(panel, course, end_s=end_s, axis=axis) for course in courses)
    across = "".join(
        f'<line class="grid" x1="{LEFT}" x2="{WIDTH - RIGHT}" y1="{axis.y(tick):.1f}" '
        f'y2="{axis.y(tick):.1f}"/><text x="{LEFT - 4}" y="{axis.y(tick) + 4:.1f}" '
        f'text-anchor="end">{tick:,.6g}</text>'
        for tick in axis.ticks()
    )
    hours = [end_s / 3600 * quarter / 4 for quarter in range(5)]
    along = "".join(
        f'<text x="{_x(hour * 3600, end_s):.1f}" y="{HEIGHT - 6}" text-anchor="middle">'
        f"{hour:.1f} h</text>"
        for hour in hours[1:4]
    )
    return (
        f'<svg width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{escape(panel.title)}"><text x="{LEFT}" y="14" font-weight="600">'
        f"{escape(panel.title)}</text>{across}{along}{lines}</svg>"
    )


@dataclass(frozen=True)
class _Axis:
    """Values to heights. A logarithmic axis begins at 1; below, everything is at the foot."""

    most: float
    is_logarithmic: bool

    def y(self, value: float) -> float:
        if self.is_logarithmic:
            share = math.log10(max(1.0, value)) / math.log10(self.most)
        else:
            share = value / self.most
        return HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM)

    def ticks(self) -> list[float]:
        if self.is_logarithmic:
            return [10.0**power for power in range(math.floor(math.log10(self.most)) + 1)]
        step = 10 ** math.floor(math.log10(self.most))
        if self.most / step < 2:  # noqa: PLR2004 - at least three lines
            step /= 2
        return [step * number for number in range(math.floor(self.most / step) + 1)]


def _line(panel: Panel, course: Course, *, end_s: float, axis: _Axis) -> str:
    points = " ".join(
        f"{_x(moment.at_s, end_s):.1f},{axis.y(panel.value(moment)):.1f}"
        for moment in course.moments
    )
    return (
        f'<polyline fill="none" stroke="{_colour(course.policy)}" stroke-width="1.4" '
        f'points="{points}"/>'
    )


def _x(at_s: float, end_s: float) -> float:
    return LEFT + at_s / end_s * (WIDTH - LEFT - RIGHT)


def _colour(policy: str) -> str:
    return COLOURS.get(policy, OTHER_COLOUR)
