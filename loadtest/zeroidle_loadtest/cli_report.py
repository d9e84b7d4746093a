"""`zeroidle-load report` and `zeroidle-load compare`: read runs, print figures, write pages."""

import math
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from zeroidle_loadtest.analysis import read_measured
from zeroidle_loadtest.comparison import Comparison, Row
from zeroidle_loadtest.comparison import compare as compare_runs
from zeroidle_loadtest.conclusion import DONE, INVALID, PARTIAL
from zeroidle_loadtest.report.screen import interval_json, report_json, report_table
from zeroidle_loadtest.report.writing import write_report
from zeroidle_ops.console import show, tell

Json = Annotated[bool, Parameter(help="Print JSON instead of a table.")]


def report(
    run_dir: Annotated[Path, Parameter(help="Folder of a run, or of a sweep.")],
    /,
    *,
    to: Annotated[Path | None, Parameter(help="Folder for the pages; the run's own.")] = None,
    measured: Annotated[
        Path | None, Parameter(help="Folder of `measure-aws`, to replace projected durations.")
    ] = None,
    json: Json = False,
) -> int:
    """Write report.html and report.md: verdict, latency, cost, and the crossover with others.

    The HTML is one file that asks no network for anything. An interrupted run is reported as far
    as it went. Exit code 3 when the run missed its SLO, 5 when its figures cannot be believed.

    Example: `zeroidle-load report build/loadtest/20261124-1502`

    Example: `zeroidle-load report build/loadtest/20261124-1502 --measured build/loadtest/on-aws`
    """
    written = write_report(run_dir, to=to, on_lambda=measured)
    for problem in written.report.run.problems:
        tell(problem)
    show(report_json(written), report_table(written), json=json)
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


def _comparison_json(compared: Comparison) -> dict[str, Any]:
    return {
        "before": compared.before.run_id,
        "after": compared.after.run_id,
        "not_alike": list(compared.mismatches),
        "figures": [
            {
                "name": row.name,
                "unit": row.unit,
                "before": interval_json(row.before),
                "after": interval_json(row.after),
                "change": interval_json(row.change),
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
