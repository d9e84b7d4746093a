"""The network calls of one invocation, made by threads so that the engine never waits for them."""

from collections.abc import Callable
from concurrent.futures import Executor, Future, wait
from functools import partial
from typing import ParamSpec

from zeroidle_inference.telemetry import Log, where

P = ParamSpec("P")


class Pool:
    """Runs calls on an executor and remembers them until they are done."""

    def __init__(self, *, executor: Executor, log: Log) -> None:
        self._executor = executor
        self._log = log
        self._futures: list[Future[None]] = []

    def submit(self, call: Callable[P, None], *args: P.args, **kwargs: P.kwargs) -> None:
        """Have the call made soon. May be called from calls."""
        self._futures.append(self._executor.submit(self._run, partial(call, *args, **kwargs)))

    def drain(self, timeout_s: Callable[[], float]) -> bool:
        """Wait until all calls are done, those that they submit included.

        Returns:
            False when the time (`timeout_s` left, asked again each round) was too short. Calls that
            have not begun by then are dropped.
        """
        while pending := [future for future in self._futures if not future.done()]:
            _, late = wait(pending, timeout=max(0.0, timeout_s()))
            if late and timeout_s() <= 0:
                for future in late:
                    future.cancel()
                return False
        return True

    def _run(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:  # noqa: BLE001 - its record stays unsettled, and so comes back
            self._log.error("call_failed", error=type(error).__name__, where=where(error))
