"""`zeroidle-load report` and `zeroidle-load compare`: read runs, print figures, write pages."""

import math
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zeroidle_loadtest.analysis import read_measured
from zeroidle_loadtest.comparison import Comparison, Row
from zeroidle_loadtest.comparison import compare as compare_runs
from zeroidle_loadtest.conclusion import DONE, INVALID, PARTIAL
from zeroidle_loadtest.cost.assumptions import Band
from zeroidle_loadtest.intervals import Interval
from zeroidle_loadtest.report.words import (
    number,
    seconds_with_interval,
    usd_or_nothing,
    usd_with_range,
)
from zeroidle_loadtest.report.writing import Written, write_report
from zeroidle_ops.console import show, tell

Json = Annotated[bool, Parameter(help="Print JSON instead of a table.")]


def report(
    run_dir: Annotated[Path, Parameter(help="Folder of a run, or of a sweep.")],
    /,
    *,
    to: Annotated[Path | None, Parameter(help="Folder for the pages; the run's own.")] = None,
    json: Json = False,
) -> int:
    """Write report.html and report.md: verdict, latency, cost, and the crossover with others.

    The HTML is one file that asks no network for anything. An interrupted run is reported as far
    as it went. Exit code 3 when the run missed its SLO, 5 when its figures cannot be believed.

    Example: `zeroidle-load report build/loadtest/20261124-1502`
    """
    written = write_report(run_dir, to=to)
    for problem in written.report.run.problems:
        tell(problem)
    show(_report_json(written), _report_table(written), json=json)
    return {"met": DONE, "breached": PARTIAL, "invalid": INVALID}[written.report.state]


def compare(
    before: Annotated[Path, Parameter(help="Folder of the first run.")],
    after: Annotated[Path, Parameter(help="Folder of the second run.")],
    /,
    *,
    json: Json = False,
) -> int:
    """Compare two runs, each figure's change with its 95 % confidence interval.

    A change counts when its interval leaves out zero. What differs between the runs beside their
    figures is said first. Exit code 3 when something is worse, 5 when a run is no valid
    measurement.

    Example: `zeroidle-load compare build/loadtest/before build/loadtest/after`
    """
    compared = compare_runs(read_measured(before), read_measured(after))
    for mismatch in compared.mismatches:
        tell(f"not alike: {mismatch}")
    show(_comparison_json(compared), _comparison_table(compared), json=json)
    if not (compared.before.is_valid and compared.after.is_valid):
        return INVALID
    return PARTIAL if any(row.verdict == "worse" for row in compared.rows) else DONE


def _report_json(written: Written) -> dict[str, Any]:
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
            name: _interval_json(getattr(figures.latency, name)) for name in ("p50", "p95", "p99")
        },
        "usd_per_thousand_succeeded": _band_json(bill.per_thousand_usd),
        "wasted_usd": _band_json(bill.wasted_usd),
        "floor_month_usd": _band_json(made.floor.total_usd),
        "claims": {model: [asdict(one) for one in claims] for model, claims in made.claims},
        "prices_as_of": made.prices.as_of.isoformat(),
        "page": str(written.page),
        "markdown": str(written.markdown),
    }


def _report_table(written: Written) -> RenderableType:
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


def _comparison_json(compared: Comparison) -> dict[str, Any]:
    return {
        "before": compared.before.run_id,
        "after": compared.after.run_id,
        "not_alike": list(compared.mismatches),
        "figures": [
            {
                "name": row.name,
                "unit": row.unit,
                "before": _interval_json(row.before),
                "after": _interval_json(row.after),
                "change": _interval_json(row.change),
                "verdict": row.verdict,
            }
            for row in compared.rows
        ],
    }


def _comparison_table(compared: Comparison) -> RenderableType:
    table = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    table.add_column("figure", no_wrap=True)
    for name in ("before", "after", "change (95 %)"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("verdict", no_wrap=True)
    styles = {"better": "green", "worse": "red", "no difference shown": "dim"}
    for row in compared.rows:
        table.add_row(
            f"{row.name}, {row.unit}",
            _short(row.before.value),
            _short(row.after.value),
            _change(row),
            Text(row.verdict, style=styles[row.verdict]),
        )
    return table


def _change(row: Row) -> str:
    low, high = row.change.low, row.change.high
    bounds = "" if low is None or high is None else f" ({_short(low)} to {_short(high)})"
    return f"{_short(row.change.value, sign=True)}{bounds}"


def _short(value: float, *, sign: bool = False) -> str:
    return "–" if math.isnan(value) else f"{value:{'+' if sign else ''}.3g}"


def _band_json(band: Band | None) -> dict[str, float] | None:
    return None if band is None else asdict(band)


def _interval_json(found: Interval) -> dict[str, float | None]:
    """JSON knows no infinity: what is not finite is null."""
    return {
        name: value if value is not None and abs(value) < float("inf") else None
        for name, value in asdict(found).items()
    }
