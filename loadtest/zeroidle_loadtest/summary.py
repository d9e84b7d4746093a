"""A run on one screen of the terminal: verdict, accounting, latency and where it went."""

from collections.abc import Iterable
from pathlib import Path
from statistics import fmean
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from zeroidle_loadtest.quantiles import quantile
from zeroidle_loadtest.record import PARTS, RequestRecord, RunRecord, read_requests

SHARES = (0.5, 0.95, 0.99)


def summary_json(folder: Path, run: RunRecord) -> dict[str, Any]:
    """As one object."""
    latencies_s, parts_s = _latencies(read_requests(folder))
    return {
        "folder": str(folder),
        "verdict": verdict(run),
        "problems": list(run.problems),
        "slo": [check.model_dump() for check in run.slo],
        "counts": run.counts.model_dump(),
        "generator": run.generator.model_dump(),
        "latency_s": latencies_s,
        "mean_parts_s": parts_s,
        "throughput_per_s": throughput_per_s(run),
        "is_projected": run.is_projected,
    }


def summary_table(folder: Path, run: RunRecord) -> RenderableType:
    """As a table."""
    latencies_s, parts_s = _latencies(read_requests(folder))
    counts, generator = run.counts, run.generator
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="dim", no_wrap=True)
    table.add_column(overflow="fold")
    style = {"valid": "green", "SLO breached": "yellow"}.get(verdict(run), "red")
    table.add_row("verdict", Text(verdict(run), style=f"bold {style}"))
    for problem in run.problems:
        table.add_row("", Text(problem, style="red"))
    for check in run.slo:
        measured = "not measured" if check.measured is None else f"{check.measured:.3g}"
        told = f"{check.name} {measured} (limit {check.limit:g})"
        table.add_row("slo", Text(told, style="green" if check.is_met else "red"))
    table.add_row(
        "accounting",
        f"{counts.submitted} submitted = {counts.succeeded} succeeded + {counts.failed} failed + "
        f"{counts.unresolved} unresolved",
    )
    offered = run.load.offered_per_s
    load = f"{offered:.2f}/s" if offered is not None else f"{run.load.clients} clients"
    table.add_row("load", f"{run.load.kind} model, {run.load.arrivals}, {load}")
    table.add_row("throughput", f"{throughput_per_s(run):.2f}/s")
    if latencies_s:
        told = ", ".join(f"{name} {seconds:.2f} s" for name, seconds in latencies_s.items())
        table.add_row("latency", told)
        told = ", ".join(f"{name} {seconds:.2f}" for name, seconds in parts_s.items())
        table.add_row("mean parts", f"{told} s")
    table.add_row(
        "generator",
        f"lag p99 {generator.lag_p99_ms:.1f} ms, {generator.busy:.0%} of a CPU",
    )
    note = "durations are this machine's, not Lambda's" if run.is_projected else ""
    return Group(table, Text(note, style="dim"), Text(f"results in {folder}", style="dim"))


def verdict(run: RunRecord) -> str:
    """In two words."""
    if not run.is_valid:
        return "no valid measurement"
    return "valid" if run.meets_slo else "SLO breached"


def throughput_per_s(run: RunRecord) -> float:
    """Successes a second, until the last one ended."""
    return run.counts.succeeded / max(run.ended_ms / 1000, 0.001)


def _latencies(requests: Iterable[RequestRecord]) -> tuple[dict[str, float], dict[str, float]]:
    """Quantiles of the latency, and means of its parts, over what succeeded; in seconds."""
    latencies_ms, parts_ms = [], {part: list[float]() for part in PARTS}
    for request in requests:
        parts = request.parts_ms()
        if parts is None or request.latency_ms is None:
            continue
        latencies_ms.append(request.latency_ms)
        for name, part_ms in parts.items():
            parts_ms[name].append(part_ms)
    if not latencies_ms:
        return {}, {}
    latencies_ms.sort()
    return (
        {f"p{share * 100:.0f}": quantile(latencies_ms, share) / 1000 for share in SHARES},
        {name: fmean(values) / 1000 for name, values in parts_ms.items()},
    )
