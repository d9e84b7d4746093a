"""Sends to a local stack whose mapping is disabled, from one process and from two.

Rows: workers, rate_per_s, messages, messages_per_s, p99_schedule_error_ms, peak_rss_mib, busy. The
speed is that of the whole run, from the first intended moment to the end of the last send.
"""

import argparse
import json
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from zeroidle_loadtest import surroundings
from zeroidle_loadtest.driving import Drive
from zeroidle_loadtest.record import read_requests, read_run
from zeroidle_loadtest.scenario import Scenario
from zeroidle_ops.stack.local import LocalStack, local_stack
from zeroidle_ops.stack.local_deployment import BUILD, Settings
from zeroidle_ops.stack.target import Target

RESULT = BUILD / "bench" / "generator.json"
HOME = "bench-generator"
_DISABLING_S = 60.0

Row = dict[str, Any]


def main() -> None:
    """Three shapes: the required rate from one process, and two lengths from two processes."""
    parser = argparse.ArgumentParser(prog="python -m zeroidle_loadtest.bench")
    parser.add_argument("--rate", type=float, default=2100, help="messages a second, one process")
    parser.add_argument("--messages", type=int, default=200_000, help="sent by two processes")
    given = parser.parse_args()
    shapes = (
        (1, given.rate, 30 * int(given.rate)),
        (2, given.rate, given.messages // 4),
        (2, given.rate, given.messages),
    )
    rows = [_measure(*shape) for shape in shapes]
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    report = {
        "name": "generator",
        "commit": surroundings.commit(),
        "machine": surroundings.machine().description,
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": rows,
    }
    RESULT.write_text(json.dumps(report, indent=1) + "\n")
    _show(rows)


def _measure(workers: int, rate_per_s: float, messages: int) -> Row:
    """One shape, on a stack of its own: what lies in its queue slows the emulator down."""
    sys.stderr.write(f"{messages} messages at {rate_per_s:g} a second by {workers} process(es)\n")
    results = BUILD / "loadtest" / HOME
    results.mkdir(parents=True, exist_ok=True)
    file = results / "scenario.json"
    file.write_text(_scenario(rate_per_s, messages).model_dump_json(exclude_none=True))
    with local_stack(Settings(), name=HOME) as target:
        _switch_off(target)
        drive = Drive(results=results, local=LocalStack(name=HOME).home, workers=workers)
        folder = drive.run(file)
    run = read_run(folder)
    last_ms = max(request.sent_ms + request.publish_ms for request in read_requests(folder))
    shutil.rmtree(folder)
    return {
        "workers": workers,
        "rate_per_s": rate_per_s,
        "messages": run.counts.submitted,
        "messages_per_s": round(run.counts.submitted / last_ms * 1000),
        "p99_schedule_error_ms": round(run.generator.lag_p99_ms, 1),
        "peak_rss_mib": round(run.generator.peak_rss_mib),
        "busy": round(run.generator.busy, 2),
    }


def _scenario(rate_per_s: float, messages: int) -> Scenario:
    return Scenario.model_validate(
        {
            "name": HOME,
            "duration_s": messages / rate_per_s,
            "rows": False,
            "follow": False,
            "senders": 24,
            "arrivals": {"kind": "constant", "rate_per_s": rate_per_s},
            "mix": [{"name": "reviews", "samples": str(Path("samples/reviews").resolve())}],
        }
    )


def _switch_off(target: Target) -> None:
    """Disable the mapping, and wait until it is."""
    uuid = target.stack.event_source_mapping_id
    target.lambda_.update_event_source_mapping(UUID=uuid, Enabled=False)
    give_up_at_s = time.monotonic() + _DISABLING_S
    while target.lambda_.get_event_source_mapping(UUID=uuid)["State"] != "Disabled":
        if time.monotonic() > give_up_at_s:
            raise SystemExit("the local stack's mapping cannot be disabled")
        time.sleep(0.5)


def _show(rows: list[Row]) -> None:
    table = Table(box=None, pad_edge=False)
    for name in rows[0]:
        table.add_column(name, justify="right")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console = Console()
    console.print(table)
    console.print(f"written to {RESULT}", style="dim")


if __name__ == "__main__":
    main()
