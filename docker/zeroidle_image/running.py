"""Runs a build and shows its course: steps and our own lines; everything else goes to a log."""

import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from zeroidle_image.builders import FULL_DISK, Build, Builder, failed
from zeroidle_image.errors import ImageError

Progress = Callable[[str], None]

_STEP: Final = re.compile(r"^(?:\[\d+/\d+\] STEP \d+/\d+: |#\d+ \[)(.*)")
_OURS: Final = re.compile(r"^(?:#\d+ [\d.]+ )?((?:error|model|compiling|computing|SBOM)\b.*)")
_COMPILED: Final = re.compile(r"\[(\d+)/(\d+)\] \S*/\S*(?:gcc|g\+\+|cc|c\+\+) ")
_LAST_LINES: Final = 12


@contextmanager
def stoppable() -> Iterator[None]:
    """Within the block SIGTERM does what Ctrl-C does, so that what was begun is cleared away."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def run_build(builder: Builder, build: Build, *, log: Path, progress: Progress) -> None:
    """Build an image. Whatever stops it stops the builder, and its containers go.

    Raises:
        NoSpaceError: the disk is full.
        ImageError: what our own steps refused, in their words.
        ToolError: the builder failed otherwise; the log's last lines are in the message.
    """
    began_s = time.monotonic()
    course = Course(progress, lambda: time.monotonic() - began_s)
    with (
        builder.tidied(),
        log.open("w") as kept,
        subprocess.Popen(  # noqa: S603
            builder.build_command(build),
            env=builder.environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
        ) as process,
    ):
        assert process.stdout is not None  # noqa: S101 - a pipe was asked for
        try:
            for line in process.stdout:
                kept.write(line)
                course.see(line)
        except BaseException:
            process.terminate()
            process.wait()
            raise
    if process.returncode != 0:
        raise failure(log.read_text(), log)
    progress(f"built in {course.elapsed_s():.0f} s")


def failure(output: str, log: Path) -> ImageError:
    """What a failed build's output means."""
    if FULL_DISK in output.lower():
        return failed(output)
    refused = [match[1] for line in output.splitlines() if (match := _OURS.match(line))]
    errors = [line.removeprefix("error: ") for line in refused if line.startswith("error: ")]
    if errors:
        return ImageError(errors[0])
    tail = "\n".join(output.splitlines()[-_LAST_LINES:])
    return failed(f"the build failed; the end of {log}:\n{tail}")


class Course:
    """Picks out of a builder's output what a person wants to see."""

    def __init__(self, progress: Progress, elapsed_s: Callable[[], float]) -> None:
        self._progress = progress
        self.elapsed_s = elapsed_s
        self._tenth = 0

    def see(self, line: str) -> None:
        """Show the line, shortened, or not."""
        line = line.rstrip()
        if match := _COMPILED.search(line):
            tenth = 10 * int(match[1]) // int(match[2])
            if tenth > self._tenth:
                self._tenth = tenth
                self._show(f"  {tenth}0 % compiled")
        elif match := _STEP.match(line):
            if match[1].startswith(("RUN", "FROM")) or "] RUN" in match[1]:
                self._tenth = 0
                self._show(" ".join(match[1].split())[:90])
        elif match := _OURS.match(line):
            self._show(match[1][:200])

    def _show(self, text: str) -> None:
        self._progress(f"{self.elapsed_s():5.0f} s  {text}")
