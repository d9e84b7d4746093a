"""The shared vocabulary of zeroidle: what producers, the consumer and operators say to each other.

Depends on pydantic alone; AWS clients are passed in.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from zeroidle_contract.claimcheck import INLINE_LIMIT_BYTES, ClaimCheck, tenant_prefix
from zeroidle_contract.codec import decode, encode
from zeroidle_contract.errors import (
    EXPLANATIONS,
    ClaimCheckError,
    ContractError,
    ErrorCode,
    Explanation,
    InvalidRecordError,
    fingerprint,
)
from zeroidle_contract.job import Document, Job, S3Document, job_key
from zeroidle_contract.result import (
    ClassifyOutput,
    CompleteOutput,
    ExtractOutput,
    JobError,
    ModelIdentity,
    Output,
    RedactOutput,
    Result,
    Span,
    Status,
    SummarizeOutput,
    Timings,
    Usage,
)
from zeroidle_contract.schemas import output_schema
from zeroidle_contract.table import JobRow
from zeroidle_contract.task import (
    Classify,
    Complete,
    Entity,
    Extract,
    Message,
    NamedSchema,
    Redact,
    Summarize,
    Task,
)

if TYPE_CHECKING:
    from zeroidle_contract.prices import Prices, load_prices
    from zeroidle_contract.profile import ProfileError, ServiceProfile
    from zeroidle_contract.stack import Stack, StackNotFoundError

# The consumer needs none of these, and they are a twentieth of its import at a cold start.
_AT_FIRST_USE = {
    "Prices": "prices",
    "load_prices": "prices",
    "ProfileError": "profile",
    "ServiceProfile": "profile",
    "Stack": "stack",
    "StackNotFoundError": "stack",
}

__all__ = [
    "EXPLANATIONS",
    "INLINE_LIMIT_BYTES",
    "ClaimCheck",
    "ClaimCheckError",
    "Classify",
    "ClassifyOutput",
    "Complete",
    "CompleteOutput",
    "ContractError",
    "Document",
    "Entity",
    "ErrorCode",
    "Explanation",
    "Extract",
    "ExtractOutput",
    "InvalidRecordError",
    "Job",
    "JobError",
    "JobRow",
    "Message",
    "ModelIdentity",
    "NamedSchema",
    "Output",
    "Prices",
    "ProfileError",
    "Redact",
    "RedactOutput",
    "Result",
    "S3Document",
    "ServiceProfile",
    "Span",
    "Stack",
    "StackNotFoundError",
    "Status",
    "Summarize",
    "SummarizeOutput",
    "Task",
    "Timings",
    "Usage",
    "decode",
    "encode",
    "fingerprint",
    "job_key",
    "load_prices",
    "output_schema",
    "tenant_prefix",
]


def __getattr__(name: str) -> Any:  # noqa: ANN401 - whatever the module has
    """Import what only operators need when they ask for it (PEP 562)."""
    if name not in _AT_FIRST_USE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_AT_FIRST_USE[name]}"), name)
