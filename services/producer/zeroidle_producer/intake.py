"""Which jobs a producer accepts: those that the consumer would, and that fit into a message.

Makes no call to AWS.
"""

from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticSerializationError, to_json

from zeroidle_contract import (
    ErrorCode,
    InvalidRecordError,
    Job,
    decode,
    encode,
    tenant_prefix,
)
from zeroidle_contract.job import Tenant
from zeroidle_producer.errors import InvalidJobError

JobLike = Job | Mapping[str, Any]
"""A job, or its fields as `Job` has them."""

_TENANT = TypeAdapter[str | None](Tenant | None)

MESSAGE_BYTES = 1024 * 1024
"""SQS's limit."""

ALLOWANCE_BYTES = 1024
"""More than a claim on a document in S3 or a trace header adds to a message."""


def valid_tenant(tenant: str | None) -> str | None:
    """The tenant, if it is one.

    Raises:
        InvalidJobError: it is not.
    """
    try:
        return _TENANT.validate_python(tenant)
    except ValidationError:
        raise InvalidJobError(
            ErrorCode.INVALID_JOB,
            "tenant: 1 to 64 letters, digits, dots, underscores or dashes, the first of them a "
            "letter or digit",
        ) from None


def accept(given: JobLike, *, tenant: str | None) -> Job:
    """The job as the consumer will read it, under the producer's tenant.

    The job makes its way through the queue's codec once: what cannot be decoded is refused here,
    with the consumer's own code, and what is recorded is what will arrive.

    Raises:
        InvalidJobError: with the reason, without any value of the job.
    """
    try:
        body = encode(given) if isinstance(given, Job) else to_json(dict(given)).decode()
        job = decode(body)
    except PydanticSerializationError:
        raise InvalidJobError(
            ErrorCode.INVALID_JOB, "a field holds what JSON cannot, or text that is not Unicode"
        ) from None
    except InvalidRecordError as error:
        raise InvalidJobError(error.code, str(error)) from None
    if job.tenant is None:
        job = job.model_copy(update={"tenant": tenant})
    if job.tenant != tenant:
        raise InvalidJobError(
            ErrorCode.INVALID_JOB,
            f"tenant: {job.tenant!r} is not {tenant!r}, for whom this producer publishes",
        )
    claim = job.document.s3 if job.document is not None else None
    if claim is not None and not claim.key.startswith(tenant_prefix(tenant)):
        raise InvalidJobError(
            ErrorCode.DOCUMENT_FORBIDDEN, "document.s3.key lies outside the tenant's prefix"
        )
    return job


def text_for_s3(job: Job, *, inline_limit_bytes: int) -> str | None:
    """The document's text, if it has to travel through S3.

    Raises:
        InvalidJobError: even without that text the message would exceed SQS's limit.
    """
    text = job.document.text if job.document is not None else None
    if text is not None and len(text.encode()) > inline_limit_bytes:
        in_message = job.model_copy(update={"document": None})
    else:
        text, in_message = None, job
    size_bytes = len(encode(in_message).encode())
    if size_bytes > MESSAGE_BYTES - ALLOWANCE_BYTES:
        raise InvalidJobError(
            ErrorCode.INVALID_JOB,
            f"its message would have {size_bytes} bytes, SQS takes {MESSAGE_BYTES}; only a "
            "document above the inline limit travels through S3, never messages or schemas",
        )
    return text


def job_id_of(given: JobLike) -> str:
    """The id that stands in a job, which need not be valid, or ""."""
    if isinstance(given, Job):
        return given.job_id
    job_id = given.get("job_id")
    return job_id if isinstance(job_id, str) else ""
