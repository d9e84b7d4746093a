"""`zeroidle exporter`: reads arguments, serves until told to stop."""

import signal
import threading
from typing import Annotated

from cyclopts import Parameter

from zeroidle_contract import load_prices
from zeroidle_ops.cli import Options
from zeroidle_ops.console import DONE, show, tell
from zeroidle_ops.errors import UsageError
from zeroidle_ops.observe.exporter import serve
from zeroidle_ops.observe.observer import Observer
from zeroidle_producer.clock import SystemClock

NO_OPTIONS = Options()
MOST_PORT = 65_535


def exporter(
    *,
    options: Options = NO_OPTIONS,
    host: Annotated[str, Parameter(help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, Parameter(help="Port; 0 takes a free one.")] = 9464,
) -> int:
    """Serve a stack's metrics; its help is in `cli_commands`."""
    if not 0 <= port <= MOST_PORT:
        raise UsageError(f"--port must be 0 to {MOST_PORT}")
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())

    with options.target() as target:
        _ = target.stack  # a wrong name ends it; what breaks while it serves does not
        observer = Observer(target=target, prices=load_prices(), clock=SystemClock())
        with serve(observer, host=host, port=port, tell=tell) as listening:
            url = f"http://{host}:{listening}/metrics"
            show({"url": url}, f"serving {url}", json=options.json)
            stop.wait()
    return DONE
