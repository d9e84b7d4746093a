"""Where the time went: the parts of a latency, stacked, for all jobs, the slow ones, each task."""

from collections.abc import Sequence

from zeroidle_loadtest.analysis import Figures
from zeroidle_loadtest.record import PARTS, RequestRecord
from zeroidle_loadtest.report.plots.svg import NARROW, Chart, Panel, Scale, box, canvas, text, up_to
from zeroidle_loadtest.report.words import seconds

NAMES = {
    "lag": "generator's lag",
    "publish": "publish",
    "queue": "queue",
    "cold_start": "cold start",
    "prefill": "prefill",
    "decode": "decode",
    "commit": "commit",
}
SLOW_SHARE = 0.05
BAR, GAP = 26, 42


def groups(figures: Figures) -> list[tuple[str, list[RequestRecord]]]:
    """Named groups of jobs that succeeded; none where nothing did."""
    succeeded = sorted(figures.measured.succeeded, key=lambda one: one.latency_ms or 0.0)
    if not succeeded:
        return []
    slow = succeeded[-max(1, round(SLOW_SHARE * len(succeeded))) :]
    tasks = sorted({request.task for request in succeeded})
    named = [("all jobs", succeeded), (f"slowest {SLOW_SHARE:.0%}", slow)]
    if len(tasks) > 1:
        named += [(task, [one for one in succeeded if one.task == task]) for task in tasks]
    return named


def mean_parts_s(requests: Sequence[RequestRecord]) -> dict[str, float]:
    """The mean of each part, in seconds."""
    parts = [found for request in requests if (found := request.parts_ms()) is not None]
    return {part: sum(one[part] for one in parts) / len(parts) / 1000 for part in PARTS}


def chart(figures: Figures) -> Chart:
    """The chart."""
    rows = [(name, len(jobs), mean_parts_s(jobs)) for name, jobs in groups(figures)]
    if rows:
        parts = rows[0][2]
        widest = max(parts, key=lambda part: parts[part])
        share = parts[widest] / (sum(parts.values()) or 1.0)
        summary = f"The {NAMES[widest]} takes {share:.0%} of the mean latency."
    else:
        summary = "No job succeeded, so no time can be split."
    return Chart.draw(
        slug="parts",
        title="Where the time went",
        caption="Means of jobs that succeeded. The parts of each job add up to its latency, from "
        f"the time it was due to its row (checked to {figures.run.clock_error_ms:.0f} ms).",
        summary=summary,
        legend=tuple((f"p-{part}", NAMES[part]) for part in PARTS),
        painter=lambda width: _paint(width, rows, summary),
    )


def _paint(width: int, rows: list[tuple[str, int, dict[str, float]]], summary: str) -> str:
    left = 10 if width == NARROW else 130
    above = 22 if width == NARROW else 0
    gap = GAP + above
    longest = up_to(max((sum(parts.values()) for _, _, parts in rows), default=1.0))
    bottom = 14 + len(rows) * gap
    panel = Panel(Scale(0, longest, left, width - 60), Scale(0, 1, bottom, 8))
    drawn = [
        panel.axes(
            x_format=seconds,
            y_format=lambda _: "",
            x_ticks=4 if width == NARROW else 8,
            y_ticks=0,
            x_name="mean latency",
        )
    ]
    for index, (name, jobs, parts) in enumerate(rows):
        y, at = 14 + index * gap + above, float(left)
        label = f"{name} ({jobs:,})"
        if width == NARROW:
            drawn.append(text(left, y - 6, label, "tick"))
        else:
            drawn.append(text(left - 10, y + 17, label, "tick end"))
        for part in PARTS:
            wide = panel.x(parts[part]) - panel.x(0)
            tip = f"{name}: {NAMES[part]} {seconds(parts[part])}"
            drawn.append(box(at, y, wide, BAR, f"p-{part}", tip))
            at += wide
        drawn.append(text(at + 8, y + 17, seconds(sum(parts.values())), "value"))
    return canvas(width, bottom + 48, summary, *drawn)
