"""A report on one screen of the terminal, and as JSON: what the page begins with."""

from dataclasses import asdict
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zeroidle_loadtest.cost.assumptions import Band
from zeroidle_loadtest.intervals import Interval
from zeroidle_loadtest.report.words import (
    number,
    seconds_with_interval,
    usd_or_nothing,
    usd_with_range,
)
from zeroidle_loadtest.report.writing import Written


def report_json(written: Written) -> dict[str, Any]:
    """As one object."""
    made = written.report
    bill, figures = made.priced.bill, made.headline
    return {
        "run_id": made.run.run_id,
        "verdict": made.verdict,
        "state": made.state,
        "is_projected": not made.projection.is_measured,
        "interrupted": made.run.interrupted,
        "counts": made.run.counts.model_dump(),
        "slo": [check.model_dump() for check in made.run.slo],
        "goodput_per_s": figures.goodput_per_s,
        "offered_per_s": figures.offered_per_s,
        "latency_s": {
            name: interval_json(getattr(figures.latency, name)) for name in ("p50", "p95", "p99")
        },
        "usd_per_thousand_succeeded": _band_json(bill.per_thousand_usd),
        "wasted_usd": _band_json(bill.wasted_usd),
        "floor_month_usd": _band_json(made.floor.total_usd),
        "claims": {model: [asdict(one) for one in claims] for model, claims in made.claims},
        "prices_as_of": made.prices.as_of.isoformat(),
        "page": str(written.page),
        "markdown": str(written.markdown),
    }


def report_table(written: Written) -> RenderableType:
    """As a table."""
    made = written.report
    bill, figures = made.priced.bill, made.headline
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    rows = (
        ("goodput", f"{number(figures.goodput_per_s)}/s of {number(figures.offered_per_s)}/s"),
        ("latency p50", seconds_with_interval(figures.latency.p50)),
        ("latency p95", seconds_with_interval(figures.latency.p95)),
        ("per 1,000 done", usd_or_nothing(bill.per_thousand_usd)),
        ("wasted", f"{usd_with_range(bill.wasted_usd)}, {made.wasted_share:.1%} of the run"),
        ("month at rest", usd_with_range(made.floor.total_usd)),
        ("page", str(written.page)),
        ("markdown", str(written.markdown)),
    )
    for row in rows:
        table.add_row(*row)
    style = {"met": "green", "breached": "red", "invalid": "yellow"}[made.state]
    lines: list[RenderableType] = [Text(made.verdict, style=style), table]
    if made.watermark:
        lines.append(Text("dollars are projected to Lambda, not measured there", style="yellow"))
    return Group(*lines)


def _band_json(band: Band | None) -> dict[str, float] | None:
    return None if band is None else asdict(band)


def interval_json(found: Interval) -> dict[str, float | None]:
    """JSON knows no infinity: what is not finite is null."""
    return {
        name: value if value is not None and abs(value) < float("inf") else None
        for name, value in asdict(found).items()
    }
