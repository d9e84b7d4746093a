"""Ctrl-C as a request: work stops at its next good moment, a second one stops it at once."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from rich.console import Console


@contextmanager
def stoppable(notice: str) -> Iterator[Callable[[], bool]]:
    """Within the block the first Ctrl-C prints the notice; the function tells whether it came."""
    asked = threading.Event()

    def ask(_: int, __: FrameType | None) -> None:
        if asked.is_set():
            raise KeyboardInterrupt
        asked.set()
        Console(stderr=True).print(notice, style="dim", markup=False, highlight=False)

    before = signal.signal(signal.SIGINT, ask)
    try:
        yield asked.is_set
    finally:
        signal.signal(signal.SIGINT, before)
