"""Serves a stack's metrics to Prometheus over HTTP, on this machine alone unless told otherwise.

A scrape reads the stack; what cannot be read is missing from the answer and counted in
`zeroidle_exporter_read_errors_total`, and the exporter lives on. It says so once, not each time.
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from zeroidle_ops.errors import CannotListenError
from zeroidle_ops.observe.metrics import families, read_errors
from zeroidle_ops.observe.observer import Observer
from zeroidle_ops.observe.snapshot import LeftOut, Snapshot

MAY_NOT_LOOK: Final = (
    "this role may not receive dead letters: their number is served, their causes and expiry are "
    "not, and ZeroidleDeadLettersExpiring cannot fire; the stack's ExporterRoleArn may"
)


class StackCollector(Collector):
    """A snapshot at each scrape. Scrapes at once wait for each other."""

    def __init__(self, observer: Observer, *, tell: Callable[[str], None]) -> None:
        self._observer = observer
        self._tell = tell
        self._told: frozenset[str] = frozenset()
        self._lock = threading.Lock()

    def describe(self) -> list[Metric]:
        """Nothing beforehand: registering must not read the stack."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What Prometheus asked for."""
        with self._lock:
            snapshot = self._observer.look()
            failed_reads = self._observer.failed_reads
            self._tell_news(frozenset(_missing(snapshot)))
        yield from families(snapshot)
        yield read_errors({source.value: count for source, count in failed_reads.items()})

    def _tell_news(self, missing: frozenset[str]) -> None:
        for sentence in sorted(missing - self._told):
            self._tell(sentence)
        # What can be read again is told again if it is lost again.
        self._told = missing


def _missing(snapshot: Snapshot) -> Iterator[str]:
    for source, reason in snapshot.unreadable.items():
        yield f"{source.value} cannot be read ({reason}): its metrics are absent"
    letters = snapshot.dead_letters
    if letters is not None and letters.left_out is LeftOut.NOT_ALLOWED:
        yield MAY_NOT_LOOK


@contextmanager
def serve(
    observer: Observer, *, host: str, port: int, tell: Callable[[str], None] = lambda _: None
) -> Iterator[int]:
    """Serve `/metrics` for the length of a block; the port in use (0 chooses a free one).

    `tell` gets a sentence for each part that is missing, when it goes missing.

    Raises:
        CannotListenError: the port is taken, or the address is not this machine's.
    """
    registry = CollectorRegistry()
    registry.register(StackCollector(observer, tell=tell))
    try:
        server, thread = start_http_server(port, addr=host, registry=registry)
    except OSError as error:
        raise CannotListenError(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another --host or --port"
        ) from error
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
