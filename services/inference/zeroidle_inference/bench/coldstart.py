"""`make bench-coldstart`: from the start of a process to its first result, page cache dropped.

    python -m zeroidle_inference.bench.coldstart [--quick] [--model …] [--rounds 5]

One review to classify, behind an instruction of 500 tokens. Ours with and without a shipped prefix
state, against the load modes of llama-cpp-python's high-level class, which is asked the fastest way
it knows: one token, with a bias on the labels. Dropping the page cache needs root.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import Any

from zeroidle_inference.bench import report
from zeroidle_inference.bench.engine import MODELS, SMALL
from zeroidle_inference.bench.systems import PeerError, drop_page_cache
from zeroidle_inference.bench.workloads import Workload, one_review
from zeroidle_inference.engine.model import LoadedModel

INSTRUCTION_TOKENS = 500
LOAD_MODES = {
    "llama-cpp-python, mapped": ("--load-mode", "mapped"),
    "llama-cpp-python, read": ("--load-mode", "read"),
}


@dataclass(frozen=True)
class Start:
    """A way to start cold."""

    command: Sequence[str]
    environment: Mapping[str, str]


def main() -> None:
    """Parse arguments, measure, print and write the results."""
    arguments = _parser().parse_args()
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    is_cold = not arguments.quick and drop_page_cache()
    if not is_cold:
        sys.stderr.write("the page cache is not dropped: these are warm starts\n")
    rows: list[dict[str, Any]] = []
    for name in arguments.model or (["small"] if arguments.quick else list(MODELS)):
        vocabulary = LoadedModel(arguments.models / SMALL)
        workload = one_review(vocabulary, arguments.samples, instruction_tokens=INSTRUCTION_TOKENS)
        with tempfile.TemporaryDirectory() as folder:
            starts = _starts(arguments, arguments.models / MODELS[name], workload, Path(folder))
            times: dict[str, list[float]] = defaultdict(list)
            for _ in range(rounds):
                for system, start in starts.items():
                    times[system].append(_first_result_s(start, is_cold=is_cold))
        rows += [
            {
                "model": name,
                "system": system,
                "page_cache": "dropped" if is_cold else "warm",
                "seconds_to_first_result": median(seconds),
            }
            for system, seconds in times.items()
        ]
    path = report.write("bench-coldstart", rows)
    sys.stdout.write(report.table(rows, list(rows[0])) + f"\n\n{path}\n")


def _starts(
    arguments: argparse.Namespace, model: Path, workload: Workload, folder: Path
) -> dict[str, Start]:
    task, document, call = folder / "task.json", folder / "document.txt", folder / "call.json"
    item = workload.items[0]
    task.write_text(workload.task.model_dump_json())
    document.write_text(item.document)
    call.write_text(json.dumps({"calls": [asdict(item.calls["one token"])]}) + "\n")
    states = folder / "prefixes"
    subprocess.run(  # noqa: S603 - our own command
        [
            *(sys.executable, "-m", "zeroidle_inference.prefix_states"),
            *("--model", str(model), "--to", str(states), str(task)),
        ],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    ours = [sys.executable, "-m", "zeroidle_inference.bench.first_result", str(task), str(document)]
    settings = {
        "ZEROIDLE_MODEL_PATH": str(model),
        "ZEROIDLE_THREADS": str(arguments.threads),
        "ZEROIDLE_CONTEXT_TOKENS": "1024",
    }
    python = str(arguments.peers / "env" / "bin" / "python")
    high_level = [
        *(python, str(Path(__file__).with_name("high_level.py")), "--model", str(model)),
        *("--threads", str(arguments.threads), "--context-tokens", "1024"),
        *("--calls", str(call)),
    ]
    return {
        "zeroidle": Start(ours, settings),
        "zeroidle, prefix state shipped": Start(
            ours, {**settings, "ZEROIDLE_PREFIX_STATES": str(states)}
        ),
        **{name: Start([*high_level, *mode], {}) for name, mode in LOAD_MODES.items()},
    }


def _first_result_s(start: Start, *, is_cold: bool) -> float:
    if is_cold:
        drop_page_cache()
    started_s = time.perf_counter()
    with subprocess.Popen(  # noqa: S603 - our own command
        start.command,
        env={**os.environ, **start.environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101 - opened as a pipe
        line = process.stdout.readline()
        seconds = time.perf_counter() - started_s
        if not line:
            _, problem = process.communicate()
            raise PeerError(f"{start.command[1:3]} gave no result: {problem[-500:]}")
        process.kill()
    return seconds


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m zeroidle_inference.bench.coldstart",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="check the harness: warm, one round")
    parser.add_argument("--model", action="append", choices=sorted(MODELS), help="only these")
    parser.add_argument("--rounds", type=int, help="rounds that count")
    parser.add_argument("--threads", type=int, default=2, help="threads of every system")
    parser.add_argument("--models", type=Path, default=Path("build/models"))
    parser.add_argument("--peers", type=Path, default=Path("build/peers"))
    parser.add_argument("--samples", type=Path, default=Path("samples"))
    return parser


if __name__ == "__main__":
    main()
