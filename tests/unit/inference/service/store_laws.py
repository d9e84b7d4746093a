"""The laws of the jobs table, for every implementation of `JobStore`.

Inherited by the tests of the in-memory table and by those of DynamoDB on the emulator.
"""

from datetime import UTC, datetime
from typing import Protocol

import pytest
from unit.inference.service.service_fakes import FakeClock

from zeroidle_contract import (
    ErrorCode,
    Job,
    JobError,
    JobRow,
    Result,
    Status,
    SummarizeOutput,
)
from zeroidle_inference.lease import Lease, Refusal, Refused
from zeroidle_inference.seams import JobStore

LEASE_MS = 60_000
DAY_S = 86_400


class Table(Protocol):
    """What the laws need beside the store: a look at the rows, and a producer's hand."""

    store: JobStore
    clock: FakeClock

    def put_queued(self, job: Job, *, expires_at: int) -> None: ...
    def set_status(self, job: Job, status: Status) -> None: ...
    def row(self, job: Job) -> JobRow | None: ...


def make_job(job_id: str = "job-1", text: str = "a text", tenant: str | None = "acme") -> Job:
    return Job.model_validate(
        {
            "job_id": job_id,
            "tenant": tenant,
            "task": {"kind": "summarize"},
            "document": {"text": text},
            "submitted_at": "2027-01-15T08:00:00Z",
        }
    )


def make_result(job: Job, summary: str = "short") -> Result:
    return Result(
        job_id=job.job_id,
        status=Status.SUCCEEDED,
        output=SummarizeOutput(summary=summary),
        completed_at=datetime(2027, 1, 15, 8, 0, 1, tzinfo=UTC),
    )


INTERNAL = JobError(
    code=ErrorCode.INTERNAL, message="it broke", retryable=True, fingerprint="0" * 12
)


def claim(table: Table, job: Job, owner: str = "worker-1") -> Lease | Refused:
    return table.store.claim(
        job,
        owner=owner,
        lease_expires_at_ms=table.clock.now_ms() + LEASE_MS,
        trace_header="Root=1-2-3",
    )


def granted(table: Table, job: Job, owner: str = "worker-1") -> Lease:
    lease = claim(table, job, owner)
    assert isinstance(lease, Lease)
    return lease


def row_of(table: Table, job: Job) -> JobRow:
    row = table.row(job)
    assert row is not None
    return row


