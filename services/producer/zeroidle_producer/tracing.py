"""The X-Ray trace that a submit belongs to, as the header that travels with its message.

Needs no X-Ray SDK: Lambda's runtime keeps the header in the environment. Other services pass their
own source to `Producer(trace_header=...)`.
"""

import os
from collections.abc import Callable

from zeroidle_contract.trace import TraceHeader

TRACE_VARIABLE = "_X_AMZN_TRACE_ID"


def lambda_trace_header() -> str | None:
    """The header of the invocation under way; None outside of Lambda."""
    return os.environ.get(TRACE_VARIABLE)


def well_formed(source: Callable[[], str | None]) -> str | None:
    """The header that `source` gives, if it names a trace: SQS refuses messages with any other."""
    header = source()
    return header if TraceHeader.parse(header) is not None else None
