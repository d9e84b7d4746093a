"""Imported by the emulator's interpreter at its start: its clock is the simulated one.

The emulator's visibility timers and stream timestamps then run on the harness's time, so that half
an hour of hiding costs nothing. Knows only where the clock's file lies.
"""

import mmap
import os
import time
from pathlib import Path


def _install(path: str) -> None:
    with Path(path).open("rb") as file:
        moment = memoryview(mmap.mmap(file.fileno(), 8, access=mmap.ACCESS_READ)).cast("q")
    time.time = lambda: moment[0] / 1_000_000


_install(os.environ["SIMULATED_CLOCK"])
