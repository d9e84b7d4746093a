"""`make bench-redrive`: a deep queue planned and applied, beside a plain loop in the same run.

Rows: system, phase, messages, messages_per_s, peak_rss_mib. Each phase runs in a process of its
own, so that its peak of memory is its own. The plain loop is one thread that receives, sends and
deletes in batches of ten, without archive, ledger, rows or brake.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from zeroidle_ops.redrive.bench.localstack import LocalStackSqs
from zeroidle_ops.redrive.bench.world import BenchWorld, fill, make_world
from zeroidle_ops.redrive.brake import Pace
from zeroidle_ops.stack import emulator

UNLIMITED = Pace(canary=0, rate_per_s=1e9, max_wait_s=1e9)
"""No consumer is there: no canary to wait for, and nobody to take the messages."""

RESULT = Path("build/bench/redrive.json")

Row = dict[str, Any]


def main() -> None:
    """Run a phase (in a child process), or the whole benchmark."""
    parser = argparse.ArgumentParser(prog="python -m zeroidle_ops.redrive.bench")
    parser.add_argument("--messages", type=int, default=100_000)
    parser.add_argument("--plain", type=int, default=5_000, help="messages of each plain loop")
    parser.add_argument("--phase", nargs="+", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.phase:
        name, *arguments = given.phase
        sys.stdout.write(json.dumps(_phase(name, arguments)))
        return
    rows = _benchmark(given.messages, given.plain)
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    RESULT.write_text(json.dumps(_report(rows), indent=2))
    _show(rows)


def _benchmark(messages: int, plain: int) -> list[Row]:
    """Small and deep: what does not grow between them is flat."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder, LocalStackSqs() as sqs:
        home = Path(folder)
        with (home / "lock").open("w") as lock:
            aws = emulator.start(Path("build/emulator"), home=home, lock=lock.fileno())
        try:
            for count in (messages // 10, messages):
                world = make_world(sqs.url, aws.endpoint, f"redrive-{count}")
                rows += _compare(world, count, plain)
        finally:
            emulator.stop(aws)
    return rows


def _compare(world: BenchWorld, count: int, plain: int) -> list[Row]:
    """Plan, then a plain loop right before the apply and one right after it.

    The machine's speed drifts by half within minutes, so only neighbours can be compared.
    """
    loops = [
        make_world(world.sqs_url, world.aws_url, f"plain-{count}-{number}") for number in (1, 2)
    ]
    _tell(f"filling a queue with {count} messages")
    fill(world, count, with_rows=True)
    for loop in loops:
        fill(loop, plain, with_rows=False)
    planned = _child("plan", world)
    plan_id = planned.pop("plan_id")
    before = _child("plain", loops[0])
    applied = _child("apply", world, plan_id)
    after = _child("plain", loops[1])
    return [planned, before, applied, after]


def _child(phase: str, world: BenchWorld, *arguments: str) -> Row:
    _tell(phase)
    command = [sys.executable, "-m", __package__ or "", "--phase", phase, world.to_json()]
    done = subprocess.run(  # noqa: S603 - this very module
        [*command, *arguments], stdout=subprocess.PIPE, text=True, check=True
    )
    row: Row = json.loads(done.stdout)
    _tell(f"  {row['messages_per_s']} messages a second, {row['peak_rss_mib']} MiB")
    return row


def _plan(world: str) -> Row:
    began_s = time.perf_counter()
    plan = BenchWorld.from_json(world).redrive().plan(reason="benchmark")
    return {**_row("zeroidle", "plan", plan.count, began_s), "plan_id": plan.plan_id}


def _apply(world: str, plan_id: str) -> Row:
    began_s = time.perf_counter()
    outcome = BenchWorld.from_json(world).redrive().apply(plan_id, pace=UNLIMITED)
    if not outcome.is_complete:
        raise SystemExit(f"the apply did not finish: {outcome.reason}")
    return _row("zeroidle", "apply", outcome.sent, began_s)


def _plain(world_json: str) -> Row:
    world = BenchWorld.from_json(world_json)
    sqs, began_s, moved = world.sqs, time.perf_counter(), 0
    while messages := sqs.receive_message(
        QueueUrl=world.stack.dead_letter_queue_url,
        MaxNumberOfMessages=10,
        MessageAttributeNames=["All"],
        MessageSystemAttributeNames=["All"],
    ).get("Messages"):
        sqs.send_message_batch(
            QueueUrl=world.stack.queue_url,
            Entries=[
                {
                    "Id": str(index),
                    "MessageBody": message["Body"],
                    "MessageAttributes": message["MessageAttributes"],
                }
                for index, message in enumerate(messages)
            ],
        )
        sqs.delete_message_batch(
            QueueUrl=world.stack.dead_letter_queue_url,
            Entries=[
                {"Id": str(index), "ReceiptHandle": message["ReceiptHandle"]}
                for index, message in enumerate(messages)
            ],
        )
        moved += len(messages)
    return _row("plain loop", "move", moved, began_s)


def _phase(name: str, arguments: list[str]) -> Row:
    if name == "plan":
        return _plan(*arguments)
    return _apply(*arguments) if name == "apply" else _plain(*arguments)


def _row(system: str, phase: str, messages: int, began_s: float) -> Row:
    return {
        "system": system,
        "phase": phase,
        "messages": messages,
        "messages_per_s": round(messages / (time.perf_counter() - began_s), 1),
        "peak_rss_mib": _peak_rss_mib(),
    }


def _peak_rss_mib() -> int:
    """From /proc: what getrusage tells is inherited from the parent."""
    status = Path("/proc/self/status").read_text()
    [kib] = [line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")]
    return int(kib) // 1024


def _report(rows: list[Row]) -> Row:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"],  # noqa: S607 - the developer's own git
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    return {
        "name": "redrive",
        "commit": commit,
        "machine": f"{os.cpu_count()} x {platform.machine()}, {platform.system()}",
        "when": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": rows,
    }


def _show(rows: list[Row]) -> None:
    table = Table(*rows[0])
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    Console().print(table)
    before, applied, after = (row["messages_per_s"] for row in rows[-3:])
    ratio = applied / statistics.mean((before, after))
    Console().print(f"apply: {ratio:.2f} of the plain loops before and after it")


def _tell(line: str) -> None:
    sys.stderr.write(f"{line}\n")


if __name__ == "__main__":
    main()
