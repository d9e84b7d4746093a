"""Proves the built image: `make image-check`.

The image's own command runs under Lambda's Runtime Interface Emulator, as the image's own user, on
a read-only file system, and gets one SQS event; the AWS emulator's table must then hold one result.
As root on Linux everything runs in a network of its own that ends at this machine's loopback: who
needed anything but AWS would fail. Then it looks inside, and measures the handler's import.

Exit codes: 0 done, 1 error, 2 usage, 3 a limit is exceeded.
"""

import argparse
import ctypes
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from zeroidle_image import base, containers, contents
from zeroidle_image.build import HOME, LAMBDA_NAMES
from zeroidle_image.builders import Buildah, find_builder
from zeroidle_image.errors import ImageError
from zeroidle_image.invoking import Outcome, answer_one_job
from zeroidle_image.running import stoppable
from zeroidle_image.runtime_emulator import fetch_runtime_emulator

IMPORT_LIMIT_MS: Final = 500
"""Of the handler, before the model; measured where no emulation distorts it. The fastest of several
fresh processes is judged: whatever else runs on the machine can only add to it."""

IMPORT_PROBE: Final = Path(__file__).with_name("import_probe.py")
CONTENTS_PROBE: Final = Path(__file__).with_name("contents_probe.py")

_NEW_NETWORK: Final = 0x40000000
"""CLONE_NEWNET of sched.h."""


@dataclass(frozen=True, kw_only=True)
class Imports:
    """What fresh processes measured of themselves: without the model's load, and beside it."""

    alone: list[dict[str, Any]]
    beside_load: list[dict[str, Any]]

    def faults(self) -> list[str]:
        """What an import must not do."""
        found = []
        every = [*self.alone, *self.beside_load]
        if compiled := sorted({path for one in every for path in one["compiled"]}):
            found.append(
                f"it compiles {len(compiled)} modules at a cold start, {compiled[0]} first"
            )
        if spoken := sorted({event for one in every for event in one["spoken"]}):
            found.append(f"importing the handler uses the network: {', '.join(spoken)}")
        return found


