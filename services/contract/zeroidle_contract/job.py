"""A job: one document, one task, one idempotency key."""

import hashlib
import json
from datetime import UTC, datetime
from typing import Annotated, Final, Literal, Self

from pydantic import AfterValidator, AwareDatetime, Field, StringConstraints, model_validator

from zeroidle_contract.task import Complete, Frozen, Task

SCHEMA_VERSION: Final = 1


def _no_dot_segment(job_id: str) -> str:
    if job_id in {".", ".."}:
        msg = "`.` and `..` are no ids"
        raise ValueError(msg)
    return job_id


JobId = Annotated[
    str,
    StringConstraints(pattern=r"^[A-Za-z0-9._:-]{1,128}$"),
    # As a part of an S3 key these two would be folded away by some clients.
    AfterValidator(_no_dot_segment),
]
Tenant = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")]
Sha256 = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]

NO_TENANT = "-"
"""Stands for "no tenant" in keys; no tenant can have this name."""


def job_key(tenant: str | None, job_id: str) -> str:
    """The jobs table's key: `tenant/job_id`. Neither part can hold a slash."""
    return f"{tenant or NO_TENANT}/{job_id}"


class S3Document(Frozen):
    """A document that lies in the stack's own bucket under the tenant's prefix."""

    key: Annotated[str, StringConstraints(min_length=1, max_length=1024)]
    sha256: Sha256
    bytes: Annotated[int, Field(ge=1)]


class Document(Frozen):
    """Either the text itself, or where it lies."""

    text: str | None = None
    s3: S3Document | None = None

    @model_validator(mode="after")
    def _exactly_one(self) -> Self:
        if (self.text is None) == (self.s3 is None):
            msg = "give either text or s3"
            raise ValueError(msg)
        return self


class Job(Frozen):
    """What a producer asks for.

    `job_id` is the idempotency key within its tenant: the same id with the same content is the
    same job, with other content a conflict.
    """

    schema_version: Literal[1] = SCHEMA_VERSION
    job_id: JobId
    task: Task
    document: Document | None = None
    tenant: Tenant | None = None
    deadline: AwareDatetime | None = None
    submitted_at: AwareDatetime = Field(default_factory=lambda: datetime.now(UTC))

    @model_validator(mode="after")
    def _has_input(self) -> Self:
        if self.document is None and not (isinstance(self.task, Complete) and self.task.messages):
            msg = "document is required (only `complete` with messages goes without)"
            raise ValueError(msg)
        return self

    @property
    def key(self) -> str:
        """The jobs table's key."""
        return job_key(self.tenant, self.job_id)

    def content_sha256(self) -> str:
        """Identifies the content: everything but `submitted_at`.

        A document has the same identity inline and in S3, so that a change of the producer's
        claim-check threshold does not turn a resubmission into a conflict.
        """
        content = self.model_dump(mode="json", exclude={"submitted_at", "document"})
        content["document"] = self._document_sha256()
        canonical = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(canonical.encode()).hexdigest()

    def _document_sha256(self) -> str | None:
        if self.document is None:
            return None
        if self.document.s3 is not None:
            return self.document.s3.sha256
        return hashlib.sha256((self.document.text or "").encode()).hexdigest()
