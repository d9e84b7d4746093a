"""Fetches Lambda's Runtime Interface Emulator, which the SAM command line carries in its wheel."""

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from zeroidle_image.errors import ToolError

LOCK: Final = Path(__file__).parents[1] / "locks" / "emulator.lock"
Progress = Callable[[str], None]


def fetch_runtime_emulator(folder: Path, architecture: str, *, progress: Progress) -> Path:
    """The program for an architecture (Lambda's name), downloaded and verified once.

    Raises:
        ToolError: it cannot be had.
    """
    program = folder / f"aws-lambda-rie-{architecture}"
    if program.exists():
        return program
    progress("fetching the Lambda Runtime Interface Emulator (a download of about 8 MB)")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as downloads:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        command += ["--require-hashes", "--dest", downloads, "--requirement", str(LOCK)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
        wheels = list(Path(downloads).glob("*.whl"))
        if done.returncode != 0 or len(wheels) != 1:
            raise ToolError(f"pip cannot download what {LOCK.name} names: {done.stderr[-400:]}")
        with zipfile.ZipFile(wheels[0]) as wheel:
            content = wheel.read(f"samcli/local/rapid/{program.name}")
    unfinished = program.with_suffix(".partial")
    unfinished.write_bytes(content)
    unfinished.chmod(0o755)
    unfinished.replace(program)
    return program
