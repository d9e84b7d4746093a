"""Serves a stack's metrics to Prometheus over HTTP, on this machine alone unless told otherwise.

A scrape reads the stack; what cannot be read is missing from the answer and counted in
`zeroidle_exporter_read_errors_total`, and the exporter lives on.
"""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, start_http_server
from prometheus_client.core import Metric
from prometheus_client.registry import Collector

from zeroidle_ops.observe.metrics import families, read_errors
from zeroidle_ops.observe.observer import Observer
from zeroidle_ops.observe.snapshot import Source


class StackCollector(Collector):
    """A snapshot at each scrape. Scrapes at once wait for each other."""

    def __init__(self, observer: Observer) -> None:
        self._observer = observer
        self._lock = threading.Lock()
        self._errors = Counter({source.value: 0 for source in Source})

    def describe(self) -> list[Metric]:
        """Nothing beforehand: registering must not read the stack."""
        return []

    def collect(self) -> Iterator[Metric]:
        """What Prometheus asked for."""
        with self._lock:
            snapshot = self._observer.look()
            self._errors.update(source.value for source in snapshot.unreadable)
            counts = dict(self._errors)
        yield from families(snapshot)
        yield read_errors(counts)


@contextmanager
def serve(observer: Observer, *, host: str, port: int) -> Iterator[int]:
    """Serve `/metrics` for the length of a block; the port in use (0 chooses a free one)."""
    registry = CollectorRegistry()
    registry.register(StackCollector(observer))
    server, thread = start_http_server(port, addr=host, registry=registry)
    try:
        yield server.server_port
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
