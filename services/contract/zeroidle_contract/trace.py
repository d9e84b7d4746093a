"""X-Ray's trace header, as it stands on a message and as Lambda gives it to an invocation.

    Root=1-5759e988-bd862e3fe1be46a994272793;Parent=53995c3f42cd8ad8;Sampled=1

Other fields (`Self`, `Lineage`) may stand in it and are ignored. Knows nothing of X-Ray's SDK.
"""

import re
from dataclasses import dataclass
from typing import Self

TRACE_ID = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
SEGMENT_ID = re.compile(r"[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class TraceHeader:
    """Which trace, which segment of it, and whether the trace is recorded."""

    trace_id: str
    parent_id: str | None
    is_sampled: bool

    @classmethod
    def parse(cls, header: str | None) -> Self | None:
        """The header's fields; None where there is no header, or none that names a trace."""
        pairs = (part.strip().partition("=") for part in (header or "").split(";"))
        fields = {name: value for name, _, value in pairs}
        trace_id, parent_id = fields.get("Root", ""), fields.get("Parent", "")
        if not TRACE_ID.fullmatch(trace_id):
            return None
        return cls(
            trace_id=trace_id,
            parent_id=parent_id if SEGMENT_ID.fullmatch(parent_id) else None,
            is_sampled=fields.get("Sampled") == "1",
        )
