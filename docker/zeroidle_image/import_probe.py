"""Runs inside the image: how long the handler's import takes, and when reading the model begins.

With the argument `alone` the model is read but not loaded, so that what is timed is the handler's
own import; without it both go on side by side as they do in Lambda. Prints one line of JSON. Its
clock starts with its own first line. It also lists what an import must not do: compile a module
whose byte code should have been shipped, or speak to anybody.
"""

import time

_BEGAN_S = time.perf_counter()

import json  # noqa: E402
import os  # noqa: E402
import sys  # noqa: E402
from types import ModuleType  # noqa: E402

_SPEAKING = ("socket.connect", "socket.getaddrinfo", "socket.sendto")

_opened_s: list[float] = []
_compiled: list[str] = []
_spoken: list[str] = []


def _watch(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and str(arguments[0]) == os.environ["ZEROIDLE_MODEL_PATH"]:
        _opened_s.append(time.perf_counter())
    elif event == "compile" and str(arguments[1]).endswith(".py"):
        _compiled.append(str(arguments[1]))
    elif event in _SPEAKING:
        _spoken.append(event)


class _NoLoad(ModuleType):
    """Stands where the loading thread looks for `load`."""

    def load(self, *_: object, **__: object) -> None:
        """Load nothing."""


if sys.argv[1:] == ["alone"]:
    sys.modules["zeroidle_inference.engine.load"] = _NoLoad("zeroidle_inference.engine.load")
sys.addaudithook(_watch)
import zeroidle_inference.handler  # noqa: E402

_imported_s, _cpu_s = time.perf_counter(), time.thread_time()
zeroidle_inference.handler._LOADING.wait(600)  # noqa: SLF001 - what the first job would wait for
sys.stdout.write(
    json.dumps(
        {
            "imported_ms": (_imported_s - _BEGAN_S) * 1000,
            "cpu_ms": _cpu_s * 1000,
            "reading_begins_ms": (min(_opened_s) - _BEGAN_S) * 1000,
            "model_loaded_ms": (time.perf_counter() - _BEGAN_S) * 1000,
            "compiled": _compiled,
            "spoken": _spoken,
        }
    )
    + "\n"
)
sys.stdout.flush()
os._exit(0)  # the loading thread's libraries need no orderly end
