"""`make faults`: runs the seeds, prints a table, writes build/bench/faults.json."""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from faults.seed import Report, Setup, run_seed
from faults.world import SimulatedEmulator

from zeroidle_inference.bench.report import write

MOST_WASTED = 0.10
WORST = 10
"""Problems shown of a seed."""


def main() -> int:
    """Exit code 0 only if every seed reached every goal."""
    parser = argparse.ArgumentParser(prog="python -m faults", description=__doc__)
    parser.add_argument("--seeds", type=int, default=5, help="how many seeds")
    parser.add_argument("--jobs", type=int, default=5000, help="jobs a seed")
    parser.add_argument("--first", type=int, default=1, help="the first seed")
    arguments = parser.parse_args()
    reports = []
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends as Ctrl-C does: all is stopped
    with tempfile.TemporaryDirectory(prefix="zeroidle-faults-") as name:
        folder = Path(name)
        with SimulatedEmulator(folder=folder) as emulator:
            for seed in range(arguments.first, arguments.first + arguments.seeds):
                report = run_seed(Setup(seed=seed, jobs=arguments.jobs), emulator, folder)
                reports.append(report)
                _show(report)
    write("faults", [report.row for report in reports])
    is_met = all(not one.problems and one.row["wasted_inference"] <= MOST_WASTED for one in reports)
    return 0 if is_met else 1


def _show(report: Report) -> None:
    lines = [
        " ".join(f"{name}={value}" for name, value in report.row.items()),
        "    " + " ".join(f"{name}={count}" for name, count in report.happened.items()),
        *(f"    problem: {problem}" for problem in report.problems[:WORST]),
    ]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
