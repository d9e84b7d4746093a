"""`make bench-ceiling`: our engine without grammar or shared prefix, against `llama-batched-bench`.

    python -m zeroidle_inference.bench.ceiling [--quick] [--model …] [--rounds 5]

The tool computes the same shapes from C++ and samples nothing: what it reaches is what llama.cpp
can do on this machine. Both count prompt and answer tokens of all sequences together.
"""

import argparse
import json
import subprocess
import sys
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from statistics import median
from typing import Any

from zeroidle_inference.bench import report
from zeroidle_inference.bench.engine import MODELS
from zeroidle_inference.bench.peers import Lineup, ours
from zeroidle_inference.bench.results import OURS
from zeroidle_inference.bench.systems import (
    CONTEXT_TOKENS,
    LineSystem,
    Paused,
    PeerError,
    exit_on_terminate,
)

Shape = tuple[int, int, int]
"""Prompt tokens, answer tokens, sequences."""

SHAPES: tuple[Shape, ...] = ((300, 80, 16), (300, 150, 16), (300, 80, 8), (360, 1, 16))
QUICK_SHAPES: tuple[Shape, ...] = ((60, 8, 2),)
SETTINGS = {
    "llama-batched-bench": ("-fa", "off"),
    "llama-batched-bench, flash attention": ("-fa", "on"),
    "llama-batched-bench, unified cache": ("-fa", "off", "-kvu"),
}


def main() -> None:
    """Parse arguments, measure, print and write the results."""
    arguments = _parser().parse_args()
    exit_on_terminate()
    rounds = arguments.rounds or (1 if arguments.quick else 5)
    shapes = QUICK_SHAPES if arguments.quick else SHAPES
    rows: list[dict[str, Any]] = []
    for name in arguments.model or (["small"] if arguments.quick else list(MODELS)):
        lineup = Lineup(
            model=arguments.models / MODELS[name], peers=arguments.peers, threads=arguments.threads
        )
        rows += _measure(name, lineup, shapes, rounds)
    path = report.write("bench-ceiling", rows)
    sys.stdout.write(report.table(rows, list(rows[0])) + f"\n\n{path}\n")


def _measure(
    name: str, lineup: Lineup, shapes: tuple[Shape, ...], rounds: int
) -> Iterator[dict[str, Any]]:
    with closing(Paused(ours(lineup))) as paused:
        for shape in shapes:
            speeds: dict[str, list[float]] = defaultdict(list)
            for _ in range(rounds):
                for system, setting in SETTINGS.items():
                    speeds[system].append(_batched_bench(lineup, shape, setting))
                with paused as engine:
                    assert isinstance(engine, LineSystem)  # noqa: S101 - ours is one
                    speeds[OURS].append(engine.ask({"shape": shape})["tokens_per_s"])
            ceiling = max(SETTINGS, key=lambda system: median(speeds[system]))
            share = median(
                own / best for own, best in zip(speeds[OURS], speeds[ceiling], strict=True)
            )
            for system, values in speeds.items():
                yield {
                    "model": name,
                    "shape": f"{shape[2]} sequences of {shape[0]} + {shape[1]}",
                    "system": system,
                    "tokens_per_s": median(values),
                    "share_of_ceiling": share if system == OURS else None,
                }


def _batched_bench(lineup: Lineup, shape: Shape, setting: tuple[str, ...]) -> float:
    prompt, answer, sequences = shape
    command = [
        str(lineup.peers / "llama.cpp" / "bin" / "llama-batched-bench"),
        *("--model", str(lineup.model), "--ctx-size", str(sequences * CONTEXT_TOKENS)),
        *("--threads", str(lineup.threads), "--threads-batch", str(lineup.threads)),
        *("-npp", str(prompt), "-ntg", str(answer), "-npl", str(sequences)),
        *("--output-format", "jsonl"),
        *setting,
    ]
    done = subprocess.run(command, check=False, capture_output=True, text=True)  # noqa: S603
    for line in done.stdout.splitlines():
        if line.startswith("{"):
            return float(json.loads(line)["speed"])
    raise PeerError(f"llama-batched-bench ended with {done.returncode}: {done.stderr[-300:]}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m zeroidle_inference.bench.ceiling",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="check the harness: one small shape")
    parser.add_argument("--model", action="append", choices=sorted(MODELS), help="only these")
    parser.add_argument("--rounds", type=int, help="rounds that count")
    parser.add_argument("--threads", type=int, default=2, help="threads of both")
    parser.add_argument("--models", type=Path, default=Path("build/models"))
    parser.add_argument("--peers", type=Path, default=Path("build/peers"))
    return parser


if __name__ == "__main__":
    main()
