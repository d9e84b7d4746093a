"""The jobs table's layout: rows survive the way there and back."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from zeroidle_contract import (
    ErrorCode,
    Job,
    JobError,
    JobRow,
    Result,
    S3Document,
    Status,
    SummarizeOutput,
)
from zeroidle_contract.table import RETENTION_DAYS, iso, queued_item

SUBMITTED = datetime(2026, 11, 3, 9, 15, 27, 250_000, tzinfo=UTC)
JOB = Job.model_validate(
    {
        "job_id": "a",
        "tenant": "shop",
        "task": {"kind": "summarize"},
        "document": {"text": "a report"},
        "submitted_at": SUBMITTED,
    }
)


def test_a_queued_row_comes_back_as_it_was_written() -> None:
    row = JobRow.from_item(queued_item(JOB, expires_at=1_800_000_000, trace_header="Root=1-2-3"))

    assert row == JobRow(
        job_key="shop/a",
        job_id="a",
        tenant="shop",
        status=Status.QUEUED,
        content_sha256=JOB.content_sha256(),
        attempts=0,
        fence=0,
        commits=0,
        task="summarize",
        submitted_at=SUBMITTED,
        expires_at=1_800_000_000,
        trace_header="Root=1-2-3",
    )


def test_a_row_never_holds_the_document() -> None:
    assert "a report" not in str(queued_item(JOB, expires_at=0))


def test_a_queued_row_is_not_among_the_failures() -> None:
    assert "error_code" not in queued_item(JOB, expires_at=0)


def test_a_row_that_has_lived_is_read_whole() -> None:
    result = Result(job_id="a", status=Status.SUCCEEDED, output=SummarizeOutput(summary="short"))
    claim = S3Document(key="tenants/shop/outputs/a/x.txt", sha256="0" * 64, bytes=9)
    error = JobError(
        code=ErrorCode.INTERNAL, message="a bug", retryable=True, fingerprint="0123456789ab"
    )
    item = {
        **queued_item(JOB, expires_at=0),
        "lease_owner": {"S": "request-1"},
        "lease_expires_at_ms": {"N": "1762160000123"},
        "completed_at": {"S": "2026-11-03T09:15:28.212Z"},
        "result": {"S": result.model_dump_json()},
        "result_s3": {"S": claim.model_dump_json()},
        "error": {"S": error.model_dump_json()},
    }

    row = JobRow.from_item(item)

    assert row.lease_owner == "request-1"
    assert row.lease_expires_at_ms == 1_762_160_000_123
    assert row.completed_at == datetime(2026, 11, 3, 9, 15, 28, 212_000, tzinfo=UTC)
    assert row.result == result
    assert row.result_s3 == claim
    assert row.error == error
    assert row.to_result() is row.result


def test_a_row_without_a_committed_result_tells_what_is_known_so_far() -> None:
    item = {
        **queued_item(JOB, expires_at=0),
        "status": {"S": "running"},
        "attempts": {"N": "2"},
    }

    assert JobRow.from_item(item).to_result() == Result(
        job_id="a", status=Status.RUNNING, attempts=2
    )


@pytest.mark.parametrize(("seconds", "expired"), [(-1, False), (0, True), (1, True)])
def test_a_row_is_expired_from_its_moment_on(seconds: int, expired: bool) -> None:
    row = JobRow.from_item(queued_item(JOB, expires_at=int(SUBMITTED.timestamp() + 1)))

    moment = SUBMITTED.replace(microsecond=0) + timedelta(seconds=1 + seconds)

    assert row.is_expired(moment) == expired


moments = st.datetimes(
    min_value=datetime(2020, 1, 1),  # noqa: DTZ001 -- the strategy adds the zone
    max_value=datetime(2100, 1, 1),  # noqa: DTZ001
    timezones=st.timezones(),
)


@given(one=moments, other=moments)
def test_moments_sort_as_text(one: datetime, other: datetime) -> None:
    earlier, later = sorted([one, other])

    assert iso(earlier) <= iso(later)


def test_a_row_outlives_every_way_a_message_can_come_back() -> None:
    queue_days, dead_letter_queue_days = 4, 14

    assert queue_days + dead_letter_queue_days < RETENTION_DAYS
