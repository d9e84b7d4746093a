"""The 8B shape in a box: ten batches of eight documents inside a cgroup without swap.

    python -m zeroidle_inference.bench.memory [--quick] [--limit-mib 10240]

The engine is loaded as in a Lambda of that size, at its default context: it decides itself how many
sequences fit. The peak is what the kernel counted for the group, file pages and all. Needs root and
a cgroup hierarchy that can be written; without, only the process's own peak is stated.
"""

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from zeroidle_inference.bench import report
from zeroidle_inference.bench.engine import SMALL
from zeroidle_inference.bench.peers import Lineup, ours_in_memory
from zeroidle_inference.bench.systems import (
    LineSystem,
    drop_page_cache,
    exit_on_terminate,
    peak_rss_mib,
)
from zeroidle_inference.bench.workloads import workloads
from zeroidle_inference.engine.model import LoadedModel

MODEL = "Llama-3-8B-shape.Q4_K_M.gguf"
BATCHES = 10
DOCUMENTS = 8
_ROOT = Path("/sys/fs/cgroup")


class Box:
    """A cgroup below our own, so that limits above it stay in force."""

    def __init__(self, folder: Path, *, is_v2: bool) -> None:
        self._folder = folder
        self._is_v2 = is_v2

    def limit(self, bytes_: int) -> None:
        """Cap memory; without swap."""
        if self._is_v2:
            self._write("memory.max", bytes_)
            self._write("memory.swap.max", 0)
        else:
            self._write("memory.limit_in_bytes", bytes_)
            self._write("memory.swappiness", 0)

    @property
    def procs(self) -> Path:
        """Where a process writes its id to enter."""
        return self._folder / "cgroup.procs"

    @property
    def peak_mib(self) -> float:
        """The most the group has held at once."""
        name = "memory.peak" if self._is_v2 else "memory.max_usage_in_bytes"
        return int((self._folder / name).read_text()) / 2**20

    def _write(self, name: str, value: int) -> None:
        path = self._folder / name
        if path.exists():
            path.write_text(str(value))


@contextmanager
def box(limit_bytes: int) -> Iterator[Box | None]:
    """A cgroup with a limit, or None where none can be made."""
    found = _own_group()
    if found is None:
        yield None
        return
    parent, is_v2 = found
    folder = parent / "zeroidle-bench"
    try:
        folder.mkdir()
        made = Box(folder, is_v2=is_v2)
        made.limit(limit_bytes)
    except OSError as error:
        sys.stderr.write(f"no cgroup: {error}; only the process's own peak is stated\n")
        yield None
        return
    try:
        yield made
    finally:
        folder.rmdir()


def _own_group() -> tuple[Path, bool] | None:
    """Our memory cgroup, and whether it is of version 2."""
    for line in Path("/proc/self/cgroup").read_text().splitlines():
        _, controllers, path = line.split(":", 2)
        if "memory" in controllers.split(","):
            return _ROOT / "memory" / path.lstrip("/"), False
        if not controllers and (_ROOT / "cgroup.controllers").exists():
            return _ROOT / path.lstrip("/"), True
    return None


def main() -> None:
    """Parse arguments, run, print and write the peak."""
    parser = argparse.ArgumentParser(
        prog="python -m zeroidle_inference.bench.memory",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--quick", action="store_true", help="one batch of the small model")
    parser.add_argument("--limit-mib", type=int, default=10_240)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--models", type=Path, default=Path("build/models"))
    parser.add_argument("--samples", type=Path, default=Path("samples"))
    arguments = parser.parse_args()
    exit_on_terminate()
    model = arguments.models / (SMALL if arguments.quick else MODEL)
    batches = 1 if arguments.quick else BATCHES
    vocabulary = LoadedModel(arguments.models / SMALL)
    work = workloads(
        vocabulary, arguments.samples, items=batches * DOCUMENTS, has_meaning=arguments.quick
    )[0]
    vocabulary.close()
    lineup = Lineup(model=model, peers=Path(), threads=arguments.threads)
    if not arguments.quick:
        drop_page_cache()  # pages that are there already are counted to whoever read them
    with box(arguments.limit_mib << 20) as group:
        system = ours_in_memory(
            lineup, arguments.limit_mib, enter=None if group is None else group.procs
        )
        assert isinstance(system, LineSystem)  # noqa: S101 - ours is one
        try:
            for number in range(batches):
                items = work.items[number * DOCUMENTS : (number + 1) * DOCUMENTS]
                system.run(work, items, "")
                sys.stderr.write(f"batch {number + 1} of {batches} done\n")
            row = {
                "model": model.stem,
                "task": work.name,
                "documents": batches * DOCUMENTS,
                "limit_mib": arguments.limit_mib if group else None,
                "peak_mib": group.peak_mib if group else None,
                "peak_rss_mib": peak_rss_mib(system.pid),
            }
        finally:
            system.close()
    path = report.write("bench-memory", [row])
    sys.stdout.write(report.table([row], list(row)) + f"\n\n{path}\n")


if __name__ == "__main__":
    main()
