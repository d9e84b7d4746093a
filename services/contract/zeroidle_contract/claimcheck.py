"""The claim check: large texts travel through S3; the message says where, how long, which hash.

Keys lie under `tenants/<tenant>/`, so that access can be granted by prefix, and hold the content's
hash, so that a resubmission writes the same object and other content never overwrites it.
"""

import hashlib
from typing import TYPE_CHECKING

from zeroidle_contract.errors import ClaimCheckError, ErrorCode
from zeroidle_contract.job import NO_TENANT, S3Document

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INLINE_LIMIT_BYTES = 128 * 1024
"""Documents above this go to S3: ten of them stay within Lambda's 6 MB payload."""


def tenant_prefix(tenant: str | None) -> str:
    """Where a tenant's objects lie in the stack's bucket, with the slash at the end."""
    return f"tenants/{tenant or NO_TENANT}/"


class ClaimCheck:
    """Reads and writes a tenant's texts in the stack's bucket."""

    def __init__(self, *, s3: "S3Client", bucket: str) -> None:
        self._s3 = s3
        self._bucket = bucket

    def put_document(self, tenant: str | None, job_id: str, text: str) -> S3Document:
        """Store an input and return its claim."""
        return self._put(tenant, "documents", job_id, text)

    def put_output(self, tenant: str | None, job_id: str, text: str) -> S3Document:
        """Store an output that is too large for the table and return its claim."""
        return self._put(tenant, "outputs", job_id, text)

    def _put(self, tenant: str | None, folder: str, job_id: str, text: str) -> S3Document:
        data = text.encode()
        sha256 = hashlib.sha256(data).hexdigest()
        key = f"{tenant_prefix(tenant)}{folder}/{job_id}/{sha256}.txt"
        self._s3.put_object(
            Bucket=self._bucket, Key=key, Body=data, ContentType="text/plain; charset=utf-8"
        )
        return S3Document(key=key, sha256=sha256, bytes=len(data))

    def get(self, tenant: str | None, claim: S3Document) -> str:
        """The text behind a claim.

        Raises:
            ClaimCheckError: the key lies outside the tenant's prefix, the object is missing, is
                not what was stored, or is not UTF-8. Any other S3 error passes through.
        """
        if not claim.key.startswith(tenant_prefix(tenant)) or "/../" in claim.key:
            raise ClaimCheckError(
                ErrorCode.DOCUMENT_FORBIDDEN, "the S3 key lies outside the tenant's prefix"
            )
        try:
            response = self._s3.get_object(Bucket=self._bucket, Key=claim.key)
        except self._s3.exceptions.NoSuchKey:
            raise ClaimCheckError(
                ErrorCode.DOCUMENT_MISSING, "the S3 object does not exist"
            ) from None
        # One byte more than promised is enough to know, and bounds what is read.
        data = response["Body"].read(claim.bytes + 1)
        if len(data) != claim.bytes or hashlib.sha256(data).hexdigest() != claim.sha256:
            raise ClaimCheckError(
                ErrorCode.DOCUMENT_HASH_MISMATCH,
                "the S3 object's size or SHA-256 differs from the claim",
            )
        try:
            return data.decode()
        except UnicodeDecodeError:
            raise ClaimCheckError(
                ErrorCode.DOCUMENT_NOT_TEXT, "the S3 object is not UTF-8 text"
            ) from None
