"""Jobs to message bodies and back. The body is the job's JSON; nothing else travels in it."""

import json
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from zeroidle_contract.errors import ErrorCode, InvalidRecordError
from zeroidle_contract.job import SCHEMA_VERSION, Job, job_key

TRACE_HEADER: Final = "AWSTraceHeader"
"""The SQS message *system* attribute that carries the producer's X-Ray trace header."""

ATTRIBUTE_ERROR_CODE = "error_code"
ATTRIBUTE_FINGERPRINT = "fingerprint"
ATTRIBUTE_JOB_ID = "job_id"
ATTRIBUTE_REDRIVE_COUNT = "redrive_count"
ATTRIBUTE_REDRIVE_PLAN = "redrive_plan"


def encode(job: Job) -> str:
    """The message body of a job: compact JSON without unset fields.

    Two characters that JSON may hold and SQS refuses are escaped.
    """
    body = job.model_dump_json(exclude_none=True)
    return body.replace("\ufffe", r"\ufffe").replace("\uffff", r"\uffff")


def decode(body: str) -> Job:
    """The job in a message body.

    Raises:
        InvalidRecordError: with a code, a message that names the field but never its value, and
            the job's key where tenant and id can still be read.
    """
    try:
        raw: Any = json.loads(body)
    except (ValueError, RecursionError):
        # A JSONDecodeError carries the whole body: it must not travel on as the cause.
        raise InvalidRecordError(ErrorCode.INVALID_JSON, "the body is not JSON") from None
    if not isinstance(raw, dict):
        raise InvalidRecordError(ErrorCode.INVALID_JOB, "the body is not a JSON object")
    key = _salvage_key(raw)
    version = raw.get("schema_version", SCHEMA_VERSION)
    if version != SCHEMA_VERSION:
        raise InvalidRecordError(
            ErrorCode.UNSUPPORTED_VERSION,
            f"schema_version is not {SCHEMA_VERSION}, the one this consumer reads",
            job_key=key,
        )
    try:
        job = Job.model_validate_json(body)
    except ValidationError as error:
        code, message = _explain(error.errors(include_input=False, include_url=False))
        raise InvalidRecordError(code, message, job_key=key) from None
    if job.document is not None and job.document.text is not None and not job.document.text.strip():
        raise InvalidRecordError(
            ErrorCode.EMPTY_DOCUMENT, "document.text holds no text", job_key=key
        )
    return job


def _salvage_key(raw: dict[str, Any]) -> str | None:
    try:
        probe = Job.model_validate(
            {
                "job_id": raw["job_id"],
                "tenant": raw.get("tenant"),
                "task": {"kind": "summarize"},
                "document": {"text": "-"},
            }
        )
    except (KeyError, ValidationError):
        return None
    return job_key(probe.tenant, probe.job_id)


def _explain(errors: list[ErrorDetails]) -> tuple[ErrorCode, str]:
    """A code and one sentence. Locations are kept, except keys that the sender made up."""
    first = errors[0]
    if first["type"].startswith("union_tag") and first["loc"] == ("task",):
        return ErrorCode.UNKNOWN_TASK, "task.kind is missing or unknown"
    location = ".".join(str(part) for part in first["loc"]) or "job"
    if first["type"] == "extra_forbidden":
        location = ".".join(str(part) for part in first["loc"][:-1]) or "job"
        return ErrorCode.INVALID_JOB, f"{location} has a field that this schema does not know"
    if first["type"] == "json_invalid":
        return ErrorCode.INVALID_JSON, "the body is not strict JSON"
    more = f" (and {len(errors) - 1} more)" if len(errors) > 1 else ""
    return ErrorCode.INVALID_JOB, f"{location}: {first['msg']}{more}"
