"""The claim check: what was stored comes back, and nothing else does."""

import hashlib
import io
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroidle_contract import ClaimCheck, ClaimCheckError, ErrorCode, S3Document


class NoSuchKey(Exception):  # noqa: N818 -- boto3's name
    pass


class Bucket:
    """An S3 client with one bucket, in memory."""

    exceptions = SimpleNamespace(NoSuchKey=NoSuchKey)

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def put_object(self, *, Bucket: str, Key: str, Body: bytes, ContentType: str) -> None:  # noqa: N803
        self.objects[Key] = Body

    def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
        if Key not in self.objects:
            raise NoSuchKey
        return {"Body": io.BytesIO(self.objects[Key])}


@pytest.fixture
def bucket() -> Bucket:
    return Bucket()


@pytest.fixture
def claim_check(bucket: Bucket) -> ClaimCheck:
    return ClaimCheck(s3=bucket, bucket="stack")  # type: ignore[arg-type]


def code_of(claim_check: ClaimCheck, tenant: str | None, claim: S3Document) -> ErrorCode:
    with pytest.raises(ClaimCheckError) as caught:
        claim_check.get(tenant, claim)
    return caught.value.code


@given(text=st.text(min_size=1))
def test_what_was_stored_comes_back(text: str) -> None:
    claim_check = ClaimCheck(s3=Bucket(), bucket="stack")  # type: ignore[arg-type]

    assert claim_check.get("shop", claim_check.put_document("shop", "a", text)) == text


def test_a_key_names_tenant_job_and_content(claim_check: ClaimCheck) -> None:
    sha256 = hashlib.sha256(b"text").hexdigest()

    document = claim_check.put_document("shop", "a", "text")
    output = claim_check.put_output(None, "a", "text")

    assert document.key == f"tenants/shop/documents/a/{sha256}.txt"
    assert output.key == f"tenants/-/outputs/a/{sha256}.txt"
    assert document.bytes == 4


def test_other_content_never_overwrites(claim_check: ClaimCheck, bucket: Bucket) -> None:
    first = claim_check.put_document("shop", "a", "text")
    claim_check.put_document("shop", "a", "other text")

    assert claim_check.get("shop", first) == "text"
    assert len(bucket.objects) == 2


@pytest.mark.parametrize("tenant", ["acme", None, "sho", "shop-2"])
def test_a_claim_of_another_tenant_is_forbidden(
    claim_check: ClaimCheck, tenant: str | None
) -> None:
    claim = claim_check.put_document("shop", "a", "text")

    assert code_of(claim_check, tenant, claim) is ErrorCode.DOCUMENT_FORBIDDEN


def test_a_key_that_climbs_out_of_the_prefix_is_forbidden(claim_check: ClaimCheck) -> None:
    claim = claim_check.put_document("shop", "a", "text")
    climbing = claim.model_copy(update={"key": "tenants/acme/../shop/documents/a"})

    assert code_of(claim_check, "acme", climbing) is ErrorCode.DOCUMENT_FORBIDDEN


def test_an_object_that_is_gone_is_missing(claim_check: ClaimCheck, bucket: Bucket) -> None:
    claim = claim_check.put_document("shop", "a", "text")
    bucket.objects.clear()

    assert code_of(claim_check, "shop", claim) is ErrorCode.DOCUMENT_MISSING


@pytest.mark.parametrize("altered", [b"tex", b"texts", b"TEXT", b""])
def test_an_object_that_was_altered_is_refused(
    claim_check: ClaimCheck, bucket: Bucket, altered: bytes
) -> None:
    claim = claim_check.put_document("shop", "a", "text")
    bucket.objects[claim.key] = altered

    assert code_of(claim_check, "shop", claim) is ErrorCode.DOCUMENT_HASH_MISMATCH


def test_an_object_that_is_not_utf8_is_not_text(claim_check: ClaimCheck, bucket: Bucket) -> None:
    data = b"\xff\xfe"
    bucket.objects["tenants/shop/x"] = data
    claim = S3Document(key="tenants/shop/x", sha256=hashlib.sha256(data).hexdigest(), bytes=2)

    assert code_of(claim_check, "shop", claim) is ErrorCode.DOCUMENT_NOT_TEXT


def test_other_errors_of_s3_pass_through() -> None:
    class Denying(Bucket):
        def get_object(self, *, Bucket: str, Key: str) -> dict[str, Any]:  # noqa: N803
            raise PermissionError(Key)

    claim = S3Document(key="tenants/shop/x", sha256="0" * 64, bytes=2)

    with pytest.raises(PermissionError):
        ClaimCheck(s3=Denying(), bucket="stack").get("shop", claim)  # type: ignore[arg-type]
