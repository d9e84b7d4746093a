"""What the comparison came to, as a table for people, JSON for programs, and the bench file."""

import json
import os
import platform
import subprocess
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Group
from rich.table import Table

from zeroidle_ops.scale.simulation.comparison import Row, Verdict

NAME = "simulate"


def results_table(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> Group:
    """Medians over the seeds by scenario and policy, and below what must hold."""
    slowest = max(rows, key=lambda row: row.took_s)
    table = Table(
        title="medians over the seeds",
        caption=f"the slowest run ({slowest.scenario}, {slowest.policy}, seed {slowest.seed}) "
        f"simulated {slowest.jobs:,} jobs in {slowest.took_s:.0f} s of a processor",
    )
    table.add_column("scenario")
    table.add_column("policy")
    for heading in ("p95 age s", "cost $", "wasted $", "over budget $", "target met"):
        table.add_column(heading, justify="right")
    for (scenario, policy), group in _grouped(rows):
        met = sum(row.target_met for row in group)
        table.add_row(
            scenario,
            policy,
            f"{median(row.p95_age_s for row in group):.0f}",
            f"{median(row.cost_usd for row in group):.2f}",
            f"{median(row.wasted_usd for row in group):.2f}",
            f"{median(row.budget_exceeded_usd for row in group):.2f}",
            f"{met} of {len(group)}",
        )
    judged = Table(title="what must hold")
    for heading in ("", "scenario", "claim", "figure"):
        judged.add_column(heading)
    for verdict in verdicts:
        judged.add_row(
            "holds" if verdict.holds else "MISSED", verdict.scenario, verdict.claim, verdict.figure
        )
    return Group(table, judged) if verdicts else Group(table)


def _grouped(rows: Sequence[Row]) -> list[tuple[tuple[str, str], list[Row]]]:
    keys = dict.fromkeys((row.scenario, row.policy) for row in rows)
    return [(key, [row for row in rows if (row.scenario, row.policy) == key]) for key in keys]


def results_json(rows: Sequence[Row], verdicts: Sequence[Verdict]) -> dict[str, Any]:
    """Everything, with where and when it was run."""
    return {
        "name": NAME,
        "commit": _commit(),
        "machine": f"{platform.machine()}, {os.cpu_count()} CPUs, {platform.system()}",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": [asdict(row) for row in rows],
        "verdicts": [asdict(verdict) for verdict in verdicts],
    }


def write(folder: Path, results: dict[str, Any], page: str) -> tuple[Path, Path]:
    """Write `simulate.json` and `simulate.html`."""
    folder.mkdir(parents=True, exist_ok=True)
    data, plot = folder / f"{NAME}.json", folder / f"{NAME}.html"
    data.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    plot.write_text(page, encoding="utf-8")
    return data, plot


def _commit() -> str:
    """The commit of the working directory; "unknown" outside a repository."""
    try:
        return subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"],  # noqa: S607 - the git of the path
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
