"""The in-memory table keeps the laws that DynamoDB keeps, so tests on it can be believed."""

from dataclasses import replace

import pytest
from hypothesis import settings
from unit.inference.service.lease_machine import LeaseMachine
from unit.inference.service.service_fakes import FakeClock, FakeStore
from unit.inference.service.store_laws import StoreLaws

from zeroidle_contract import Job, JobRow, Status


class InMemoryTable:
    def __init__(self) -> None:
        self.clock = FakeClock()
        self.store = FakeStore(self.clock)

    def put_queued(self, job: Job, *, expires_at: int) -> None:
        self.store.put(
            JobRow(
                job_key=job.key,
                job_id=job.job_id,
                tenant=job.tenant,
                status=Status.QUEUED,
                content_sha256=job.content_sha256(),
                attempts=0,
                fence=0,
                commits=0,
                expires_at=expires_at,
            )
        )

    def set_status(self, job: Job, status: Status) -> None:
        self.store.rows[job.key] = replace(self.store.rows[job.key], status=status)

    def row(self, job: Job) -> JobRow | None:
        return self.store.row(job.key)


class TestFakeStore(StoreLaws):
    @pytest.fixture
    def table(self) -> InMemoryTable:
        return InMemoryTable()


class InMemoryLeaseMachine(LeaseMachine):
    def make_table(self) -> InMemoryTable:
        return InMemoryTable()


TestInMemoryLeases = InMemoryLeaseMachine.TestCase
TestInMemoryLeases.settings = settings(max_examples=200, stateful_step_count=40, deadline=None)
