"""The queue's depth and the concurrency over the run's time."""

from zeroidle_loadtest.analysis import Figures
from zeroidle_loadtest.report.plots.svg import NARROW, Chart, Panel, Scale, canvas, up_to
from zeroidle_loadtest.report.words import number, seconds


def chart(figures: Figures) -> Chart:
    """The chart."""
    samples = figures.run.samples
    deepest = max((sample.queue_visible or 0 for sample in samples), default=0)
    busiest = max((sample.concurrency for sample in samples), default=0)
    summary = (
        f"Over time: at most {deepest:,} messages waiting and {busiest} invocations at once."
        if samples
        else "The queue was not sampled."
    )
    return Chart.draw(
        slug="timeline",
        title="Queue and concurrency over time",
        caption="Waiting: visible messages. Not ended: sent and without a result. Concurrency "
        "counts the invocations that later committed a result.",
        summary=summary,
        legend=(("c1", "waiting"), ("c5", "not ended"), ("c4", "concurrency")),
        painter=lambda width: _paint(width, figures, summary),
    )


def _paint(width: int, figures: Figures, summary: str) -> str:
    run = figures.run
    samples = run.samples
    left, right = 62, width - 16
    x = Scale(0, max(run.ended_ms, 1.0) / 1000, left, right)
    depths = [(sample.at_ms / 1000, float(sample.queue_visible or 0)) for sample in samples]
    pending = [(sample.at_ms / 1000, float(sample.pending)) for sample in samples]
    working = [(sample.at_ms / 1000, float(sample.concurrency)) for sample in samples]
    limit = run.target.maximum_concurrency
    deepest = up_to(max((depth for _, depth in depths + pending), default=1.0))
    busiest = max([count for _, count in working] + [float(limit or 0), 1.0]) * 1.25
    upper = Panel(x, Scale(0, deepest, 200, 34))
    lower = Panel(x, Scale(0, busiest, 330, 254))
    ticks = 4 if width == NARROW else 8
    parts = [
        upper.axes(x_format=None, y_format=number, y_name="jobs"),
        lower.axes(
            x_format=seconds,
            y_format=number,
            x_ticks=ticks,
            y_ticks=2,
            x_name="since the start",
            y_name="invocations at once",
        ),
    ]
    if samples:
        parts += [
            upper.area([(at, 0.0) for at, _ in depths], depths, "c1"),
            upper.line(depths, "c1"),
            upper.line(pending, "c5"),
            lower.steps(working, "c4"),
        ]
    if limit:
        parts.append(lower.across(limit, "limit", f"MaximumConcurrency {limit}"))
    parts.append(upper.upright(run.load_ended_ms / 1000, "knee", "load ends"))
    return canvas(width, 376, summary, *parts)