def main(arguments: Sequence[str] | None = None) -> int:
    """Check one image and return the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m zeroidle_image.check",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="example:\n  make image-check ARCH=arm64",
    )
    parser.add_argument("--arch", choices=sorted(base.MACHINES), default=os.uname().machine)
    parser.add_argument("--runs", type=int, default=7, help="imports to measure")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args(arguments)
    try:
        with stoppable():
            found = check(base.MACHINES[options.arch], runs=options.runs)
    except ImageError as error:
        _say(f"error: {error}")
        return 1
    except KeyboardInterrupt:
        _say("stopped; nothing of the check is left running")
        return 1
    sys.stdout.write(json.dumps(found, indent=2) + "\n" if options.json else render(found))
    return 3 if found["exceeded"] else 0


def check(architecture: str, *, runs: int) -> dict[str, Any]:
    """What was found, as plain values.

    Raises:
        ImageError: there is no image, or it did not answer as it must.
    """
    name = LAMBDA_NAMES[architecture]
    builder = find_builder(HOME)
    image = f"localhost/zeroidle:{name}"
    if not builder.has(image):
        raise ImageError(f"there is no image for {name}; build it: make image ARCH={name}")
    base.ensure_emulation(architecture)
    native = base.MACHINES.get(os.uname().machine) == architecture
    emulator = fetch_runtime_emulator(HOME / "runtime-emulator", name, progress=_say)
    apart = isinstance(builder, Buildah)
    if apart:
        _enter_network_of_its_own()
    brought = {"rie": emulator} | {one.name: one for one in (IMPORT_PROBE, CONTENTS_PROBE)}
    with (
        containers.opened(builder, image, brought) as container,
        tempfile.TemporaryDirectory() as scratch,
    ):
        _say("looking inside the image")
        seen = _probe(container, CONTENTS_PROBE)
        (HOME / name / "sbom.cdx.json").write_text(json.dumps(seen["sbom"], indent=1) + "\n")
        _say(f"one job through the {name} image" + ("" if native else ", emulated: minutes"))
        outcome = answer_one_job(container, Path(scratch), patience_s=120 if native else 1800)
        _say(f"measuring {runs if native else 1} imports")
        times = range(runs if native else 1)
        imports = Imports(
            alone=[_probe(container, IMPORT_PROBE, "alone") for _ in times],
            beside_load=[_probe(container, IMPORT_PROBE) for _ in times],
        )
    if faults := [*contents.faults(seen), *imports.faults()]:
        raise ImageError(f"the image answers but must not ship: {'; '.join(faults)}")
    found = _judge(name, outcome, imports, native=native, apart=apart)
    (HOME / name / "check.json").write_text(json.dumps(found, indent=2) + "\n")
    return found


def _judge(
    name: str, outcome: Outcome, imports: Imports, *, native: bool, apart: bool
) -> dict[str, Any]:
    figures = {
        "import_fastest_ms": min(one["imported_ms"] for one in imports.alone),
        "import_ms": _median(imports.alone, "imported_ms"),
        "import_cpu_ms": _median(imports.alone, "cpu_ms"),
        "import_beside_load_ms": _median(imports.beside_load, "imported_ms"),
        "reading_begins_ms": _median(imports.beside_load, "reading_begins_ms"),
        "model_loaded_ms": _median(imports.beside_load, "model_loaded_ms"),
    }
    exceeded = []
    if native and (fastest := figures["import_fastest_ms"]) > IMPORT_LIMIT_MS:
        exceeded.append(
            f"the import takes {fastest:.0f} ms at best, the limit is {IMPORT_LIMIT_MS}"
        )
    if figures["reading_begins_ms"] > figures["import_ms"]:
        exceeded.append("reading the model begins only after the import")
    return {
        "image": f"localhost/zeroidle:{name}",
        "architecture": name,
        "emulated": not native,
        "network_apart": apart,
        "when": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        "machine": f"{os.cpu_count()} CPUs, {os.uname().machine}",
        "status": outcome.status,
        "invocation_s": outcome.invocation_s,
        "import_runs": len(imports.alone),
        **figures,
        "exceeded": exceeded,
    }


def render(found: dict[str, Any]) -> str:
    """For a terminal."""
    where = "emulated" if found["emulated"] else "native"
    judged = "not judged under emulation" if found["emulated"] else f"limit {IMPORT_LIMIT_MS}"
    network = "loopback only" if found["network_apart"] else "the host's"
    lines = [
        f"image       {found['image']} ({where}), network: {network}",
        f"one job     {found['status']}, {found['invocation_s']:.1f} s with the cold start",
        "inside      no root, nothing to write but /tmp, no compiler or pip, the SBOM's model",
        f"import      {found['import_fastest_ms']:.0f} ms before the model at best ({judged})",
        f"            {found['import_ms']:.0f} ms, {found['import_cpu_ms']:.0f} ms of it CPU",
        f"            {found['import_beside_load_ms']:.0f} ms beside the model's load",
        f"reading     the model begins after {found['reading_begins_ms']:.0f} ms",
        f"loaded      after {found['model_loaded_ms']:.0f} ms",
        f"            (medians of {found['import_runs']} fresh processes)",
        *(f"exceeded    {one}" for one in found["exceeded"]),
    ]
    return "\n".join(lines) + "\n"


def _enter_network_of_its_own() -> None:
    """This process and what it starts see a loopback and nothing else."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK) != 0:
        raise ImageError(f"no network of its own: {os.strerror(ctypes.get_errno())}")
    subprocess.run(["ip", "link", "set", "lo", "up"], check=True)  # noqa: S607


def _median(imports: Sequence[Mapping[str, Any]], figure: str) -> float:
    return statistics.median(float(one[figure]) for one in imports)


def _probe(container: containers.Container, probe: Path, *how: str) -> dict[str, Any]:
    """What a probe saw in a fresh process of the image."""
    settings = {
        "ZEROIDLE_JOBS_TABLE": "none",
        "ZEROIDLE_BUCKET": "none",
        "ZEROIDLE_QUEUE_URL": "http://127.0.0.1/none",
        "ZEROIDLE_DEAD_LETTER_QUEUE_URL": "http://127.0.0.1/none",
        # Lambda always sets these three.
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ACCESS_KEY_ID": "none",
        "AWS_SECRET_ACCESS_KEY": "none",
    }
    words = [container.config.command[0], f"{containers.BROUGHT}/{probe.name}", *how]
    done = subprocess.run(  # noqa: S603
        container.command(words, settings), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise ImageError(f"{probe.name} cannot run in the image: {done.stderr[-600:]}")
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
