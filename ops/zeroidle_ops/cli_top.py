"""`zeroidle top`: reads arguments, looks at the stack again and again, shows the screen."""

from collections import deque
from typing import Annotated

from cyclopts import Parameter
from rich.console import Console
from rich.live import Live

from zeroidle_contract import load_prices
from zeroidle_ops.cli import Options
from zeroidle_ops.console import DONE, PARTIAL, show
from zeroidle_ops.errors import UsageError
from zeroidle_ops.observe.observer import Observer
from zeroidle_ops.observe.screen import screen
from zeroidle_ops.observe.snapshot_json import as_json
from zeroidle_producer.clock import SystemClock

NO_OPTIONS = Options()
HISTORY = 60


def top(
    *,
    options: Options = NO_OPTIONS,
    once: Annotated[bool, Parameter(help="Show it once and end.")] = False,
    every_s: Annotated[float, Parameter(help="Seconds between two looks.")] = 2,
) -> int:
    """Watch a stack; its help is in `cli_commands`."""
    if not every_s > 0:
        raise UsageError("--every-s must be above 0")
    clock = SystemClock()
    with options.target() as target:
        _ = target.stack  # a stack that is not there is told in a sentence, not on the screen
        observer = Observer(target=target, prices=load_prices(), clock=clock)
        if once or options.json or not Console().is_terminal:
            snapshot = observer.look()
            show(as_json(snapshot), screen(snapshot), json=options.json)
            return PARTIAL if snapshot.unreadable else DONE
        history: deque[int] = deque(maxlen=HISTORY)
        # One write a look, on the terminal's other screen: nothing flickers or scrolls.
        try:
            with Live(screen=True, auto_refresh=False) as live:
                while True:
                    snapshot = observer.look()
                    if snapshot.queue is not None:
                        history.append(snapshot.queue.waiting)
                    live.update(screen(snapshot, history=history), refresh=True)
                    clock.sleep(every_s)
        except KeyboardInterrupt:
            return DONE
