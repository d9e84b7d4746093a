"""The shared vocabulary of zeroidle: what producers, the consumer and operators say to each other.

Depends on pydantic alone; AWS clients are passed in.
"""

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
from zeroidle_contract.prices import Prices, load_prices
from zeroidle_contract.profile import ProfileError, ServiceProfile
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
from zeroidle_contract.stack import Stack, StackNotFoundError
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
