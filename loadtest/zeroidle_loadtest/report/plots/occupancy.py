"""What a task costs by the number of jobs in its batch."""

from collections.abc import Sequence

from zeroidle_loadtest.analysis import AtOccupancy
from zeroidle_loadtest.cost.projection import Projection
from zeroidle_loadtest.intervals import Interval
from zeroidle_loadtest.report.plots.svg import NARROW, Chart, Panel, Scale, canvas, up_to
from zeroidle_loadtest.report.words import number, usd, usd_tick


def chart(rows: Sequence[AtOccupancy], projection: Projection) -> Chart:
    """The chart."""
    if len(rows) > 1:
        first, last = rows[0], rows[-1]
        summary = (
            f"A task in a batch of {last.batch_size} costs "
            f"{last.usd.value / (first.usd.value or 1):.0%} of one in a batch of "
            f"{first.batch_size}: {usd(last.usd.value)} against {usd(first.usd.value)}"
            f"{'' if _differ(first.seconds, last.seconds) else ', but their intervals overlap'}."
        )
    elif rows:
        summary = f"All batches had {rows[0].batch_size} jobs: {usd(rows[0].usd.value)} a task."
    else:
        summary = "No warm batch committed a result."
    ranged = "" if projection.is_measured else " and of the projection"
    return Chart.draw(
        slug="occupancy",
        title="Cost per task by batch occupancy",
        caption=f"Compute alone, on {projection.function}, warm batches. Whiskers: the 95 % "
        f"confidence interval{ranged}. Batches of different sizes held different tasks.",
        summary=summary,
        painter=lambda width: _paint(width, rows, summary),
    )


def _differ(one: Interval, other: Interval) -> bool:
    """True when both are known to be different."""
    if one.low is None or one.high is None or other.low is None or other.high is None:
        return False
    return one.high < other.low or other.high < one.low


def _paint(width: int, rows: Sequence[AtOccupancy], summary: str) -> str:
    top = up_to(max((row.usd.high or row.usd.value for row in rows), default=1.0) * 1000)
    largest = max((row.batch_size for row in rows), default=1)
    panel = Panel(Scale(0.5, max(10, largest) + 0.5, 62, width - 16), Scale(0, top, 230, 34))
    parts = [
        panel.axes(
            x_format=number,
            y_format=usd_tick,
            x_ticks=5 if width == NARROW else 10,
            x_name="jobs in the batch",
            y_name="compute for 1,000 tasks",
        ),
        panel.line([(row.batch_size, row.usd.value * 1000) for row in rows], "c1"),
    ]
    for row in rows:
        low, high = row.usd.low, row.usd.high
        if low is not None and high is not None:
            parts.append(panel.whisker(row.batch_size, low * 1000, high * 1000, "c1"))
        cost = f"{usd(row.usd.value * 1000)} for 1,000"
        tip = f"{row.batch_size} in the batch: {cost} ({row.jobs} jobs)"
        parts.append(panel.mark(row.batch_size, row.usd.value * 1000, "c1", tip))
    return canvas(width, 276, summary, *parts)