class StoreLaws:
    @pytest.fixture
    def job(self) -> Job:
        return make_job()

    def test_a_queued_job_is_claimed_and_its_row_says_by_whom_and_until_when(
        self, table: Table, job: Job
    ) -> None:
        table.put_queued(job, expires_at=table.clock.now_ms() // 1000 + DAY_S)
        lease = granted(table, job)
        row = row_of(table, job)
        assert (lease.fence, lease.attempts, lease.owner) == (1, 1, "worker-1")
        assert (row.status, row.lease_owner, row.attempts, row.fence, row.commits) == (
            Status.RUNNING,
            "worker-1",
            1,
            1,
            0,
        )
        assert row.lease_expires_at_ms == table.clock.now_ms() + LEASE_MS
        assert row.expires_at == table.clock.now_ms() // 1000 + 30 * DAY_S

    def test_a_job_without_a_row_is_claimed_and_gets_a_whole_row(
        self, table: Table, job: Job
    ) -> None:
        granted(table, job)
        row = row_of(table, job)
        assert (row.job_id, row.tenant, row.task) == ("job-1", "acme", "summarize")
        assert row.content_sha256 == job.content_sha256()
        assert row.submitted_at == job.submitted_at
        assert row.trace_header == "Root=1-2-3"

    def test_a_held_job_is_refused_with_the_end_of_the_lease(self, table: Table, job: Job) -> None:
        granted(table, job)
        refused = claim(table, job, "worker-2")
        assert refused == Refused(Refusal.HELD, table.clock.now_ms() + LEASE_MS)
        assert row_of(table, job).attempts == 1

    def test_a_claim_whose_answer_was_lost_is_granted_again_without_a_second_attempt(
        self, table: Table, job: Job
    ) -> None:
        first = granted(table, job)
        assert claim(table, job) == first

    def test_a_lease_that_ran_out_is_taken_over_under_a_higher_fence(
        self, table: Table, job: Job
    ) -> None:
        granted(table, job)
        table.clock.advance_s(LEASE_MS / 1000)
        lease = granted(table, job, "worker-2")
        assert (lease.fence, lease.attempts) == (2, 2)

    def test_the_same_owner_with_another_lease_is_somebody_else(
        self, table: Table, job: Job
    ) -> None:
        granted(table, job)
        table.clock.advance_s(1)
        assert isinstance(claim(table, job), Refused)

    @pytest.mark.parametrize("status", [Status.SUCCEEDED, Status.CANCELLED])
    def test_a_job_that_ended_is_refused_with_its_status(
        self, table: Table, job: Job, status: Status
    ) -> None:
        granted(table, job)
        table.set_status(job, status)
        assert claim(table, job, "worker-2") == Refused(Refusal(status.value))

    @pytest.mark.parametrize(
        "status", [Status.QUEUED, Status.FAILED, Status.SUCCEEDED, Status.RUNNING]
    )
    def test_other_content_under_the_same_id_is_a_conflict(
        self, table: Table, job: Job, status: Status
    ) -> None:
        granted(table, job)
        table.set_status(job, status)
        before = row_of(table, job)
        assert claim(table, make_job(text="other"), "worker-2") == Refused(Refusal.CONFLICT)
        assert row_of(table, job) == before

    def test_a_commit_records_the_result_and_counts_itself(self, table: Table, job: Job) -> None:
        assert table.store.commit(granted(table, job), make_result(job)) is None
        row = row_of(table, job)
        assert (row.status, row.commits, row.lease_expires_at_ms) == (Status.SUCCEEDED, 1, None)
        assert row.result == make_result(job)
        assert row.completed_at == make_result(job).completed_at

    def test_a_commit_whose_answer_was_lost_counts_once(self, table: Table, job: Job) -> None:
        lease = granted(table, job)
        table.store.commit(lease, make_result(job))
        assert table.store.commit(lease, make_result(job)) is None
        assert row_of(table, job).commits == 1

    def test_a_holder_that_was_overtaken_commits_nothing(self, table: Table, job: Job) -> None:
        late = granted(table, job)
        table.clock.advance_s(LEASE_MS / 1000)
        granted(table, job, "worker-2")
        refused = table.store.commit(late, make_result(job))
        assert refused == Refused(Refusal.HELD, table.clock.now_ms() + LEASE_MS)
        assert (row_of(table, job).status, row_of(table, job).commits) == (Status.RUNNING, 0)

    def test_the_slower_of_two_holders_learns_that_the_job_succeeded(
        self, table: Table, job: Job
    ) -> None:
        late = granted(table, job)
        table.clock.advance_s(LEASE_MS / 1000)
        table.store.commit(granted(table, job, "worker-2"), make_result(job, "theirs"))
        assert table.store.commit(late, make_result(job, "mine")) == Refused(Refusal.SUCCEEDED)
        assert table.store.fail(late, INTERNAL, attempts=1) == Refused(Refusal.SUCCEEDED)
        assert table.store.release(late, spend_attempt=False) == Refused(Refusal.SUCCEEDED)
        assert row_of(table, job).result == make_result(job, "theirs")

    def test_a_job_cancelled_while_running_stays_cancelled(self, table: Table, job: Job) -> None:
        lease = granted(table, job)
        table.set_status(job, Status.CANCELLED)
        assert table.store.commit(lease, make_result(job)) == Refused(Refusal.CANCELLED)
        assert row_of(table, job).result is None

    def test_a_failure_is_recorded_with_its_code(self, table: Table, job: Job) -> None:
        assert table.store.fail(granted(table, job), INTERNAL, attempts=1) is None
        row = row_of(table, job)
        assert (row.status, row.error, row.commits) == (Status.FAILED, INTERNAL, 1)
        assert row.completed_at == table.clock.now()

    def test_a_failed_job_that_comes_again_begins_a_new_life(self, table: Table, job: Job) -> None:
        table.store.fail(granted(table, job), INTERNAL, attempts=3)
        lease = granted(table, job, "worker-2")
        row = row_of(table, job)
        assert (lease.fence, lease.attempts) == (2, 1)
        assert (row.status, row.commits, row.error) == (Status.RUNNING, 0, None)

    def test_a_row_past_its_retention_counts_as_absent(self, table: Table, job: Job) -> None:
        table.store.commit(granted(table, job), make_result(job))
        table.clock.advance_s(30 * DAY_S)
        lease = granted(table, make_job(text="other"), "worker-2")
        row = row_of(table, job)
        assert (lease.fence, lease.attempts) == (2, 1)
        assert (row.commits, row.result, row.completed_at) == (0, None, None)

    def test_a_release_gives_the_attempt_back(self, table: Table, job: Job) -> None:
        assert table.store.release(granted(table, job), spend_attempt=False) is None
        row = row_of(table, job)
        assert (row.status, row.attempts, row.lease_owner) == (Status.QUEUED, 0, None)
        assert granted(table, job, "worker-2").attempts == 1

    def test_a_release_whose_answer_was_lost_gives_back_one_attempt(
        self, table: Table, job: Job
    ) -> None:
        table.store.release(granted(table, job), spend_attempt=True)
        lease = granted(table, job, "worker-2")
        table.store.release(lease, spend_attempt=False)
        assert table.store.release(lease, spend_attempt=False) is None
        assert row_of(table, job).attempts == 1

    def test_a_release_after_a_failed_attempt_keeps_it_counted(
        self, table: Table, job: Job
    ) -> None:
        table.store.release(granted(table, job), spend_attempt=True)
        assert granted(table, job, "worker-2").attempts == 2

    def test_the_fence_grows_over_releases_too(self, table: Table, job: Job) -> None:
        table.store.release(granted(table, job), spend_attempt=False)
        assert granted(table, job, "worker-2").fence == 2

    def test_a_message_that_is_no_job_fails_its_queued_row(self, table: Table, job: Job) -> None:
        table.put_queued(job, expires_at=table.clock.now_ms() // 1000 + DAY_S)
        assert table.store.fail_unclaimed(job.key, INTERNAL) is None
        row = row_of(table, job)
        assert (row.status, row.error, row.commits) == (Status.FAILED, INTERNAL, 1)

    def test_a_message_that_is_no_job_gets_a_row_of_its_own(self, table: Table, job: Job) -> None:
        assert table.store.fail_unclaimed(job.key, INTERNAL) is None
        row = row_of(table, job)
        assert (row.job_id, row.tenant, row.status) == ("job-1", "acme", Status.FAILED)
        assert granted(table, job).attempts == 1

    @pytest.mark.parametrize("status", [Status.RUNNING, Status.SUCCEEDED, Status.CANCELLED])
    def test_a_message_that_is_no_job_leaves_a_valid_jobs_row_alone(
        self, table: Table, job: Job, status: Status
    ) -> None:
        granted(table, job)
        table.set_status(job, status)
        before = row_of(table, job)
        assert isinstance(table.store.fail_unclaimed(job.key, INTERNAL), Refused)
        assert row_of(table, job) == before

    def test_two_invalid_messages_of_one_id_count_one_final_write(
        self, table: Table, job: Job
    ) -> None:
        table.store.fail_unclaimed(job.key, INTERNAL)
        table.store.fail_unclaimed(job.key, INTERNAL)
        assert row_of(table, job).commits == 1

    def test_a_job_without_tenant_is_kept_apart_from_every_tenant(self, table: Table) -> None:
        nobodys = make_job(tenant=None)
        granted(table, nobodys)
        assert granted(table, make_job()).fence == 1
        assert row_of(table, nobodys).tenant is None
