"""Jobs: identity, keys, and what belongs to the content."""

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from zeroidle_contract import ClaimCheck, Job, job_key


def job(**changes: Any) -> Job:
    fields: dict[str, Any] = {
        "job_id": "a",
        "tenant": "shop",
        "task": {"kind": "summarize"},
        "document": {"text": "a report"},
        "submitted_at": datetime(2026, 11, 3, tzinfo=UTC),
    }
    return Job.model_validate({**fields, **changes})


def test_the_key_is_tenant_and_id() -> None:
    assert job().key == "shop/a"
    assert job(tenant=None).key == "-/a"


def test_no_tenant_can_take_the_key_of_jobs_without_one() -> None:
    with pytest.raises(ValidationError):
        job(tenant="-")
    assert job_key(None, "a") == "-/a"


def test_the_moment_of_submission_is_not_part_of_the_content() -> None:
    later = job(submitted_at=datetime(2026, 11, 4, tzinfo=UTC))

    assert later.content_sha256() == job().content_sha256()


@pytest.mark.parametrize(
    "change",
    [
        {"job_id": "b"},
        {"tenant": "acme"},
        {"tenant": None},
        {"task": {"kind": "summarize", "max_words": 61}},
        {"document": {"text": "a report "}},
        {"deadline": "2026-11-03T10:00:00Z"},
    ],
)
def test_everything_else_is_part_of_the_content(change: dict[str, Any]) -> None:
    assert job(**change).content_sha256() != job().content_sha256()


def test_a_document_is_the_same_content_inline_and_in_s3() -> None:
    class Bucket:
        def put_object(self, **arguments: Any) -> None: ...

    claim = ClaimCheck(s3=Bucket(), bucket="b").put_document("shop", "a", "a report")  # type: ignore[arg-type]

    assert job(document={"s3": claim}).content_sha256() == job().content_sha256()


def test_the_content_hash_never_changes_between_versions() -> None:
    # Rows written by an older version hold it: another hash would make resubmissions conflicts.
    assert job().content_sha256() == (
        "ad33d134b3661d855cd29bdeeddbb20f9ec38f2b530919ba227e9cc33e983a80"
    )


def test_a_validation_error_does_not_show_the_document() -> None:
    with pytest.raises(ValidationError) as caught:
        job(document={"text": ["Hedwig Quastenflosser"]})

    assert "Quastenflosser" not in str(caught.value)
