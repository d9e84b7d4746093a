"""Several workers on one job after the other, beside a ghost that knows what must be true.

The ghost is told only what the callers saw; it never looks into the store but through rows.
"""

import itertools
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    precondition,
    rule,
)
from unit.inference.service.store_laws import INTERNAL, LEASE_MS, Table, make_job, make_result

from zeroidle_contract import Job, Status
from zeroidle_inference.lease import Lease, Refusal, Refused

JOBS = itertools.count()
"""No two runs share a row, so that a table need not be emptied between them."""


class LeaseMachine(RuleBasedStateMachine):
    """Subclasses give `make_table`."""

    leases = Bundle("leases")

    def __init__(self) -> None:
        super().__init__()
        self.table: Table = self.make_table()
        self.claims = 0
        self.committed: list[tuple[Job, Lease]] = []
        self.begin_job()

    def begin_job(self) -> None:
        self.job: Job = make_job(f"job-{next(JOBS)}")
        self.status: Status | None = None
        self.current: Lease | None = None
        self.lease_ends_ms = 0
        self.attempts = 0
        self.fence = 0

    def make_table(self) -> Any:
        raise NotImplementedError

    def claim(self) -> Lease | Refused:
        self.claims += 1
        return self.table.store.claim(
            self.job,
            owner=f"worker-{self.claims}",
            lease_expires_at_ms=self.table.clock.now_ms() + LEASE_MS,
            trace_header=None,
        )

    @rule(target=leases)
    def a_worker_claims(self) -> Any:
        now_ms = self.table.clock.now_ms()
        answer = self.claim()
        is_held = self.status is Status.RUNNING and now_ms < self.lease_ends_ms
        if is_held or self.status in {Status.SUCCEEDED, Status.CANCELLED}:
            expected = (
                Refused(Refusal.HELD, self.lease_ends_ms)
                if is_held
                else Refused(Refusal(self.status.value))  # type: ignore[union-attr]
            )
            assert answer == expected
            return multiple()
        assert isinstance(answer, Lease)
        assert answer.fence > self.fence
        self.attempts = 1 if self.status is Status.FAILED else self.attempts + 1
        assert answer.attempts == self.attempts
        self.status, self.current, self.fence = Status.RUNNING, answer, answer.fence
        self.lease_ends_ms = now_ms + LEASE_MS
        return answer

    def check_write(self, lease: Lease, refused: Refused | None) -> bool:
        """A write is taken if and only if its lease is the last one given and still open."""
        is_open = lease == self.current and self.status is Status.RUNNING
        assert (refused is None) == is_open
        return is_open

    @rule(lease=leases)
    def a_worker_commits(self, lease: Lease) -> None:
        # A second try of a write that was taken is answered like the first.
        is_repeat = lease in [winner for _, winner in self.committed]
        refused = self.table.store.commit(lease, make_result(self.job, lease.owner))
        if is_repeat:
            assert refused is None
        elif self.check_write(lease, refused):
            self.status = Status.SUCCEEDED
            self.committed.append((self.job, lease))

    @rule(lease=leases)
    def a_worker_fails(self, lease: Lease) -> None:
        is_repeat = lease == self.current and self.status is Status.FAILED
        refused = self.table.store.fail(lease, INTERNAL, attempts=lease.attempts)
        if is_repeat:
            assert refused is None
        elif self.check_write(lease, refused):
            self.status = Status.FAILED

    @rule(lease=consumes(leases), spend=st.booleans())
    def a_worker_releases(self, lease: Lease, *, spend: bool) -> None:
        refused = self.table.store.release(lease, spend_attempt=spend)
        if self.check_write(lease, refused):
            self.status = Status.QUEUED
            self.attempts -= 0 if spend else 1

    @rule()
    def a_message_of_the_same_id_is_invalid(self) -> None:
        refused = self.table.store.fail_unclaimed(self.job.key, INTERNAL)
        is_free = self.status in {None, Status.QUEUED, Status.FAILED}
        assert (refused is None) == is_free
        if is_free:
            self.status, self.current = Status.FAILED, None

    @rule(seconds=st.sampled_from([1, 30, 60, 61]))
    def time_passes(self, seconds: int) -> None:
        self.table.clock.advance_s(seconds)

    @precondition(lambda self: self.status in {Status.RUNNING, Status.QUEUED})
    @rule()
    def the_producer_cancels(self) -> None:
        self.table.set_status(self.job, Status.CANCELLED)
        self.status = Status.CANCELLED

    @invariant()
    def the_row_says_what_the_workers_were_told(self) -> None:
        row = self.table.row(self.job)
        if self.status is None:
            assert row is None
            return
        assert row is not None
        assert (row.status, row.fence) == (self.status, self.fence)
        assert row.commits == (1 if self.status in {Status.SUCCEEDED, Status.FAILED} else 0)
        if self.status is not Status.FAILED:
            assert row.attempts == self.attempts

    @precondition(lambda self: self.status in {Status.SUCCEEDED, Status.CANCELLED})
    @rule()
    def another_job_is_next(self) -> None:
        self.begin_job()

    @invariant()
    def a_committed_result_never_changes(self) -> None:
        for job, lease in self.committed[-1:]:
            row = self.table.row(job)
            assert row is not None
            assert row.result is not None
            assert row.result.output == make_result(job, lease.owner).output
