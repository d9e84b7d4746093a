"""The model's load, in a thread of its own: it goes on while Python imports and Lambda waits.

A load that failed is tried again by the next one who asks, so that an environment with a passing
fault heals itself. Imports nothing heavy: the handler imports it before the load begins.
"""

import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from typing import Generic, TypeVar

from zeroidle_inference.errors import ModelNotReadyError

Model = TypeVar("Model")


class Loading(Generic[Model]):
    """One model, being loaded or loaded. `load` runs in a thread."""

    def __init__(self, load: Callable[[], Model]) -> None:
        self._load = load
        self._lock = threading.Lock()
        self._started_s = time.monotonic()
        self._took_s = 0.0
        self._future = self._start()

    @property
    def took_s(self) -> float:
        """Seconds from the first start until the model was there; 0.0 before."""
        return self._took_s

    @property
    def is_done(self) -> bool:
        """True when the model is there."""
        return self._future.done() and self._future.exception() is None

    def wait(self, timeout_s: float | None = None) -> Model:
        """The model, when it is there.

        Raises:
            ModelNotReadyError: not in this time; the load goes on.
            Exception: what the load raised.
        """
        with self._lock:
            if self._future.done() and self._future.exception() is not None:
                self._future = self._start()
            future = self._future
        try:
            return future.result(timeout_s)
        except FutureTimeoutError as error:
            if future.done():
                raise
            raise ModelNotReadyError("the model is still loading") from error

    def _start(self) -> Future[Model]:
        future: Future[Model] = Future()
        threading.Thread(target=self._run, args=(future,), name="load-model", daemon=True).start()
        return future

    def _run(self, future: Future[Model]) -> None:
        try:
            model = self._load()
        except BaseException as error:  # noqa: BLE001 - raised again where the model is asked for
            future.set_exception(error)
            return
        self._took_s = time.monotonic() - self._started_s
        future.set_result(model)
