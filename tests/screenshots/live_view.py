"""The picture of `zeroidle top`, of a local stack that works on the samples."""

import io
import time
from pathlib import Path

from rich.console import Console

from browser import Browser
from zeroidle_contract import load_prices
from zeroidle_ops.observe.observer import Observer
from zeroidle_ops.observe.screen import WIDTH, screen
from zeroidle_ops.observe.snapshot import Source
from zeroidle_ops.samples import load_samples
from zeroidle_ops.stack.local import local_stack
from zeroidle_ops.stack.target import Target
from zeroidle_producer.clock import SystemClock

LOOKS = 30
EVERY_S = 2.0
STRANGERS = 3


def photograph_top(browser: Browser, *, to: Path, folder: Path) -> None:
    """Start a local stack, give it the samples and three messages that are no jobs, and look."""
    with local_stack() as target:
        _busy(target)
        page = folder / "top.html"
        page.write_text(_watch(target))
    browser.look(width=1000, height=760)
    browser.open(page)
    browser.picture(to, selector="svg")


def _busy(target: Target) -> None:
    for number in range(STRANGERS):
        target.sqs.send_message(QueueUrl=target.stack.queue_url, MessageBody=f"stranger {number}")
    with target.producer() as producer:
        producer.submit_many([sample.job("picture") for sample in load_samples(Path("samples"))])


def _watch(target: Target) -> str:
    observer = Observer(
        target=target,
        prices=load_prices(),
        clock=SystemClock(),
        periods_s=dict.fromkeys(Source, 0.0),
    )
    history: list[int] = []
    for _ in range(LOOKS):
        time.sleep(EVERY_S)
        level = observer.look().queue
        history.append(level.waiting if level else 0)
    console = Console(width=WIDTH, record=True, file=io.StringIO(), force_terminal=True)
    console.print(screen(observer.look(), history=history))
    return console.export_svg(title="zeroidle top")
