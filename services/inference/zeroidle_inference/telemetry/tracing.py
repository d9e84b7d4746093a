"""Subsegments for X-Ray: the one module that knows aws-xray-sdk (ADR 0006).

Lambda makes the invocation's segment; what is sent from here are subsegments of it, each a document
of its own, with an explicit parent and explicit times. The SDK's recorder and its context, a stack
for each thread, are not used: the jobs of a batch are interleaved.

Nothing is sent for an invocation that was not sampled, and nothing outside of an invocation. The
emitter writes to a UDP socket that never blocks, so that a missing daemon costs nothing. The SDK
itself takes a quarter of a second to import: that happens in a thread of its own, when the first
sampled invocation begins.
"""

import logging
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from typing import Any

from zeroidle_contract.trace import TraceHeader

NUMERIC = re.compile(r"\d{1,3}(\.\d{1,3}){3}:\d{1,5}")
"""The form that Lambda gives. A host name would have to be looked up at each send."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A subsegment that has ended; times in seconds since the epoch."""

    name: str
    start_s: float
    end_s: float
    annotations: Mapping[str, str | int] = field(default_factory=dict)
    children: tuple["Span", ...] = ()
    is_error: bool = False
    is_fault: bool = False


class Trace:
    """One sampled invocation's segment, to which subsegments are sent. From any thread."""

    def __init__(self, header: TraceHeader, daemon_address: str) -> None:
        self._header = header
        self._daemon_address = daemon_address

    def send(self, span: Span) -> None:
        """Send a subsegment with its children."""
        sdk = _sdk()
        segment = sdk.FacadeSegment(
            "zeroidle",
            entityid=self._header.parent_id,
            traceid=self._header.trace_id,
            sampled=True,
        )
        emitter = _emitter(self._daemon_address)
        emitter.send_entity(_entity(sdk, span, segment, self._header.parent_id))


class Tracer:
    """Begins traces where the daemon is known and the invocation was sampled."""

    def __init__(self, daemon_address: str | None) -> None:
        is_known = daemon_address is not None and NUMERIC.fullmatch(daemon_address)
        self._daemon_address = daemon_address if is_known else None
        self._is_prepared = False

    def begin(self, header: TraceHeader | None) -> Trace | None:
        """The invocation's trace; None when nothing is to be sent."""
        if self._daemon_address is None or header is None:
            return None
        if not header.is_sampled or header.parent_id is None:
            return None
        if not self._is_prepared:
            self._is_prepared = True
            threading.Thread(target=_sdk, name="import-xray", daemon=True).start()
        return Trace(header, self._daemon_address)


@dataclass(frozen=True, slots=True)
class _Sdk:
    FacadeSegment: Any
    Subsegment: Any
    UDPEmitter: Any


@cache
def _sdk() -> _Sdk:
    # The SDK logs what it cannot send with a traceback a time.
    logging.getLogger("aws_xray_sdk").setLevel(logging.CRITICAL)
    from aws_xray_sdk.core.emitters.udp_emitter import UDPEmitter  # noqa: PLC0415 - takes 0.25 s
    from aws_xray_sdk.core.models.facade_segment import FacadeSegment  # noqa: PLC0415 - likewise
    from aws_xray_sdk.core.models.subsegment import Subsegment  # noqa: PLC0415 - likewise

    return _Sdk(FacadeSegment, Subsegment, UDPEmitter)


@cache
def _emitter(daemon_address: str) -> Any:  # noqa: ANN401 - the SDK has no types
    return _sdk().UDPEmitter(daemon_address)


def _entity(sdk: _Sdk, span: Span, segment: Any, parent_id: str | None) -> Any:  # noqa: ANN401
    # X-Ray knows the namespaces `aws` and `remote`, for calls; this is work of our own.
    entity = sdk.Subsegment(span.name, None, segment)
    entity.parent_id = parent_id
    entity.start_time = span.start_s
    for key, value in span.annotations.items():
        entity.put_annotation(key, value)
    if span.is_error:
        entity.add_error_flag()
    if span.is_fault:
        entity.add_fault_flag()
    for child in span.children:
        entity.add_subsegment(_entity(sdk, child, segment, entity.id))
    entity.close(span.end_s)
    return entity
