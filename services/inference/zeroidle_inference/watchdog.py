"""Aborts the step under way when the time is up: a step of a large model can take seconds."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class Watchdog:
    """Calls `abort` once after so many seconds, unless it is left before."""

    def __init__(self, abort: Callable[[], None], *, after_s: float) -> None:
        self._abort = abort
        self._has_fired = threading.Event()
        self._timer = threading.Timer(max(0.0, after_s), self._fire)
        self._timer.daemon = True

    def has_fired(self) -> bool:
        """True once the time was up."""
        return self._has_fired.is_set()

    def __enter__(self) -> Self:
        self._timer.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        # An abort that is about to be called must not hit the next invocation.
        self._timer.join()

    def _fire(self) -> None:
        self._has_fired.set()
        self._abort()
