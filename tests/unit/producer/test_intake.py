"""What a producer accepts is what the consumer would accept, with the same codes."""

from datetime import UTC, datetime
from typing import Any

import pytest

from zeroidle_contract import Document, ErrorCode, Job, Summarize
from zeroidle_producer import InvalidJobError
from zeroidle_producer.intake import accept, job_id_of

FIELDS: dict[str, Any] = {
    "job_id": "a",
    "task": {"kind": "summarize"},
    "document": {"text": "a report"},
}


def test_fields_may_be_plain_or_models() -> None:
    moment = datetime(2026, 11, 3, tzinfo=UTC)
    plain = accept({**FIELDS, "submitted_at": "2026-11-03T00:00:00Z"}, tenant="shop")
    models = {
        "job_id": "a",
        "task": Summarize(),
        "document": Document(text="a report"),
        "submitted_at": moment,
    }

    assert accept(models, tenant="shop") == plain


def test_what_is_accepted_is_what_will_arrive() -> None:
    schema = {"enum": (1, 2.0, None)}
    job = accept({**FIELDS, "task": {"kind": "extract", "json_schema": schema}}, tenant=None)

    assert job.task.kind == "extract"
    assert job.task.json_schema == {"enum": [1, 2.0, None]}


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"job_id": "a/b"}, ErrorCode.INVALID_JOB),
        ({"tenant": "x"}, ErrorCode.INVALID_JOB),
        ({"task": {"kind": "translate"}}, ErrorCode.UNKNOWN_TASK),
        ({"schema_version": 2}, ErrorCode.UNSUPPORTED_VERSION),
        ({"document": {"text": " "}}, ErrorCode.EMPTY_DOCUMENT),
        ({"document": {"text": "\ud800"}}, ErrorCode.INVALID_JOB),
        ({"document": {"text": object()}}, ErrorCode.INVALID_JOB),
        (
            {"document": {"s3": {"key": "tenants/acme/x", "sha256": "0" * 64, "bytes": 1}}},
            ErrorCode.DOCUMENT_FORBIDDEN,
        ),
    ],
)
def test_a_job_that_the_consumer_would_refuse_is_refused_with_its_code(
    changes: dict[str, Any], code: ErrorCode
) -> None:
    with pytest.raises(InvalidJobError) as caught:
        accept({**FIELDS, **changes}, tenant="shop")

    assert caught.value.code is code


def test_a_model_that_holds_no_unicode_text_is_refused_too() -> None:
    job = Job.model_validate({**FIELDS, "document": {"text": "\ud800"}})

    with pytest.raises(InvalidJobError, match="text that is not Unicode"):
        accept(job, tenant=None)


@pytest.mark.parametrize(
    ("given", "job_id"),
    [(Job.model_validate(FIELDS), "a"), (FIELDS, "a"), ({}, ""), ({"job_id": 7}, "")],
)
def test_a_refused_job_is_reported_under_the_id_that_it_gave(given: Any, job_id: str) -> None:
    assert job_id_of(given) == job_id
