"""Error codes: the one list of what can go wrong with a job, what each code means and what to do.

Producers read them in `Result.error`, on-call in the dead-letter queue and in `zeroidle failures`.
Whether and when the consumer tries again is its own policy; here stands only whether a later,
unchanged attempt can succeed at all.

    ContractError
    ├── InvalidRecordError     a queue record that can never become a job
    ├── ClaimCheckError        a document in S3 that is missing, foreign or altered
    ├── ProfileError           a service-time profile that is not there or cannot be read
    └── StackNotFoundError     no stack of that name, or one that zeroidle did not make
"""

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType


class ErrorCode(StrEnum):
    """Why a job did not succeed."""

    INVALID_JSON = "invalid_json"
    INVALID_JOB = "invalid_job"
    UNKNOWN_TASK = "unknown_task"
    UNSUPPORTED_VERSION = "unsupported_version"
    CONTENT_CONFLICT = "content_conflict"
    EMPTY_DOCUMENT = "empty_document"
    DOCUMENT_TOO_LONG = "document_too_long"
    DOCUMENT_MISSING = "document_missing"
    DOCUMENT_FORBIDDEN = "document_forbidden"
    DOCUMENT_HASH_MISMATCH = "document_hash_mismatch"
    DOCUMENT_NOT_TEXT = "document_not_text"
    INVALID_SCHEMA = "invalid_schema"
    OUTPUT_TRUNCATED = "output_truncated"
    DEADLINE_PASSED = "deadline_passed"
    TIMEOUT_TOO_SHORT = "timeout_too_short"
    ATTEMPTS_EXHAUSTED = "attempts_exhausted"
    DEPENDENCY_DOWN = "dependency_down"
    INTERNAL = "internal"


@dataclass(frozen=True)
class Explanation:
    """What a code means, what usually fixes it, and whether the same job can succeed later."""

    meaning: str
    remedy: str
    retryable: bool


EXPLANATIONS = MappingProxyType(
    {
        ErrorCode.INVALID_JSON: Explanation(
            "The message body is not JSON.",
            "Publish through zeroidle_producer, or validate against schemas/job.schema.json.",
            retryable=False,
        ),
        ErrorCode.INVALID_JOB: Explanation(
            "The message is JSON, but a field is missing, unknown or out of range.",
            "The error message names the field. Fix the producer and submit again.",
            retryable=False,
        ),
        ErrorCode.UNKNOWN_TASK: Explanation(
            "The task's `kind` is none that this version knows.",
            "Use a task that this version knows, or deploy a newer version and redrive.",
            retryable=True,
        ),
        ErrorCode.UNSUPPORTED_VERSION: Explanation(
            "The message was written for another schema version.",
            "Deploy the consumer before its producers, then redrive.",
            retryable=True,
        ),
        ErrorCode.CONTENT_CONFLICT: Explanation(
            "Another job with other content stands under the same job id.",
            "Give each document an id of its own; the first job's result is untouched.",
            retryable=False,
        ),
        ErrorCode.EMPTY_DOCUMENT: Explanation(
            "The document holds no text.",
            "Skip empty documents in the producer.",
            retryable=False,
        ),
        ErrorCode.DOCUMENT_TOO_LONG: Explanation(
            "The document does not fit the model's context beside its instruction.",
            "Split the document, or deploy with a larger context.",
            retryable=False,
        ),
        ErrorCode.DOCUMENT_MISSING: Explanation(
            "The S3 object that holds the document does not exist.",
            "Check the bucket's lifecycle, then submit it under a new job id.",
            retryable=False,
        ),
        ErrorCode.DOCUMENT_FORBIDDEN: Explanation(
            "The S3 key lies outside the tenant's prefix.",
            "Publish through zeroidle_producer; a foreign key is an error or an attack.",
            retryable=False,
        ),
        ErrorCode.DOCUMENT_HASH_MISMATCH: Explanation(
            "The S3 object is not the document that was submitted: its SHA-256 or size differs.",
            "Find out who overwrote the object, then submit it under a new job id.",
            retryable=False,
        ),
        ErrorCode.DOCUMENT_NOT_TEXT: Explanation(
            "The S3 object is not valid UTF-8 text.",
            "Convert the document to UTF-8 text and submit it under a new job id.",
            retryable=False,
        ),
        ErrorCode.INVALID_SCHEMA: Explanation(
            "The JSON Schema cannot be compiled to a grammar, or cannot be met.",
            "Simplify the schema; the message says which part is not supported.",
            retryable=False,
        ),
        ErrorCode.OUTPUT_TRUNCATED: Explanation(
            "The model reached its token limit before the output was complete.",
            "Raise max_tokens, or bound the schema (maxLength, maxItems).",
            retryable=False,
        ),
        ErrorCode.DEADLINE_PASSED: Explanation(
            "The job's own deadline passed before it was done.",
            "Raise the stack's MaximumConcurrency, or give new jobs more time.",
            retryable=False,
        ),
        ErrorCode.TIMEOUT_TOO_SHORT: Explanation(
            "The job cannot finish within the function's timeout, even alone.",
            "Raise the function's timeout, split the document, or use a smaller model.",
            retryable=False,
        ),
        ErrorCode.ATTEMPTS_EXHAUSTED: Explanation(
            "Every permitted attempt began and none finished: crashes or timeouts.",
            "Look for out-of-memory kills at the last attempt; raise memory, then redrive.",
            retryable=True,
        ),
        ErrorCode.DEPENDENCY_DOWN: Explanation(
            "DynamoDB, S3 or SQS did not answer.",
            "Wait for the dependency to recover, then redrive.",
            retryable=True,
        ),
        ErrorCode.INTERNAL: Explanation(
            "An unexpected error inside zeroidle.",
            "Group by fingerprint, read the log of one job, fix, deploy, redrive.",
            retryable=True,
        ),
    }
)


class ContractError(Exception):
    """Base of this package's errors."""


class InvalidRecordError(ContractError):
    """A queue record that can never become a job.

    Attributes:
        code: why.
        job_key: the jobs-table key, where tenant and job id could still be read.
    """

    def __init__(self, code: ErrorCode, message: str, *, job_key: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.job_key = job_key


class ClaimCheckError(ContractError):
    """A document in S3 that is missing, foreign or altered. `code` says which."""

    def __init__(self, code: ErrorCode, message: str) -> None:
        super().__init__(message)
        self.code = code


_VARIABLE_PARTS = re.compile(r"0x[0-9a-f]+|\d+|'[^']*'|\"[^\"]*\"")


def fingerprint(code: str, message: str) -> str:
    """Twelve hex digits that are equal for failures of one cause.

    Numbers and quoted parts of the message vary from job to job and are left out.
    """
    stem = _VARIABLE_PARTS.sub("_", message.lower())
    return hashlib.sha256(f"{code}\n{stem}".encode()).hexdigest()[:12]
